import type { Size3, Vec3 } from "#src/imaging/affine.js";

/** Kernels end after this many standard deviations, as in scipy.ndimage. */
const TRUNCATE = 4;

/**
 * Gaussian smoothing, one pass an axis, borders continued with their own value (scipy.ndimage.gaussian_filter with
 * `mode="nearest"`, `truncate=4`; equal to 1e-6 of the value range in float32). A grid of one slice is smoothed in its plane.
 *
 * @param sigmaVox standard deviation along x, y, z in voxels; 0 leaves an axis as it is
 */
export function gaussianSmooth(image: Float32Array, size: Size3, sigmaVox: Vec3): Float32Array {
  let out: Float32Array = image.slice();
  for (const axis of axesOf(size)) {
    if (sigmaVox[axis] > 0) out = correlate(out, size, axis, gaussianKernel(sigmaVox[axis]));
  }
  return out;
}

/**
 * Gaussian mean of the voxels inside a mask: smoothed (image times mask) over smoothed mask. Voxels outside the mask
 * are 0.
 */
export function gaussianMeanInMask(image: Float32Array, mask: Uint8Array, size: Size3, sigmaVox: Vec3): Float32Array {
  const inside = new Float32Array(image.length);
  const weight = new Float32Array(image.length);
  for (let i = 0; i < image.length; i++) {
    if (mask[i] === 0) continue;
    inside[i] = image[i];
    weight[i] = 1;
  }
  const sums = gaussianSmooth(inside, size, sigmaVox);
  const weights = gaussianSmooth(weight, size, sigmaVox);
  for (let i = 0; i < sums.length; i++) sums[i] = mask[i] === 0 ? 0 : sums[i] / weights[i];
  return sums;
}

/**
 * Length of the gradient of the smoothed image, by derivatives of a Gaussian
 * (scipy.ndimage.gaussian_gradient_magnitude with `mode="nearest"`), in intensity units a unit of `spacing`.
 *
 * @param sigma standard deviation in units of `spacing`
 */
export function gaussianGradientMagnitude(
  image: Float32Array,
  size: Size3,
  sigma: number,
  spacing: Vec3 = [1, 1, 1],
): Float32Array {
  if (!(sigma > 0)) throw new RangeError(`standard deviation must be positive, got ${sigma}`);
  const squares = new Float64Array(image.length);
  for (const along of axesOf(size)) {
    let part = image;
    for (const axis of axesOf(size)) {
      const sigmaVox = sigma / spacing[axis];
      part = correlate(part, size, axis, axis === along ? derivativeKernel(sigmaVox) : gaussianKernel(sigmaVox));
    }
    const scale = 1 / spacing[along] ** 2;
    for (let i = 0; i < squares.length; i++) squares[i] += part[i] * part[i] * scale;
  }
  const out = new Float32Array(image.length);
  for (let i = 0; i < out.length; i++) out[i] = Math.sqrt(squares[i]);
  return out;
}

function axesOf(size: Size3): (0 | 1 | 2)[] {
  return size[2] === 1 ? [0, 1] : [0, 1, 2];
}

function gaussianKernel(sigma: number): Float64Array {
  const radius = Math.floor(TRUNCATE * sigma + 0.5);
  const kernel = new Float64Array(2 * radius + 1);
  let sum = 0;
  for (let k = 0; k < kernel.length; k++) {
    kernel[k] = Math.exp((-0.5 * (k - radius) ** 2) / (sigma * sigma));
    sum += kernel[k];
  }
  return kernel.map((weight) => weight / sum);
}

/** Weights of a correlation that gives the derivative of the smoothed image. */
function derivativeKernel(sigma: number): Float64Array {
  const radius = Math.floor(TRUNCATE * sigma + 0.5);
  return gaussianKernel(sigma).map((weight, k) => (weight * (k - radius)) / (sigma * sigma));
}

function correlate(data: Float32Array, size: Size3, axis: 0 | 1 | 2, kernel: Float64Array): Float32Array {
  const out = new Float32Array(data.length);
  const length = size[axis];
  const radius = (kernel.length - 1) / 2;
  if (axis === 0) {
    const line = new Float64Array(length + 2 * radius);
    for (let from = 0; from < data.length; from += length) {
      for (let x = 0; x < line.length; x++) line[x] = data[from + Math.min(length - 1, Math.max(0, x - radius))];
      for (let x = 0; x < length; x++) {
        let sum = 0;
        for (let k = 0; k < kernel.length; k++) sum += kernel[k] * line[x + k];
        out[from + x] = sum;
      }
    }
    return out;
  }
  // Whole rows (or slices) at once, so that memory is read in its order.
  const stride = axis === 1 ? size[0] : size[0] * size[1];
  const row = new Float64Array(stride);
  for (let block = 0; block < data.length; block += stride * length) {
    for (let n = 0; n < length; n++) {
      row.fill(0);
      for (let k = 0; k < kernel.length; k++) {
        const from = block + stride * Math.min(length - 1, Math.max(0, n + k - radius));
        const weight = kernel[k];
        for (let i = 0; i < stride; i++) row[i] += weight * data[from + i];
      }
      out.set(row, block + stride * n);
    }
  }
  return out;
}
