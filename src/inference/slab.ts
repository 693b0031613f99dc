import type { Size3 } from "#src/imaging/affine.js";
import { voxelCount } from "#src/imaging/volume.js";

/** Logits of some slices of a tile, all classes. */
export interface Slab {
  /** Number of the tile in its batch. */
  readonly tile: number;
  /** Slice of the tile with which it begins, and how many there are. */
  readonly first: number;
  readonly slices: number;
  /** A class's slices, one after another, begin at `offset`, the next class's `stride` further. */
  readonly logits: Float32Array;
  readonly offset: number;
  readonly stride: number;
}

/** All slices of one of several tiles that lie one after another, [tile, class, z, y, x]. @param patch voxels of a tile */
export function wholeTile(logits: Float32Array, patch: Size3, classes: number, tile = 0): Slab {
  const stride = voxelCount(patch);
  return { tile, first: 0, slices: patch[2], logits, offset: tile * classes * stride, stride };
}
