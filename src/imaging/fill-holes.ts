import type { Size3 } from "./affine.js";
import { componentRuns, componentSizes, ZEROS } from "./component-runs.js";

/**
 * The mask with its holes filled, as ones: background that cannot reach the border of the volume through faces
 * (6-connected), as scipy's `binary_fill_holes`. An axis with one voxel has no border, so a single slice is filled
 * like an image.
 *
 * @param maxVoxels holes of more voxels stay open. @default none do
 */
export function fillHoles(mask: Uint8Array, size: Size3, maxVoxels = Number.POSITIVE_INFINITY): Uint8Array {
  return fill(mask, size, size[2] === 1 ? 4 : 6, maxVoxels);
}

/** The same for each slice along z on its own: background that cannot reach the slice's border (4-connected). */
export function fillHolesInSlices(mask: Uint8Array, size: Size3, maxVoxels = Number.POSITIVE_INFINITY): Uint8Array {
  return fill(mask, size, 4, maxVoxels);
}

function fill(mask: Uint8Array, size: Size3, connectivity: 4 | 6, maxVoxels: number): Uint8Array {
  const [nx, ny, nz] = size;
  const runs = componentRuns(mask, size, connectivity, ZEROS);
  const open = Uint8Array.from(componentSizes(runs), (voxels) => (voxels > maxVoxels ? 1 : 0));
  for (let run = 0; run < runs.first.length; run++) {
    const x = runs.first[run] % nx;
    const row = Math.floor(runs.first[run] / nx);
    const y = row % ny;
    const z = Math.floor(row / ny);
    const atX = nx > 1 && (x === 0 || x + runs.length[run] === nx);
    const atY = ny > 1 && (y === 0 || y === ny - 1);
    const atZ = connectivity === 6 && nz > 1 && (z === 0 || z === nz - 1);
    if (atX || atY || atZ) open[runs.component[run]] = 1;
  }

  const out = new Uint8Array(mask.length).fill(1);
  for (let run = 0; run < runs.first.length; run++) {
    if (open[runs.component[run]] === 1) out.fill(0, runs.first[run], runs.first[run] + runs.length[run]);
  }
  return out;
}
