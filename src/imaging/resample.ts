import type { Size3, Vec3 } from "./affine.js";
import { type ByTable, rangeOf, resizeAxesCubic, sourcePosition } from "./cubic-resize.js";
import { roundHalfEven } from "./rounding.js";
import { type VoxelArray, voxelCount } from "./volume.js";

/** Degree of the interpolating spline: 0 nearest, 1 linear, 3 cubic B-spline. */
export type SplineOrder = 0 | 1 | 3;
type Axis = 0 | 1 | 2;

/** Spacing ratio from which nnU-Net resamples the coarse axis apart from the others. */
const ANISOTROPY_LIMIT = 3;

/**
 * A volume on another number of voxels over the same extent: scikit-image `resize(order, mode="edge",
 * anti_aliasing=False)`, which is scipy `zoom(grid_mode=True, mode="nearest")` with the result clipped to the
 * input's range. Voxel i of the result lies at (i + 0.5) * n_in / n_out - 0.5 of the source (half-pixel centres).
 *
 * Arithmetic is in double precision. An axis that keeps its length is not touched, so equal sizes give equal values.
 */
export function resizeVolume(data: VoxelArray, size: Size3, newSize: Size3, order: SplineOrder): Float32Array {
  checkSizes(data, size, newSize);
  const range = rangeOf(data);
  const axes = changedAxes(size, newSize);
  if (order === 3 && axes.length > 0) return resizeAxesCubic(data, size, newSize, axes, range);
  return clippedFloat32(resizeAxes(data, size, newSize, order), range);
}

/**
 * `resizeVolume` by cubic splines of the numbers that whole ones stand for: the same values, without an array of what is
 * looked up.
 */
export function resizeByTable(data: ByTable, size: Size3, newSize: Size3): Float32Array {
  checkSizes(data.whole, size, newSize);
  return resizeAxesCubic(data, size, newSize, changedAxes(size, newSize), rangeOf(data));
}

/**
 * nnU-Net's resampling of anisotropic images: every slice across `axis` on its own (range clipped slice by slice),
 * then along `axis` where its length changes.
 *
 * @param order spline order within the slices
 * @param orderZ spline order along `axis`
 */
export function resizeSeparateZ(
  data: VoxelArray,
  size: Size3,
  newSize: Size3,
  axis: Axis,
  order: SplineOrder,
  orderZ: SplineOrder,
): Float32Array {
  checkSizes(data, size, newSize);
  const inPlane = newSize.map((length, n) => (n === axis ? size[n] : length)) as unknown as Size3;
  const resized = resizeAxes(data, size, inPlane, order);
  const slices = resized === data ? new Float64Array(data) : (resized as Float64Array);
  clipSlices(slices, inPlane, data, size, axis);
  return new Float32Array(resizeAxes(slices, inPlane, newSize, orderZ));
}

/** The volume's size at another spacing, halves rounded to even as in nnU-Net; never less than one voxel. */
export function resizedSize(
  size: Size3,
  spacing: Vec3,
  newSpacing: readonly [number | null, number | null, number | null],
): Size3 {
  const lengths = size.map((length, axis) => {
    const ratio = spacing[axis] / (newSpacing[axis] ?? spacing[axis]);
    return Math.max(1, roundHalfEven(ratio * length));
  });
  return lengths as unknown as Size3;
}

/**
 * The volume's size at another spacing when the centres of the first voxels stay where they are: MONAI's
 * `compute_shape_offset`, halves rounded to even.
 */
export function centredSize(size: Size3, spacing: Vec3, newSpacing: Vec3): Size3 {
  const length = (axis: 0 | 1 | 2) => roundHalfEven(((size[axis] - 1) * spacing[axis]) / newSpacing[axis] + 1);
  return [length(0), length(1), length(2)];
}

/**
 * The axis that nnU-Net would resample apart from the others: the one with the largest spacing, where that is more
 * than three times the smallest, of the spacing before or else of the one after. Null: all axes together.
 */
export function separateAxis(spacing: Vec3, newSpacing: Vec3): Axis | null {
  const decisive = [spacing, newSpacing].find((s) => Math.max(...s) / Math.min(...s) > ANISOTROPY_LIMIT);
  if (decisive === undefined) return null;
  const largest = Math.max(...decisive);
  const axes = ([0, 1, 2] as const).filter((axis) => decisive[axis] === largest);
  return axes.length === 1 ? axes[0] : null;
}

/** All axes that change, one after another: in double precision, unless none does. */
function resizeAxes(data: VoxelArray, size: Size3, newSize: Size3, order: SplineOrder): VoxelArray {
  const axes = changedAxes(size, newSize);
  if (order === 3 && axes.length > 0) return resizeAxesCubic(data, size, newSize, axes);
  let current = data;
  let currentSize = size;
  for (const axis of axes) {
    current = resizeAxisLinear(current, currentSize, axis, newSize[axis], order === 0 ? 0 : 1);
    currentSize = withLength(currentSize, axis, newSize[axis]);
  }
  return current;
}

/** Axes that shrink come first, because the rest is then less work. */
function changedAxes(size: Size3, newSize: Size3): Axis[] {
  const axes = ([0, 1, 2] as Axis[]).filter((axis) => newSize[axis] !== size[axis]);
  return axes.sort((a, b) => newSize[a] / size[a] - newSize[b] / size[b]);
}

function resizeAxisLinear(data: VoxelArray, size: Size3, axis: Axis, newLength: number, order: 0 | 1): Float64Array {
  const length = size[axis];
  const below = new Int32Array(newLength);
  const above = new Int32Array(newLength);
  const fraction = new Float64Array(newLength);
  for (let i = 0; i < newLength; i++) {
    const position = Math.min(length - 1, Math.max(0, sourcePosition(i, length / newLength)));
    below[i] = Math.floor(order === 0 ? position + 0.5 : position);
    above[i] = Math.min(length - 1, below[i] + 1);
    fraction[i] = order === 0 ? 0 : position - below[i];
  }

  const { inner, outer } = strides(size, axis);
  const out = new Float64Array(inner * outer * newLength);
  for (let o = 0; o < outer; o++) {
    for (let i = 0; i < newLength; i++) {
      const a = (o * length + below[i]) * inner;
      const b = (o * length + above[i]) * inner;
      const to = (o * newLength + i) * inner;
      const wb = fraction[i];
      const wa = 1 - wb;
      if (wb === 0) for (let n = 0; n < inner; n++) out[to + n] = data[a + n];
      else for (let n = 0; n < inner; n++) out[to + n] = wa * data[a + n] + wb * data[b + n];
    }
  }
  return out;
}

/** Clips each slice across `axis` to the range it had in the source. */
function clipSlices(slices: Float64Array, size: Size3, source: VoxelArray, sourceSize: Size3, axis: Axis): void {
  const count = size[axis];
  const low = new Float64Array(count).fill(Number.POSITIVE_INFINITY);
  const high = new Float64Array(count).fill(Number.NEGATIVE_INFINITY);
  forEachRun(sourceSize, axis, (slice, from, to) => {
    for (let i = from; i < to; i++) {
      if (source[i] < low[slice]) low[slice] = source[i];
      if (source[i] > high[slice]) high[slice] = source[i];
    }
  });
  forEachRun(size, axis, (slice, from, to) => {
    for (let i = from; i < to; i++) {
      if (slices[i] < low[slice]) slices[i] = low[slice];
      else if (slices[i] > high[slice]) slices[i] = high[slice];
    }
  });
}

/** Calls with every contiguous run of voxels that lies in one slice across `axis`. */
function forEachRun(size: Size3, axis: Axis, run: (slice: number, from: number, to: number) => void): void {
  const { inner, outer } = strides(size, axis);
  for (let o = 0; o < outer; o++) {
    for (let k = 0; k < size[axis]; k++) {
      const from = (o * size[axis] + k) * inner;
      run(k, from, from + inner);
    }
  }
}

function clippedFloat32(values: VoxelArray, [low, high]: readonly [number, number]): Float32Array {
  const out = new Float32Array(values.length);
  for (let i = 0; i < values.length; i++) {
    const v = values[i];
    out[i] = Math.min(high, Math.max(low, v));
  }
  return out;
}

/** Voxels that follow each other within one step of the axis, and how often the whole axis repeats. */
function strides(size: Size3, axis: Axis): { inner: number; outer: number } {
  const inner = axis === 0 ? 1 : axis === 1 ? size[0] : size[0] * size[1];
  return { inner, outer: voxelCount(size) / (inner * size[axis]) };
}

function withLength(size: Size3, axis: Axis, length: number): Size3 {
  return size.map((old, n) => (n === axis ? length : old)) as unknown as Size3;
}

function checkSizes(data: VoxelArray, size: Size3, newSize: Size3): void {
  if (data.length !== voxelCount(size) || data.length === 0) {
    throw new RangeError(`volume has ${data.length} voxels, expected ${size.join(" x ")}`);
  }
  if (!newSize.every((length) => Number.isInteger(length) && length > 0)) {
    throw new RangeError(`size must be whole and positive, got ${newSize.join(" x ")}`);
  }
}
