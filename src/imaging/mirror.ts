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

/**
 * Copies tiles with the given axes reversed. Its own inverse.
 *
 * @param source `count` tiles one after another, x fastest
 * @param size voxels of one tile along x, y, z
 * @param flips whether x, y, z are reversed
 */
export function mirrorTiles(
  source: Float32Array,
  size: Size3,
  count: number,
  flips: readonly [boolean, boolean, boolean],
): Float32Array {
  const [nx, ny, nz] = size;
  const out = new Float32Array(source.length);
  for (let n = 0; n < count; n++) {
    const base = n * nx * ny * nz;
    for (let z = 0; z < nz; z++) {
      const fromZ = flips[2] ? nz - 1 - z : z;
      for (let y = 0; y < ny; y++) {
        const fromY = flips[1] ? ny - 1 - y : y;
        const to = base + nx * (y + ny * z);
        const from = base + nx * (fromY + ny * fromZ);
        if (flips[0]) for (let x = 0; x < nx; x++) out[to + x] = source[from + nx - 1 - x];
        else for (let x = 0; x < nx; x++) out[to + x] = source[from + x];
      }
    }
  }
  return out;
}
