import type { VoxelKind } from "./voxel-bytes.js";

/** How a voxel is stored. */
export interface NiftiDatatype {
  readonly kind: VoxelKind;
  /** Numbers a voxel: 3 for red, green, blue; 4 with alpha. */
  readonly components: 1 | 3 | 4;
}

/** Codes of the header's `datatype` (nifti1.h) that are read. */
export const NIFTI_DATATYPES: ReadonlyMap<number, NiftiDatatype> = new Map([
  [2, { kind: "uint8", components: 1 }],
  [4, { kind: "int16", components: 1 }],
  [8, { kind: "int32", components: 1 }],
  [16, { kind: "float32", components: 1 }],
  [64, { kind: "float64", components: 1 }],
  [128, { kind: "uint8", components: 3 }],
  [256, { kind: "int8", components: 1 }],
  [512, { kind: "uint16", components: 1 }],
  [768, { kind: "uint32", components: 1 }],
  [1024, { kind: "int64", components: 1 }],
  [1280, { kind: "uint64", components: 1 }],
  [2304, { kind: "uint8", components: 4 }],
]);

/** Data types that the standard has and this program does not read, by their names for messages. */
export const NIFTI_OTHER_TYPES: ReadonlyMap<number, string> = new Map([
  [1, "1-bit"],
  [32, "complex64"],
  [1536, "float128"],
  [1792, "complex128"],
  [2048, "complex256"],
]);
