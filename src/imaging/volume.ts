import type { Affine, Size3, Vec3 } from "./affine.js";

/** The arrays that voxels are kept in. */
export type VoxelArray =
  | Int8Array
  | Uint8Array
  | Int16Array
  | Uint16Array
  | Int32Array
  | Uint32Array
  | Float32Array
  | Float64Array;

/**
 * A 3-D image. Axis order everywhere in this project: x fastest, then y, then z, so that voxel (x, y, z) is
 * `data[x + size[0] * (y + size[1] * z)]`. A 2-D image has `size[2] === 1`.
 */
export interface Volume<T extends VoxelArray = VoxelArray> {
  /** Number of voxels along x, y, z. */
  readonly size: Size3;
  /** Voxel index to patient position in millimetres, in RAS (x to the right, y to the front, z to the head). */
  readonly affineRas: Affine;
  /** Distance between voxel centres along x, y, z in millimetres; null where the source does not say. */
  readonly spacingMm: Vec3 | null;
  readonly data: T;
}

/** Where a volume lies, without its voxels. */
export type Grid = Omit<Volume, "data">;

/** Number of voxels of a grid. */
export function voxelCount(size: Size3): number {
  return size[0] * size[1] * size[2];
}
