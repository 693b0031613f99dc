import type { Size3 } from "./affine.js";
import type { Box } from "./crop.js";

/** Smallest box around all voxels whose background probability is below a limit; null when there is none. */
export function foregroundBox(background: Float32Array, size: Size3, below: number): Box | null {
  const low = [size[0], size[1], size[2]];
  const high = [-1, -1, -1];
  let i = 0;
  for (let z = 0; z < size[2]; z++) {
    for (let y = 0; y < size[1]; y++) {
      for (let x = 0; x < size[0]; x++) {
        if (background[i++] >= below) continue;
        if (x < low[0]) low[0] = x;
        if (x > high[0]) high[0] = x;
        if (y < low[1]) low[1] = y;
        if (y > high[1]) high[1] = y;
        if (z < low[2]) low[2] = z;
        if (z > high[2]) high[2] = z;
      }
    }
  }
  if (high[0] < 0) return null;
  return {
    start: [low[0], low[1], low[2]],
    size: [high[0] - low[0] + 1, high[1] - low[1] + 1, high[2] - low[2] + 1],
  };
}

/** The box enlarged by `margin` voxels on every side, cut at the volume's edges. */
export function growBox(box: Box, size: Size3, margin: number): Box {
  const start = box.start.map((from) => Math.max(0, from - margin)) as unknown as Size3;
  const end = box.start.map((from, axis) => Math.min(size[axis], from + box.size[axis] + margin));
  return { start, size: end.map((to, axis) => to - start[axis]) as unknown as Size3 };
}
