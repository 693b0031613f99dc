import { PipelineError } from "#src/core/errors.js";
import { cropBox, pasteBox } from "#src/imaging/crop.js";
import type { RefineStep } from "#src/model/refine-steps.js";
import { type ApplyStep, probabilitiesFor } from "./refine-state.js";

/** Keeps a label only where its own probability reaches the threshold; elsewhere the voxel becomes background. */
export const applyThreshold: ApplyStep<Extract<RefineStep, { kind: "threshold" }>> = (state, step, subject) => {
  const probabilities = probabilitiesFor(state, subject);
  if (probabilities === null) return state;

  const inBox = cropBox(state.labels, state.size, probabilities);
  for (const label of step.labels) {
    const values = probabilities.byLabel.get(label);
    if (values === undefined) {
      throw new PipelineError("ContractViolation", `${subject} needs the probability of label ${label}, got none`);
    }
    for (let i = 0; i < inBox.length; i++) {
      if (inBox[i] === label && !((values[i] ?? 0) >= step.probability)) inBox[i] = 0;
    }
  }
  return { ...state, labels: pasteBox(inBox, probabilities, state.size, 0, state.labels.slice()) };
};
