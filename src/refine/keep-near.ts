import { dilateByFaces } from "#src/imaging/step-distance.js";
import type { RefineStep } from "#src/model/refine-steps.js";
import { nearMask } from "./near-mask.js";
import { type ApplyStep, maskOf } from "./refine-state.js";

/** Keeps the voxels of the labels that are near the anatomy, or those that are far from it. */
export const applyKeepNear: ApplyStep<Extract<RefineStep, { kind: "keep-near" }>> = (state, step, subject) => {
  const isNear =
    step.withinMm === undefined
      ? dilateByFaces(maskOf(state.labels, step.anatomy), state.size, step.withinSteps ?? 0)
      : nearMask(state, step.anatomy, step.withinMm, subject);
  const isNamed = maskOf(state.labels, step.labels);
  const labels = state.labels.slice();
  const wanted = step.keep === "near" ? 1 : 0;
  for (let i = 0; i < labels.length; i++) if (isNamed[i] === 1 && isNear[i] !== wanted) labels[i] = 0;
  return { ...state, labels };
};
