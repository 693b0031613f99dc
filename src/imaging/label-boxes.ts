import type { Size3 } from "./affine.js";
import type { Box } from "./crop.js";

/** Smallest box around the voxels of each label asked for that occurs, in one pass. */
export function labelBoxes(
  labels: Uint8Array | Uint16Array,
  size: Size3,
  wanted: readonly number[],
): ReadonlyMap<number, Box> {
  const slot = new Int32Array(65_536).fill(-1);
  for (const [n, label] of wanted.entries()) slot[label] = n;
  const low = wanted.map(() => [...size]);
  const high = wanted.map(() => [-1, -1, -1]);
  const [nx, ny, nz] = size;
  for (let z = 0; z < nz; z++) {
    for (let y = 0; y < ny; y++) {
      const row = nx * (y + ny * z);
      for (let x = 0; x < nx; ) {
        const value = labels[row + x];
        const from = x++;
        while (x < nx && labels[row + x] === value) x++;
        const n = slot[value];
        if (n >= 0) widen(low[n], high[n], from, x - 1, y, z);
      }
    }
  }
  const boxes = new Map<number, Box>();
  for (const [n, label] of wanted.entries()) {
    const [x, y, z] = low[n];
    if (high[n][0] < 0) continue;
    boxes.set(label, { start: [x, y, z], size: [high[n][0] - x + 1, high[n][1] - y + 1, high[n][2] - z + 1] });
  }
  return boxes;
}

function widen(low: number[], high: number[], from: number, to: number, y: number, z: number): void {
  if (from < low[0]) low[0] = from;
  if (y < low[1]) low[1] = y;
  if (z < low[2]) low[2] = z;
  if (to > high[0]) high[0] = to;
  if (y > high[1]) high[1] = y;
  if (z > high[2]) high[2] = z;
}

/** The box enlarged on both sides of each axis, cut at the volume's edges. */
export function growBoxBy(box: Box, size: Size3, marginVox: Size3): Box {
  const low = (axis: 0 | 1 | 2): number => Math.max(0, box.start[axis] - marginVox[axis]);
  const length = (axis: 0 | 1 | 2): number =>
    Math.min(size[axis], box.start[axis] + box.size[axis] + marginVox[axis]) - low(axis);
  return { start: [low(0), low(1), low(2)], size: [length(0), length(1), length(2)] };
}
