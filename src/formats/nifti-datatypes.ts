/** A NIfTI data type whose voxels are plain numbers. */
export type NiftiNumber =
  | "int8"
  | "uint8"
  | "int16"
  | "uint16"
  | "int32"
  | "uint32"
  | "int64"
  | "uint64"
  | "float32"
  | "float64";

/** Codes of the header's `datatype` (nifti1.h) and the bytes of one voxel. */
export const NIFTI_NUMBERS: ReadonlyMap<number, { readonly kind: NiftiNumber; readonly bytes: number }> = new Map([
  [2, { kind: "uint8", bytes: 1 }],
  [4, { kind: "int16", bytes: 2 }],
  [8, { kind: "int32", bytes: 4 }],
  [16, { kind: "float32", bytes: 4 }],
  [64, { kind: "float64", bytes: 8 }],
  [256, { kind: "int8", bytes: 1 }],
  [512, { kind: "uint16", bytes: 2 }],
  [768, { kind: "uint32", bytes: 4 }],
  [1024, { kind: "int64", bytes: 8 }],
  [1280, { kind: "uint64", bytes: 8 }],
]);

/** Data types that the standard has and this program does not read, by their names for messages. */
export const NIFTI_OTHER_TYPES: ReadonlyMap<number, string> = new Map([
  [1, "1-bit"],
  [32, "complex64"],
  [128, "RGB24"],
  [1536, "float128"],
  [1792, "complex128"],
  [2048, "complex256"],
  [2304, "RGBA32"],
]);
