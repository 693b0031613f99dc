import { cropBox, pasteBox } from "#src/imaging/crop.js";
import type { RefineStep } from "#src/model/refine-steps.js";
import { decideInBox } from "./decide-in-box.js";
import { type ApplyStep, clearLabel, probabilitiesFor, probabilityOf } from "./refine-state.js";

type ThresholdStep = Extract<RefineStep, { kind: "threshold" }>;

/** Keeps a label where its own probability reaches its threshold, or decides by that alone. */
export const applyThreshold: ApplyStep<ThresholdStep> = (state, step, subject) => {
  const probabilities = probabilitiesFor(state, subject);
  if (probabilities === null) return state;
  const limits = new Map(step.labels.map((label, n) => [label, limitOf(step, n)]));
  if (step.from === "probabilities") {
    return decideInBox(state, probabilities, step.labels, subject, (label, values) =>
      Uint8Array.from(values, (value) => (value >= (limits.get(label) ?? 1) ? 1 : 0)),
    );
  }
  const inBox = cropBox(state.labels, state.size, probabilities);
  const labels = state.labels.slice();
  for (const label of step.labels) {
    const values = probabilityOf(probabilities, label, subject);
    const limit = limits.get(label) ?? 1;
    for (let i = 0; i < inBox.length; i++) {
      if (inBox[i] === label && !((values[i] ?? 0) >= limit)) inBox[i] = 0;
    }
    // Outside the box a label has the probability 0.
    clearLabel(labels, label);
  }
  return { ...state, labels: pasteBox(inBox, probabilities, state.size, 0, labels) };
};

/** The float32 nearest to the threshold, so that a stored 0.7 reaches a threshold of 0.7. */
function limitOf({ probability }: ThresholdStep, n: number): number {
  return Math.fround(Array.isArray(probability) ? (probability[n] ?? 1) : probability);
}
