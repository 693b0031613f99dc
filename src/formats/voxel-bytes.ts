import type { ScanWarning } from "#src/core/warnings.js";
import type { VoxelArray } from "#src/imaging/volume.js";

/** A number that volume files store voxels as, and the bytes of one. */
export const VOXEL_KINDS = {
  int8: 1,
  uint8: 1,
  int16: 2,
  uint16: 2,
  int32: 4,
  uint32: 4,
  int64: 8,
  uint64: 8,
  float32: 4,
  float64: 8,
} as const;
export type VoxelKind = keyof typeof VOXEL_KINDS;

/**
 * Stored numbers as an array of this machine's byte order. 64-bit integers become float64 (exact to 2^53).
 *
 * @param stored a whole number of voxels
 * @param owned whether the bytes may be changed in place and shared with the result; else they are copied
 */
export function decodeVoxels(stored: Uint8Array, kind: VoxelKind, littleEndian: boolean, owned: boolean): VoxelArray {
  const width = VOXEL_KINDS[kind];
  const bytes = owned && stored.byteOffset % width === 0 ? stored : stored.slice();
  if (width > 1 && littleEndian !== HOST_LITTLE_ENDIAN) swap(bytes, width);
  const { buffer, byteOffset } = bytes;
  const count = bytes.length / width;
  switch (kind) {
    case "int8":
      return new Int8Array(buffer, byteOffset, count);
    case "uint8":
      return new Uint8Array(buffer, byteOffset, count);
    case "int16":
      return new Int16Array(buffer, byteOffset, count);
    case "uint16":
      return new Uint16Array(buffer, byteOffset, count);
    case "int32":
      return new Int32Array(buffer, byteOffset, count);
    case "uint32":
      return new Uint32Array(buffer, byteOffset, count);
    case "float32":
      return new Float32Array(buffer, byteOffset, count);
    case "float64":
      return new Float64Array(buffer, byteOffset, count);
    case "int64":
      return fromBigInts(new BigInt64Array(buffer, byteOffset, count));
    case "uint64":
      return fromBigInts(new BigUint64Array(buffer, byteOffset, count));
  }
}

/**
 * Voxels as the pipeline keeps them: float32, times `slope` plus `intercept`; those that are stored as integers of 8 bits
 * or as signed ones of 16, and not scaled, as 16-bit integers, in half the memory. What is not finite becomes 0. Both that and whole numbers that float32 cannot hold (above 2^24) are counted in a warning; a float64 is rounded to the
 * nearest float32 without one.
 */
export function realVoxels(
  raw: VoxelArray,
  slope: number,
  intercept: number,
): { readonly data: Float32Array | Int16Array; readonly warnings: ScanWarning[] } {
  const isScaled = slope !== 1 || intercept !== 0;
  if (!isScaled && raw.BYTES_PER_ELEMENT <= 2) return { data: wholeNumbers(raw), warnings: [] };
  const data = raw instanceof Float32Array ? raw : new Float32Array(raw.length);
  let nonFinite = 0;
  let rounded = 0;
  for (let i = 0; i < raw.length; i++) {
    const value = raw[i] ?? 0;
    data[i] = isScaled ? value * slope + intercept : value;
    const stored = data[i] ?? 0;
    // Read back: a value beyond float32 becomes infinite only when it is stored.
    if (!Number.isFinite(stored)) {
      data[i] = 0;
      nonFinite++;
    } else if (!isScaled && stored !== value && Number.isInteger(value)) rounded++;
  }
  const warnings = nonFiniteWarnings(nonFinite, raw.length);
  if (rounded > 0) {
    const message = `${rounded} of ${raw.length} voxels are whole numbers beyond float32 and were rounded`;
    warnings.push({ code: "PrecisionReduced", message });
  }
  return { data, warnings };
}

/** Whether `realVoxels` gives 16-bit integers for voxels that are stored so. */
export function staysWhole(kind: VoxelKind, slope: number, intercept: number): boolean {
  return slope === 1 && intercept === 0 && ["int8", "uint8", "int16"].includes(kind);
}

/** Whole numbers of 8 and 16 bits are float32 numbers, every one. */
function wholeNumbers(raw: VoxelArray): Float32Array | Int16Array {
  if (raw instanceof Int16Array) return raw;
  return raw.BYTES_PER_ELEMENT === 1 ? new Int16Array(raw) : new Float32Array(raw);
}

/** The warning of voxels that were not finite and are 0 now; none where there were none. */
export function nonFiniteWarnings(count: number, of: number): ScanWarning[] {
  if (count === 0) return [];
  const message = `${count} of ${of} voxels were not finite numbers and were set to 0`;
  return [{ code: "NonFiniteVoxels", message }];
}

const HOST_LITTLE_ENDIAN = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;

function swap(bytes: Uint8Array, width: number): void {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  if (width === 2) buffer.swap16();
  else if (width === 4) buffer.swap32();
  else buffer.swap64();
}

function fromBigInts(values: BigInt64Array | BigUint64Array): Float64Array {
  const out = new Float64Array(values.length);
  for (let i = 0; i < out.length; i++) out[i] = Number(values[i]);
  return out;
}
