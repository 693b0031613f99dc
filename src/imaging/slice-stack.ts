import type { Size3, Vec3 } from "./affine.js";
import { voxelCount } from "./volume.js";

/**
 * Slices that are parallel to the planes of a grid and of its pixel size, but lie between its planes or are shifted
 * sideways. Pixel (i, j) of slice k lies at (x + i, y + j, z) of the grid, in voxels, with (x, y, z) = offsetsVox[k].
 * z ascends strictly from 0 to the grid's last plane; every pixel lies within the grid.
 */
export interface SliceStack {
  /** Pixels of a row, of a column, slices. */
  readonly size: Size3;
  readonly offsetsVox: readonly Vec3[];
}

/** Distances below this, in voxels, are rounding of positions. */
const SAME = 1e-3;

/**
 * Values of a grid from those of slices: linear between the two slices beside a plane, bilinear within them. Beyond a
 * slice's edge its edge pixels go on. A plane that is a slice (to a thousandth of a step) takes from that one alone,
 * and a slice shifted by whole pixels is copied exactly.
 *
 * @param slices x fastest, then y, then the slice
 */
export function stackToGrid(slices: Float32Array, stack: SliceStack, size: Size3): Float32Array {
  const [columns, rows, depth] = size;
  const grid = new Float32Array(voxelCount(size));
  const offsets = stack.offsetsVox;
  let k = 0;
  for (let z = 0; z < depth; z++) {
    while (k + 2 < offsets.length && offsets[k + 1][2] <= z) k++;
    const next = Math.min(k + 1, offsets.length - 1);
    const below = offsets[k][2];
    const gap = offsets[next][2] - below;
    const from = z - below;
    const plane = grid.subarray(z * columns * rows, (z + 1) * columns * rows);
    if (from < SAME || gap <= 0) addSlice(plane, slices, stack, k, 1, columns, rows);
    else if (gap - from < SAME) addSlice(plane, slices, stack, next, 1, columns, rows);
    else {
      addSlice(plane, slices, stack, k, 1 - from / gap, columns, rows);
      addSlice(plane, slices, stack, next, from / gap, columns, rows);
    }
  }
  return grid;
}

/**
 * Labels of slices from those of the grid: each pixel takes the label of the voxel nearest to it, which lies at most
 * half a voxel away along each axis.
 */
export function labelsOfStack<T extends Uint8Array | Uint16Array | Float32Array>(
  labels: T,
  stack: SliceStack,
  size: Size3,
): T;
export function labelsOfStack(
  labels: Uint8Array | Uint16Array | Float32Array,
  stack: SliceStack,
  size: Size3,
): Uint8Array | Uint16Array | Float32Array {
  const [columns, rows, depth] = stack.size;
  const voxels = voxelCount(stack.size);
  const out =
    labels instanceof Uint8Array
      ? new Uint8Array(voxels)
      : labels instanceof Float32Array
        ? new Float32Array(voxels)
        : new Uint16Array(voxels);
  for (let k = 0; k < depth; k++) {
    const [x, y, z] = stack.offsetsVox[k];
    const startX = nearest(x, size[0] - columns);
    const startY = nearest(y, size[1] - rows);
    const plane = nearest(z, size[2] - 1) * size[0] * size[1];
    for (let j = 0; j < rows; j++) {
      const from = plane + (startY + j) * size[0] + startX;
      out.set(labels.subarray(from, from + columns), (k * rows + j) * columns);
    }
  }
  return out;
}

function nearest(offset: number, last: number): number {
  return Math.min(last, Math.max(0, Math.round(offset)));
}

/** Adds slice k, shifted to the grid, to a plane, times a weight. */
function addSlice(
  plane: Float32Array,
  slices: Float32Array,
  stack: SliceStack,
  k: number,
  weight: number,
  columns: number,
  rows: number,
): void {
  const [width, height] = stack.size;
  const [x, y] = stack.offsetsVox[k];
  const first = k * width * height;
  const [wholeX, partX] = split(-x);
  const [wholeY, partY] = split(-y);
  for (let j = 0; j < rows; j++) {
    const low = first + clamp(j + wholeY, height) * width;
    const high = partY === 0 ? low : first + clamp(j + wholeY + 1, height) * width;
    for (let i = 0; i < columns; i++) {
      const left = clamp(i + wholeX, width);
      const right = partX === 0 ? left : clamp(i + wholeX + 1, width);
      const below = slices[low + left] + (slices[low + right] - slices[low + left]) * partX;
      const above = slices[high + left] + (slices[high + right] - slices[high + left]) * partX;
      plane[i + columns * j] += weight * (below + (above - below) * partY);
    }
  }
}

/** Whole part and fraction in [0, 1); a fraction within a thousandth of a whole is none. */
function split(value: number): [number, number] {
  const near = Math.round(value);
  if (Math.abs(value - near) < SAME) return [near, 0];
  const whole = Math.floor(value);
  return [whole, value - whole];
}

function clamp(index: number, length: number): number {
  return index < 0 ? 0 : index >= length ? length - 1 : index;
}
