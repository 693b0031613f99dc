import type { Size3 } from "#src/imaging/affine.js";
import { morphology } from "#src/imaging/morphology.js";
import type { RefineStep } from "#src/model/refine-steps.js";
import { changeEachComponent } from "./each-label.js";
import { type ApplyStep, spacingFor } from "./refine-state.js";

/** Dilates, erodes, opens or closes each label. It grows into background only. */
export const applyMorphology: ApplyStep<Extract<RefineStep, { kind: "morphology" }>> = (state, step, subject) => {
  const spacingMm = spacingFor(state, subject);
  // A closing reaches two radii: what is closer than that is looked at together. One voxel more, so that every box
  // has background around the label wherever the volume has.
  const margin = (mm: number): number => (step.operation === "close" ? 2 : 1) * Math.ceil(step.radiusMm / mm) + 1;
  const marginVox: Size3 = [margin(spacingMm[0]), margin(spacingMm[1]), margin(spacingMm[2])];
  const labels = changeEachComponent(state.labels, state.size, step.labels, marginVox, (mask, size) =>
    morphology(mask, size, spacingMm, step.operation, step.radiusMm, step.dimensions === 2),
  );
  return { ...state, labels };
};
