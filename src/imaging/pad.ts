import type { Size3 } from "./affine.js";

/** A volume enlarged by a border, and where it lies in it. */
export interface Padding {
  readonly size: Size3;
  /** Voxels added before the first voxel along x, y, z. */
  readonly before: Size3;
}

/** The border that brings a volume to at least `minimum`; the odd voxel goes to the high end, as in nnU-Net. */
export function planPadding(size: Size3, minimum: Size3): Padding {
  const padded = [0, 1, 2].map((axis) => Math.max(size[axis], minimum[axis])) as unknown as Size3;
  const before = [0, 1, 2].map((axis) => Math.floor((padded[axis] - size[axis]) / 2)) as unknown as Size3;
  return { size: padded, before };
}

/**
 * A volume in the middle of a larger one, around it zeros or its own outermost voxels again: a copy, or, where nothing is
 * added, the volume itself.
 */
export function pad(data: Float32Array, size: Size3, padding: Padding, border: "zero" | "edge" = "zero"): Float32Array {
  if (padding.size.join() === size.join()) return data;
  const out = new Float32Array(padding.size[0] * padding.size[1] * padding.size[2]);
  if (border === "edge") repeatEdges(data, size, padding, out);
  else copyRows(size, padding, (inner, outer) => out.set(data.subarray(inner, inner + size[0]), outer));
  return out;
}

/** Every voxel is the nearest one of the volume, axis by axis. */
function repeatEdges(data: Float32Array, size: Size3, { size: padded, before }: Padding, out: Float32Array): void {
  const inside = (at: number, axis: 0 | 1 | 2) => Math.min(size[axis] - 1, Math.max(0, at - before[axis]));
  let to = 0;
  for (let z = 0; z < padded[2]; z++) {
    for (let y = 0; y < padded[1]; y++) {
      const row = size[0] * (inside(y, 1) + size[1] * inside(z, 2));
      for (let x = 0; x < padded[0]; x++) out[to++] = data[row + inside(x, 0)];
    }
  }
}

function copyRows(size: Size3, padding: Padding, copy: (inner: number, outer: number) => void): void {
  const [bx, by, bz] = padding.before;
  const [px, py] = padding.size;
  for (let z = 0; z < size[2]; z++) {
    for (let y = 0; y < size[1]; y++) copy(size[0] * (y + size[1] * z), bx + px * (y + by + py * (z + bz)));
  }
}
