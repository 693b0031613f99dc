import type { Size3 } from "./affine.js";
import { roundRangeToFloat16 } from "./float16.js";
import { roundHalfEven } from "./rounding.js";
import { voxelCount } from "./volume.js";

/**
 * Start positions of overlapping tiles along one axis, as nnU-Net's `compute_steps_for_sliding_window`.
 *
 * The first tile starts at 0, the last ends at `length`, and those between are spread evenly, rounded half to even.
 * A shorter axis must be padded to the tile's length first.
 *
 * @param length axis length in voxels, at least `tile`
 * @param tile tile length in voxels
 * @param stepFraction largest distance between neighbours as a fraction of the tile, in (0, 1]
 */
export function tileStarts(length: number, tile: number, stepFraction: number): number[] {
  if (!(stepFraction > 0 && stepFraction <= 1)) {
    throw new RangeError(`stepFraction must be in (0, 1], got ${stepFraction}`);
  }
  if (!(length >= tile)) throw new RangeError(`axis must be at least a tile (${tile}) long, got ${length}`);

  const last = length - tile;
  const gaps = Math.ceil(last / (tile * stepFraction));
  // Dividing first and multiplying then is the reference's order; the other order can differ at a half.
  const step = gaps === 0 ? 0 : last / gaps;
  return Array.from({ length: gaps + 1 }, (_, i) => roundHalfEven(step * i));
}

/**
 * Start positions as MONAI's `dense_patch_slices`: at a fixed distance, the last tile shifted back to end with the
 * axis.
 *
 * @param length axis length in voxels, at least `tile`
 * @param stepFraction distance of neighbours as a fraction of the tile: 1 - overlap
 */
export function shiftedTileStarts(length: number, tile: number, stepFraction: number): number[] {
  if (!(stepFraction > 0 && stepFraction <= 1)) {
    throw new RangeError(`stepFraction must be in (0, 1], got ${stepFraction}`);
  }
  if (!(length >= tile)) throw new RangeError(`axis must be at least a tile (${tile}) long, got ${length}`);
  const distance = length === tile ? tile : Math.max(1, Math.floor(tile * stepFraction));
  const count = 1 + Math.max(0, Math.ceil((length - tile) / distance));
  return Array.from({ length: count }, (_, i) => Math.min(i * distance, length - tile));
}

/**
 * nnU-Net's weights of a tile's voxels: a Gaussian with a standard deviation of an eighth of the tile around voxel
 * floor(n / 2) of each axis, cut at four standard deviations, the maximum scaled to 10, in half-precision values.
 * What half precision rounds to zero gets the smallest weight there is, so that no voxel is left without one.
 *
 * @returns one weight a voxel of the tile, x fastest
 */
export function gaussianTileWeights(patch: Size3): Float32Array {
  const [wx, wy, wz] = patch.map(axisWeights);
  const peak = wx[patch[0] >> 1] * wy[patch[1] >> 1] * wz[patch[2] >> 1];
  const scale = peak / 10;

  const out = new Float32Array(voxelCount(patch));
  let i = 0;
  for (const z of wz) {
    for (const y of wy) {
      const zy = z * y;
      for (let n = 0; n < wx.length; n++) out[i++] = (zy * wx[n]) / scale;
    }
  }
  roundRangeToFloat16(out, new Uint32Array(out.buffer), 0, out.length);
  let smallest = Number.POSITIVE_INFINITY;
  for (let n = 0; n < out.length; n++) if (out[n] > 0 && out[n] < smallest) smallest = out[n];
  for (let n = 0; n < out.length; n++) if (out[n] === 0) out[n] = smallest;
  return out;
}

/**
 * MONAI's weights of a tile's voxels (`compute_importance_map`, mode "gaussian", sigma_scale 0.125): a Gaussian with
 * a standard deviation of an eighth of the tile around its middle, at least 0.001, in single precision.
 */
export function symmetricGaussianTileWeights(patch: Size3): Float32Array {
  const [wx, wy, wz] = patch.map((length) => {
    const sd = 0.125 * length;
    return Float32Array.from({ length }, (_, i) => Math.exp((i - (length - 1) / 2) ** 2 / (-2 * sd * sd)));
  });
  const out = new Float32Array(voxelCount(patch));
  let smallest = Number.POSITIVE_INFINITY;
  let i = 0;
  for (const z of wz) {
    for (const y of wy) {
      for (const x of wx) {
        out[i] = Math.fround(Math.fround(z * y) * x);
        smallest = Math.min(smallest, out[i++]);
      }
    }
  }
  const least = Math.max(smallest, 1e-3);
  for (let n = 0; n < out.length; n++) out[n] = Math.max(out[n], least);
  return out;
}

/** The same weight for every voxel of a tile. */
export function constantTileWeights(patch: Size3): Float32Array {
  return new Float32Array(voxelCount(patch)).fill(1);
}

/** What scipy's `gaussian_filter1d` makes of a one at n // 2 of an axis of zeros. */
function axisWeights(length: number): Float64Array {
  const sd = length / 8;
  const radius = Math.floor(4 * sd + 0.5);
  const exponent = -0.5 / (sd * sd);
  let sum = 0;
  for (let offset = -radius; offset <= radius; offset++) sum += Math.exp(exponent * offset * offset);

  const centre = length >> 1;
  return Float64Array.from({ length }, (_, i) => {
    const offset = Math.abs(i - centre);
    return offset > radius ? 0 : Math.exp(exponent * offset * offset) / sum;
  });
}
