import type { Size3 } from "./affine.js";

/**
 * All subsets of the axes: the passes of mirroring test-time augmentation. The smaller ones come first, as in nnU-Net
 * (`itertools.combinations` of one axis, of two, of three): the order decides the last bit of the sum over the passes.
 */
export function mirrorSubsets<T>(axes: readonly T[]): T[][] {
  const subsets: T[][] = [[]];
  for (const axis of axes) subsets.push(...subsets.map((subset) => [...subset, axis]));
  return subsets.sort((a, b) => a.length - b.length);
}

export type Flips = readonly [boolean, boolean, boolean];

/**
 * Copies tiles with the given axes reversed. Its own inverse.
 *
 * @param source `count` tiles one after another, x fastest
 * @param size voxels of one tile along x, y, z
 * @param flips whether x, y, z are reversed
 */
export function mirrorTiles(source: Float32Array, size: Size3, count: number, flips: Flips): Float32Array {
  const out = new Float32Array(source.length);
  const [nx] = size;
  forRows(size, count, flips, (to, from) => {
    if (flips[0]) for (let x = 0; x < nx; x++) out[to + x] = source[from + nx - 1 - x];
    else for (let x = 0; x < nx; x++) out[to + x] = source[from + x];
  });
  return out;
}

/** Adds tiles with the given axes reversed to as many others. Tiles and axes are those of `mirrorTiles`. */
export function addMirrored(sums: Float32Array, source: Float32Array, size: Size3, count: number, flips: Flips): void {
  const [nx] = size;
  forRows(size, count, flips, (to, from) => {
    if (flips[0]) for (let x = 0; x < nx; x++) sums[to + x] += source[from + nx - 1 - x];
    else for (let x = 0; x < nx; x++) sums[to + x] += source[from + x];
  });
}

/** Calls with the start of each row, and of the one that lies there when y and z are reversed. */
function forRows([nx, ny, nz]: Size3, count: number, flips: Flips, call: (to: number, from: number) => void): void {
  for (let n = 0; n < count; n++) {
    const base = n * nx * ny * nz;
    for (let z = 0; z < nz; z++) {
      const fromZ = flips[2] ? nz - 1 - z : z;
      for (let y = 0; y < ny; y++) {
        const fromY = flips[1] ? ny - 1 - y : y;
        call(base + nx * (y + ny * z), base + nx * (fromY + ny * fromZ));
      }
    }
  }
}
