import { fillHoles, fillHolesInSlices } from "#src/imaging/fill-holes.js";
import type { RefineStep } from "#src/model/refine-steps.js";
import { type ApplyStep, maskOf } from "./refine-state.js";

/** Gives each label the background that it encloses. Other labels inside a hole stay what they are. */
export const applyFillHoles: ApplyStep<Extract<RefineStep, { kind: "fill-holes" }>> = (state, step) => {
  const labels = state.labels.slice();
  for (const label of step.labels) {
    const mask = maskOf(labels, [label]);
    const filled = step.dimensions === 2 ? fillHolesInSlices(mask, state.size) : fillHoles(mask, state.size);
    for (let i = 0; i < labels.length; i++) if (labels[i] === 0 && filled[i] !== 0) labels[i] = label;
  }
  return { ...state, labels };
};
