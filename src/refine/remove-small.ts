import { componentsOfAtLeast } from "#src/imaging/components.js";
import type { RefineStep } from "#src/model/refine-steps.js";
import { type ApplyStep, clearUnkept, maskOf, spacingFor } from "./refine-state.js";

/** So that eight voxels of 1/8 cubic millimetre count as one cubic millimetre whatever their rounding. */
const ROUNDING_VOX = 1e-6;

/** Removes the components of each label, on its own, that are smaller than a volume. */
export const applyRemoveSmall: ApplyStep<Extract<RefineStep, { kind: "remove-small" }>> = (state, step, subject) => {
  const [x, y, z] = spacingFor(state, subject);
  const minVoxels = Math.ceil(step.minMm3 / (x * y * z) - ROUNDING_VOX);
  let { labels } = state;
  for (const label of step.labels) {
    const mask = maskOf(labels, [label]);
    labels = clearUnkept(labels, mask, componentsOfAtLeast(mask, state.size, step.connectivity, minVoxels));
  }
  return { ...state, labels };
};
