import type { Size3, Vec3 } from "#src/imaging/affine.js";

/** Boxes one after the other: three are within a tenth of the peak of a Gaussian of the same variance (Wells 1986). */
const PASSES = 3;

/**
 * Mean of the voxels inside a mask around each voxel, weighted nearly as by a Gaussian, in time that does not grow with
 * its width. For wide windows; `gaussianMeanInMask` is exact.
 *
 * @param sigmaVox standard deviation along x, y, z in voxels
 * @returns 0 outside the mask
 */
export function wideMeanInMask(image: Float32Array, mask: Uint8Array, size: Size3, sigmaVox: Vec3): Float32Array {
  const sums = new Float64Array(image.length);
  const weights = new Float64Array(image.length);
  for (let i = 0; i < image.length; i++) {
    if (mask[i] === 0) continue;
    sums[i] = image[i];
    weights[i] = 1;
  }
  for (let axis = 0; axis < 3; axis++) {
    const radius = Math.round((Math.sqrt((12 * sigmaVox[axis] ** 2) / PASSES + 1) - 1) / 2);
    if (radius === 0 || size[axis] === 1) continue;
    for (let pass = 0; pass < PASSES; pass++) {
      boxSums(sums, size, axis, radius);
      boxSums(weights, size, axis, radius);
    }
  }
  const out = new Float32Array(image.length);
  for (let i = 0; i < out.length; i++) if (mask[i] !== 0) out[i] = sums[i] / weights[i];
  return out;
}

/** Replaces each value by the mean over a box of `2 radius + 1` along an axis; nothing lies beyond the border. */
function boxSums(data: Float64Array, size: Size3, axis: number, radius: number): void {
  const length = size[axis];
  const stride = axis === 0 ? 1 : axis === 1 ? size[0] : size[0] * size[1];
  const line = new Float64Array(length + 1);
  const scale = 1 / (2 * radius + 1);
  for (let block = 0; block < data.length; block += stride * length) {
    for (let start = block; start < block + stride; start++) {
      for (let n = 0; n < length; n++) line[n + 1] = line[n] + data[start + n * stride];
      for (let n = 0; n < length; n++) {
        const upper = line[Math.min(length, n + radius + 1)];
        data[start + n * stride] = (upper - line[Math.max(0, n - radius)]) * scale;
      }
    }
  }
}
