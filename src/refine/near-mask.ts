import type { Size3 } from "#src/imaging/affine.js";
import { componentBoxes } from "#src/imaging/component-boxes.js";
import { type Box, cropBox } from "#src/imaging/crop.js";
import { morphology } from "#src/imaging/morphology.js";
import { maskOf, type RefineInput, spacingFor } from "./refine-state.js";

/**
 * Ones at most a distance from the nearest voxel of some labels. Worked out in boxes around the components of the
 * labels, as far as the distance can reach, not in the volume.
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
  // Boxes of one label never overlap; those of two may.
  for (const [label, boxes] of componentBoxes(state.labels, state.size, anatomy, margin)) {
    for (const box of boxes) {
      const inBox = maskOf(cropBox(state.labels, state.size, box), [label]);
      const reached = morphology(inBox, box.size, spacingMm, "dilate", withinMm);
      setOnes(reached, box, state.size, near);
    }
  }
  return near;
}

function setOnes(mask: Uint8Array, { start, size }: Box, [nx, ny]: Size3, out: Uint8Array): void {
  let i = 0;
  for (let z = 0; z < size[2]; z++) {
    for (let y = 0; y < size[1]; y++) {
      const row = start[0] + nx * (y + start[1] + ny * (z + start[2]));
      for (let x = 0; x < size[0]; x++, i++) if (mask[i] === 1) out[row + x] = 1;
    }
  }
}
