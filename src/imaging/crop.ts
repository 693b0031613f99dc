import type { Size3 } from "./affine.js";
import { type VoxelArray, voxelCount } from "./volume.js";

/** A part of a volume, in voxels. */
export interface Box {
  /** First voxel along x, y, z. */
  readonly start: Size3;
  /** Voxels along x, y, z. */
  readonly size: Size3;
}

/**
 * The smallest box around all voxels that are not zero in at least one channel: nnU-Net's crop. (It fills holes in
 * that mask first, which cannot move the box.) Without any such voxel, the whole volume.
 *
 * @param channels arrays on one grid, x fastest
 */
export function nonzeroBox(channels: readonly VoxelArray[], size: Size3): Box {
  const [nx, ny, nz] = size;
  const low = [nx, ny, nz];
  const high = [-1, -1, -1];
  for (const channel of channels) {
    checkLength(channel, size);
    for (let z = 0; z < nz; z++) {
      for (let y = 0; y < ny; y++) {
        const row = nx * (y + ny * z);
        let first = 0;
        while (first < nx && channel[row + first] === 0) first++;
        if (first === nx) continue;
        let last = nx - 1;
        while (channel[row + last] === 0) last--;
        if (first < low[0]) low[0] = first;
        if (last > high[0]) high[0] = last;
        if (y < low[1]) low[1] = y;
        if (y > high[1]) high[1] = y;
        if (z < low[2]) low[2] = z;
        if (z > high[2]) high[2] = z;
      }
    }
  }
  if (high[0] < 0) return { start: [0, 0, 0], size };
  return {
    start: [low[0], low[1], low[2]],
    size: [high[0] - low[0] + 1, high[1] - low[1] + 1, high[2] - low[2] + 1],
  };
}

/** Ones where any channel is not zero. */
export function nonzeroMask(channels: readonly VoxelArray[], size: Size3): Uint8Array {
  const mask = new Uint8Array(voxelCount(size));
  for (const channel of channels) {
    checkLength(channel, size);
    for (let i = 0; i < mask.length; i++) if (channel[i] !== 0) mask[i] = 1;
  }
  return mask;
}

/** Copies a box, which may be empty, out of a volume of `size`. */
export function cropBox<T extends VoxelArray>(data: T, size: Size3, box: Box): T {
  checkLength(data, size);
  checkInside(box, size);
  const [bx, by, bz] = box.size;
  const out = data.slice(0, bx * by * bz) as T;
  if (out.length === data.length) return out;
  for (let z = 0; z < bz; z++) {
    for (let y = 0; y < by; y++) {
      const from = box.start[0] + size[0] * (y + box.start[1] + size[1] * (z + box.start[2]));
      out.set(data.subarray(from, from + bx), bx * (y + by * z));
    }
  }
  return out;
}

/**
 * A volume of `size` with the box's voxels in their place.
 *
 * @param data the box's voxels, x fastest
 * @param background value outside the box
 * @param into array to write to instead of a new one; what lies outside the box stays as it is
 */
export function pasteBox<T extends VoxelArray>(data: T, box: Box, size: Size3, background = 0, into?: T): T {
  checkLength(data, box.size);
  checkInside(box, size);
  if (into !== undefined) checkLength(into, size);
  const out = into ?? emptyLike(data, voxelCount(size)).fill(background);
  const [bx, by, bz] = box.size;
  for (let z = 0; z < bz; z++) {
    for (let y = 0; y < by; y++) {
      const from = bx * (y + by * z);
      out.set(
        data.subarray(from, from + bx),
        box.start[0] + size[0] * (y + box.start[1] + size[1] * (z + box.start[2])),
      );
    }
  }
  return out as T;
}

function emptyLike<T extends VoxelArray>(data: T, length: number): T {
  return new (data.constructor as new (length: number) => T)(length);
}

function checkLength(data: VoxelArray, size: Size3): void {
  if (data.length !== voxelCount(size)) {
    throw new RangeError(`volume has ${data.length} voxels, expected ${size.join(" x ")}`);
  }
}

function checkInside(box: Box, size: Size3): void {
  for (let axis = 0; axis < 3; axis++) {
    if (box.start[axis] < 0 || box.size[axis] < 0 || box.start[axis] + box.size[axis] > size[axis]) {
      throw new RangeError(`box ${box.start} + ${box.size} does not lie in a volume of ${size}`);
    }
  }
}
