import { PipelineError } from "#src/core/errors.js";
import type { Box } from "#src/imaging/crop.js";
import { growBoxBy, labelBoxes } from "#src/imaging/label-boxes.js";
import type { Grid } from "#src/imaging/volume.js";
import type { LabelMap } from "./network-grid.js";

/**
 * The box around some labels and a margin about it, cut at the image's edges; null where there is no such label.
 *
 * @param marginMm in millimetres along each axis of the grid, rounded up to whole voxels
 * @throws {PipelineError} `InputMismatch` when there is a margin but the image says nothing about its spacing
 */
export function regionBox(labels: LabelMap, grid: Grid, wanted: readonly number[], marginMm: number): Box | null {
  if (grid.spacingMm === null && marginMm > 0) {
    throw new PipelineError("InputMismatch", "image has no voxel spacing, the region's margin is in millimetres");
  }
  const [first, ...rest] = labelBoxes(labels, grid.size, wanted).values();
  if (first === undefined) return null;
  const around = rest.reduce(unionOf, first);
  const [x, y, z] = grid.spacingMm ?? [1, 1, 1];
  return growBoxBy(around, grid.size, [Math.ceil(marginMm / x), Math.ceil(marginMm / y), Math.ceil(marginMm / z)]);
}

function unionOf(a: Box, b: Box): Box {
  const low = (axis: 0 | 1 | 2) => Math.min(a.start[axis], b.start[axis]);
  const length = (axis: 0 | 1 | 2) => Math.max(a.start[axis] + a.size[axis], b.start[axis] + b.size[axis]) - low(axis);
  return { start: [low(0), low(1), low(2)], size: [length(0), length(1), length(2)] };
}
