import { PipelineError } from "#src/core/errors.js";
import type { ScanWarning } from "#src/core/warnings.js";
import type { Affine, Size3, Vec3 } from "#src/imaging/affine.js";
import { affineDeterminant, spacingOfAffine } from "#src/imaging/affine.js";
import { affineOfQuaternion, cornerDistance, withSliceAxis } from "./nifti-affine.js";
import { NIFTI_DATATYPES, NIFTI_OTHER_TYPES, type NiftiDatatype } from "./nifti-datatypes.js";
import { VOXEL_KINDS, type VoxelKind } from "./voxel-bytes.js";

/** What a NIfTI header says, checked against itself. */
export interface NiftiHeader {
  readonly size: Size3;
  /** Product of the dimensions beyond the third. */
  readonly channels: number;
  /** Product of the dimensions beyond the fourth: numbers of a vector or a parameter at each voxel. */
  readonly vectorLength: number;
  /** Whether the voxels are in another file (.hdr and .img). */
  readonly isPair: boolean;
  readonly affineRas: Affine;
  readonly spacingMm: Vec3 | null;
  readonly kind: VoxelKind;
  /** Numbers a voxel: 3 for red, green, blue; 4 with alpha. */
  readonly components: 1 | 3 | 4;
  /** Bytes of one voxel. */
  readonly voxelBytes: number;
  readonly littleEndian: boolean;
  /** Byte at which the voxels start. */
  readonly dataOffset: number;
  readonly slope: number;
  readonly intercept: number;
  readonly warnings: readonly ScanWarning[];
}

/** Bytes of a header, version 1 and 2, without the four extension bytes. */
const HEADER_BYTES = { 1: 348, 2: 540 } as const;

/** Which version and byte order the first bytes are of; null when they are no NIfTI header. */
export function niftiVersion(bytes: Uint8Array): { readonly version: 1 | 2; readonly littleEndian: boolean } | null {
  if (bytes.length < HEADER_BYTES[1]) return null;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (const littleEndian of [true, false]) {
    const length = view.getInt32(0, littleEndian);
    if (length === HEADER_BYTES[1] && /^n[i+]1$/.test(ascii(bytes, 344, 3))) return { version: 1, littleEndian };
    if (length === HEADER_BYTES[2] && /^n[i+]2$/.test(ascii(bytes, 4, 3))) return { version: 2, littleEndian };
  }
  return null;
}

/**
 * Reads a NIfTI-1 or NIfTI-2 header.
 *
 * Placement: a set sform (code above 0) wins, then a set qform, then the voxel size alone with axes taken as R, A, S
 * (nifti1.h, methods 3, 2 and 1). A form that flattens space or is not finite counts as not set. Where the forms
 * disagree by more than a tenth of the smallest voxel (at least 0.1 mm) at a corner, a warning says by how much.
 *
 * @param bytes the file from its start; more than the header does no harm
 * @param subject how messages name the file
 * @throws {PipelineError} InputUnreadable, InputUnsupported
 */
export function parseNiftiHeader(bytes: Uint8Array, subject: string): NiftiHeader {
  const found = niftiVersion(bytes);
  if (found === null) throw notNifti(bytes, subject);
  const { version, littleEndian } = found;
  if (bytes.length < HEADER_BYTES[version]) {
    throw unreadable(`${subject} is ${bytes.length} bytes, too short for a NIfTI-2 header (540)`);
  }
  const isPair = ascii(bytes, version === 1 ? 344 : 4, 2) === "ni";
  const raw = version === 1 ? rawHeader1(bytes, littleEndian) : rawHeader2(bytes, littleEndian);

  const { size, channels, vectorLength } = dimensions(raw, subject);
  const { kind, components } = datatype(raw, subject);
  const smallest = isPair ? 0 : HEADER_BYTES[version] + 4;
  const dataOffset = raw.voxOffset === 0 ? smallest : raw.voxOffset;
  if (!Number.isSafeInteger(dataOffset) || dataOffset < (isPair ? 0 : HEADER_BYTES[version])) {
    throw unreadable(`${subject} has its voxels at byte ${raw.voxOffset}, expected ${smallest} or more`);
  }
  const hasSlope = Number.isFinite(raw.slope) && raw.slope !== 0;
  return {
    size,
    channels,
    vectorLength,
    isPair,
    ...placement(raw, size),
    kind,
    components,
    voxelBytes: VOXEL_KINDS[kind] * components,
    littleEndian,
    dataOffset,
    slope: hasSlope ? raw.slope : 1,
    intercept: hasSlope && Number.isFinite(raw.intercept) ? raw.intercept : 0,
  };
}

interface RawHeader {
  readonly dim: readonly number[];
  readonly datatype: number;
  readonly bitsPerVoxel: number;
  readonly pixdim: readonly number[];
  readonly voxOffset: number;
  readonly slope: number;
  readonly intercept: number;
  readonly units: number;
  readonly qformCode: number;
  readonly sformCode: number;
  /** b, c, d, offset x, y, z. */
  readonly quaternion: readonly number[];
  readonly srow: readonly number[];
}

function rawHeader1(bytes: Uint8Array, little: boolean): RawHeader {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const floats = (from: number, count: number) =>
    Array.from({ length: count }, (_, i) => view.getFloat32(from + 4 * i, little));
  return {
    dim: Array.from({ length: 8 }, (_, i) => view.getInt16(40 + 2 * i, little)),
    datatype: view.getInt16(70, little),
    bitsPerVoxel: view.getInt16(72, little),
    pixdim: floats(76, 8),
    voxOffset: view.getFloat32(108, little),
    slope: view.getFloat32(112, little),
    intercept: view.getFloat32(116, little),
    units: view.getUint8(123),
    qformCode: view.getInt16(252, little),
    sformCode: view.getInt16(254, little),
    quaternion: floats(256, 6),
    srow: floats(280, 12),
  };
}

function rawHeader2(bytes: Uint8Array, little: boolean): RawHeader {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const doubles = (from: number, count: number) =>
    Array.from({ length: count }, (_, i) => view.getFloat64(from + 8 * i, little));
  return {
    dim: Array.from({ length: 8 }, (_, i) => Number(view.getBigInt64(16 + 8 * i, little))),
    datatype: view.getInt16(12, little),
    bitsPerVoxel: view.getInt16(14, little),
    pixdim: doubles(104, 8),
    voxOffset: Number(view.getBigInt64(168, little)),
    slope: view.getFloat64(176, little),
    intercept: view.getFloat64(184, little),
    units: view.getInt32(500, little),
    qformCode: view.getInt32(344, little),
    sformCode: view.getInt32(348, little),
    quaternion: doubles(352, 6),
    srow: doubles(400, 12),
  };
}

function dimensions(raw: RawHeader, subject: string): Pick<NiftiHeader, "size" | "channels" | "vectorLength"> {
  const [count = 0, ...lengths] = raw.dim;
  if (count < 1 || count > 7) throw unreadable(`${subject} has ${count} dimensions, expected 1 to 7`);
  const used = lengths.slice(0, count);
  if (used.some((length) => length < 1)) {
    throw unreadable(`${subject} has dimensions ${used.join(" x ")}, expected each to be 1 or more`);
  }
  const [x = 1, y = 1, z = 1, ...rest] = used;
  const channels = rest.reduce((product, length) => product * length, 1);
  if (!Number.isSafeInteger(x * y * z * channels * 8)) {
    throw unreadable(`${subject} has dimensions ${used.join(" x ")}, more voxels than any file can hold`);
  }
  return { size: [x, y, z], channels, vectorLength: rest.slice(1).reduce((product, length) => product * length, 1) };
}

function datatype(raw: RawHeader, subject: string): NiftiDatatype {
  const found = NIFTI_DATATYPES.get(raw.datatype);
  if (found === undefined) {
    const name = NIFTI_OTHER_TYPES.get(raw.datatype);
    if (name === undefined) throw unreadable(`${subject} has data type ${raw.datatype}, which NIfTI does not define`);
    throw new PipelineError("InputUnsupported", `${subject} has ${name} voxels, expected integers or real numbers`);
  }
  const bits = VOXEL_KINDS[found.kind] * found.components * 8;
  if (raw.bitsPerVoxel !== 0 && raw.bitsPerVoxel !== bits) {
    throw unreadable(
      `${subject} says ${raw.bitsPerVoxel} bits a voxel, expected ${bits} for data type ${raw.datatype}`,
    );
  }
  return found;
}

type Placement = Pick<NiftiHeader, "affineRas" | "spacingMm" | "warnings">;

function placement(raw: RawHeader, size: Size3): Placement {
  const mmPerUnit = { 1: 1000, 3: 0.001 }[raw.units & 7] ?? 1;
  const sizes = [1, 2, 3].map((axis) => Math.abs(raw.pixdim[axis] ?? 0) * mmPerUnit);
  // The length of an axis with one voxel is often left zero and places nothing.
  const voxel = sizes.map((length, axis) => (size[axis] === 1 && !(length > 0) ? 1 : length)) as unknown as Vec3;
  const voxelKnown = voxel.every((length) => Number.isFinite(length) && length > 0);

  const sform = raw.sformCode > 0 ? usable(withSliceAxis(scaled(raw.srow, mmPerUnit), size, voxel[2])) : null;
  const qform = raw.qformCode > 0 && voxelKnown ? usable(qformAffine(raw, voxel, mmPerUnit)) : null;
  const affine = sform ?? qform;
  if (affine === null) return byVoxelSizeAlone(raw, voxel, voxelKnown);

  const spacingMm = spacingOfAffine(affine);
  const warnings: ScanWarning[] = [];
  const distance = sform !== null && qform !== null ? cornerDistance(sform, qform, size) : 0;
  if (distance > Math.max(0.1, 0.1 * Math.min(...spacingMm))) {
    warnings.push({
      code: "AffineDisagrees",
      message: `sform and qform place a corner ${distance.toFixed(2)} mm apart; the sform was used`,
    });
  } else if (raw.sformCode > 0 && sform === null) {
    warnings.push({ code: "AffineDisagrees", message: "the sform has no extent in space; the qform was used" });
  }
  return { affineRas: affine, spacingMm, warnings };
}

function byVoxelSizeAlone(raw: RawHeader, voxel: Vec3, voxelKnown: boolean): Placement {
  // Writers that know nothing leave sizes of 1 without a unit: that is no millimetre.
  const says = voxelKnown && ((raw.units & 7) !== 0 || voxel.some((length) => length !== 1));
  const spacing: Vec3 = says ? voxel : [1, 1, 1];
  const affineRas: Affine = [spacing[0], 0, 0, 0, 0, spacing[1], 0, 0, 0, 0, spacing[2], 0];
  if (!says) {
    const message = "neither sform nor qform is set and the voxel size has no unit; sizes are in voxels";
    return { affineRas, spacingMm: null, warnings: [{ code: "SpacingUnknown", message }] };
  }
  const message = "neither sform nor qform is set; placed by voxel size alone, so left and right are a guess";
  return { affineRas, spacingMm: spacing, warnings: [{ code: "PlacementUnknown", message }] };
}

function qformAffine(raw: RawHeader, voxel: Vec3, mmPerUnit: number): Affine {
  const [b = 0, c = 0, d = 0, x = 0, y = 0, z = 0] = raw.quaternion;
  const offset: Vec3 = [x * mmPerUnit, y * mmPerUnit, z * mmPerUnit];
  return affineOfQuaternion({ b, c, d, offset, qfac: (raw.pixdim[0] ?? 1) < 0 ? -1 : 1 }, voxel);
}

function scaled(rows: readonly number[], factor: number): Affine {
  return rows.map((value) => value * factor) as unknown as Affine;
}

function usable(affine: Affine): Affine | null {
  return affine.every(Number.isFinite) && Math.abs(affineDeterminant(affine)) > 1e-12 ? affine : null;
}

function notNifti(bytes: Uint8Array, subject: string): PipelineError {
  if (bytes.length < HEADER_BYTES[1]) {
    return unreadable(`${subject} is ${bytes.length} bytes, too short for a NIfTI header (348)`);
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (view.getInt32(0, true) === HEADER_BYTES[1] || view.getInt32(0, false) === HEADER_BYTES[1]) {
    return new PipelineError("InputUnsupported", `${subject} looks like an Analyze 7.5 header, expected NIfTI-1 or 2`);
  }
  return unreadable(`${subject} does not start with a NIfTI header, expected a header length of 348 or 540`);
}

function unreadable(message: string): PipelineError {
  return new PipelineError("InputUnreadable", message);
}

function ascii(bytes: Uint8Array, from: number, length: number): string {
  return String.fromCharCode(...bytes.subarray(from, from + length));
}
