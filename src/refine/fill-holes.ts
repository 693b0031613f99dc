import { fillHoles, fillHolesInSlices } from "#src/imaging/fill-holes.js";
import type { RefineStep } from "#src/model/refine-steps.js";
import { changeEachComponent } from "./each-label.js";
import { type ApplyStep, volumeVox } from "./refine-state.js";

/** Gives each label the background that it encloses. Other labels inside a hole stay what they are. */
export const applyFillHoles: ApplyStep<Extract<RefineStep, { kind: "fill-holes" }>> = (state, step, subject) => {
  const most = volumeVox(state, { mm3: step.maxMm3, voxels: step.maxVoxels }, "atMost", subject);
  const fill = step.dimensions === 2 ? fillHolesInSlices : fillHoles;
  // With a voxel of margin only a box that ends where the volume ends is as thin as the volume.
  const labels = changeEachComponent(state.labels, state.size, step.labels, [1, 1, 1], (mask, size) =>
    fill(mask, size, most),
  );
  return { ...state, labels };
};
