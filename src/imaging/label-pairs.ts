import type { Size3 } from "./affine.js";
import type { Box } from "./crop.js";
import { voxelCount } from "./volume.js";

/** Voxels that have one label in one map and another (or the same) in the other. */
export interface LabelPair {
  readonly first: number;
  readonly second: number;
  readonly voxels: number;
  /** Smallest box around them. */
  readonly box: Box;
}

/** A pair while it is counted: first and last voxel along x, y, z. */
interface Span {
  voxels: number;
  readonly low: [number, number, number];
  readonly high: [number, number, number];
}

/**
 * Every pair of labels that two maps of one grid have in a voxel, in one pass: all counts of agreement and all boxes
 * follow from it, for any number of labels. Voxels with 0 in both maps are left out.
 *
 * @throws {RangeError} when a map has not the grid's voxels
 */
export function labelPairs(
  first: Uint8Array | Uint16Array,
  second: Uint8Array | Uint16Array,
  size: Size3,
): readonly LabelPair[] {
  if (first.length !== voxelCount(size) || second.length !== first.length) {
    throw new RangeError(`maps have ${first.length} and ${second.length} voxels, expected ${size.join(" x ")}`);
  }
  const [nx, ny, nz] = size;
  const spans = new Map<number, Span>();
  for (let z = 0; z < nz; z++) {
    for (let y = 0; y < ny; y++) {
      const row = nx * (y + ny * z);
      for (let x = 0; x < nx; ) {
        const a = first[row + x];
        const b = second[row + x];
        const from = x++;
        while (x < nx && first[row + x] === a && second[row + x] === b) x++;
        if (a === 0 && b === 0) continue;
        const key = a * 65_536 + b;
        let span = spans.get(key);
        if (span === undefined) {
          span = { voxels: 0, low: [from, y, z], high: [x - 1, y, z] };
          spans.set(key, span);
        }
        span.voxels += x - from;
        widen(span, from, x - 1, y, z);
      }
    }
  }
  return [...spans]
    .toSorted(([a], [b]) => a - b)
    .map(([key, { voxels, low, high }]) => ({
      first: Math.floor(key / 65_536),
      second: key % 65_536,
      voxels,
      box: { start: low, size: [high[0] - low[0] + 1, high[1] - low[1] + 1, high[2] - low[2] + 1] },
    }));
}

function widen({ low, high }: Span, from: number, to: number, y: number, z: number): void {
  if (from < low[0]) low[0] = from;
  if (to > high[0]) high[0] = to;
  if (y < low[1]) low[1] = y;
  if (y > high[1]) high[1] = y;
  // Slices come in order.
  high[2] = z;
}

/** The smallest box around boxes; null for none. */
export function boxAround(boxes: readonly Box[]): Box | null {
  if (boxes.length === 0) return null;
  const low = (axis: 0 | 1 | 2): number => Math.min(...boxes.map(({ start }) => start[axis]));
  const length = (axis: 0 | 1 | 2): number =>
    Math.max(...boxes.map(({ start, size }) => start[axis] + size[axis])) - low(axis);
  return { start: [low(0), low(1), low(2)], size: [length(0), length(1), length(2)] };
}

/** Ones for the labels asked for inside a box, with a rim of zeros all around; a picture gets none along z. */
export function paddedMask(
  labels: Uint8Array | Uint16Array,
  size: Size3,
  box: Box,
  isOn: Uint8Array,
): { readonly data: Uint8Array; readonly size: Size3 } {
  const rim = size[2] === 1 ? 0 : 1;
  const [bx, by, bz] = box.size;
  const padded: Size3 = [bx + 2, by + 2, bz + 2 * rim];
  const data = new Uint8Array(voxelCount(padded));
  for (let z = 0; z < bz; z++) {
    for (let y = 0; y < by; y++) {
      const from = box.start[0] + size[0] * (box.start[1] + y + size[1] * (box.start[2] + z));
      const to = 1 + padded[0] * (y + 1 + padded[1] * (z + rim));
      for (let x = 0; x < bx; x++) data[to + x] = isOn[labels[from + x]];
    }
  }
  return { data, size: padded };
}
