import { growRegion } from "#src/imaging/classical/region-growing.js";
import { cropBox } from "#src/imaging/crop.js";
import { squaredDistances } from "#src/imaging/distance-transform.js";
import type { RefineStep } from "#src/model/refine-steps.js";
import { finiteImageFor, marginVox } from "./classical-image.js";
import { changeEachLabel } from "./each-label.js";
import { type ApplyStep, spacingFor } from "./refine-state.js";

/** So that a voxel at exactly the distance counts, whatever its rounding. */
const ROUNDING = 1 + 1e-5;

/** Grows each label into background of like intensity, no farther than asked for. What it has it keeps. */
export const applyRegionGrow: ApplyStep<Extract<RefineStep, { kind: "region-grow" }>> = (state, step, subject) => {
  const spacingMm = spacingFor(state, subject);
  const image = finiteImageFor(state, subject);
  const margin = marginVox(step.withinMm, spacingMm);
  const labels = changeEachLabel(state.labels, state.size, step.labels, margin, (mask, size, box) => {
    const part = cropBox(image, state.size, box);
    const { low, high } = rangeInside(part, mask, step.deviations);
    const distances = squaredDistances(mask, size, spacingMm, "set", step.withinMm);
    const limit = step.withinMm ** 2 * ROUNDING;
    const taken = cropBox(state.labels, state.size, box);
    const seeds: number[] = [];
    // A voxel of the label is a way for growth whatever its value; other labels and far voxels are none.
    const values = part.map((value, i) => {
      if (mask[i] === 1) {
        seeds.push(i);
        return (low + high) / 2;
      }
      return taken[i] !== 0 || (distances[i] ?? 0) > limit ? Number.NaN : value;
    });
    return growRegion(values, size, seeds, { low, high }, step.connectivity);
  });
  return { ...state, labels };
};

function rangeInside(image: Float32Array, mask: Uint8Array, deviations: number): { low: number; high: number } {
  let count = 0;
  let sum = 0;
  for (let i = 0; i < image.length; i++) {
    if (mask[i] === 0) continue;
    count++;
    sum += image[i] ?? 0;
  }
  const mean = sum / Math.max(1, count);
  let squares = 0;
  for (let i = 0; i < image.length; i++) if (mask[i] !== 0) squares += ((image[i] ?? 0) - mean) ** 2;
  const reach = deviations * Math.sqrt(squares / Math.max(1, count));
  return { low: mean - reach, high: mean + reach };
}
