import type { Size3 } from "#src/imaging/affine.js";
import { cropBox, pasteBox } from "#src/imaging/crop.js";
import { growBoxBy, labelBoxes } from "#src/imaging/label-boxes.js";
import { morphology } from "#src/imaging/morphology.js";
import { maskOf, type RefineInput, spacingFor } from "./refine-state.js";

/**
 * Ones at most a distance from the nearest voxel of some labels. Distances are worked out in the box that they can
 * reach, not in the volume.
 *
 * @throws {PipelineError} `InputMismatch` without spacing
 */
export function nearMask(
  state: RefineInput,
  anatomy: readonly number[],
  withinMm: number,
  subject: string,
): Uint8Array {
  const spacingMm = spacingFor(state, subject);
  const near = new Uint8Array(state.labels.length);
  const reach = (mm: number): number => Math.ceil(withinMm / mm) + 1;
  const margin: Size3 = [reach(spacingMm[0]), reach(spacingMm[1]), reach(spacingMm[2])];
  const boxes = [...labelBoxes(state.labels, state.size, anatomy).values()];
  if (boxes.length === 0) return near;
  const low = (axis: 0 | 1 | 2): number => Math.min(...boxes.map(({ start }) => start[axis]));
  const length = (axis: 0 | 1 | 2): number =>
    Math.max(...boxes.map(({ start, size }) => start[axis] + size[axis])) - low(axis);
  const box = growBoxBy(
    { start: [low(0), low(1), low(2)], size: [length(0), length(1), length(2)] },
    state.size,
    margin,
  );
  const mask = maskOf(cropBox(state.labels, state.size, box), anatomy);
  return pasteBox(morphology(mask, box.size, spacingMm, "dilate", withinMm), box, state.size, 0, near);
}
