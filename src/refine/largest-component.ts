import { largestComponents } from "#src/imaging/components.js";
import type { RefineStep } from "#src/model/refine-steps.js";
import { type ApplyStep, clearUnkept, maskOf } from "./refine-state.js";

/** Keeps the largest component of the union of the labels, and those as large, as nnU-Net does. */
export const applyLargestComponent: ApplyStep<Extract<RefineStep, { kind: "largest-component" }>> = (state, step) => {
  const mask = maskOf(state.labels, step.labels);
  const kept = largestComponents(mask, state.size, step.connectivity);
  return { ...state, labels: clearUnkept(state.labels, mask, kept) };
};
