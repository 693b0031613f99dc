import { gzipSync } from "node:zlib";
import { type Affine, spacingOfAffine } from "#src/imaging/affine.js";
import { type Grid, voxelCount } from "#src/imaging/volume.js";
import { quaternionOfAffine } from "./nifti-affine.js";

/** What `writeNifti` takes: any `Volume` of these voxel types, or several channels on one grid. */
export interface NiftiToWrite extends Grid {
  /** Channel after channel, x fastest. */
  readonly data: Uint8Array | Uint16Array | Int16Array | Float32Array;
  /** Channels along the fourth dimension. @default 1: a 3-D file */
  readonly channels?: number;
  /** A reader multiplies stored values by this (probabilities as uint16: 1 / 65535). @default none */
  readonly slope?: number;
}

/**
 * Writes an uncompressed, little-endian, single-file NIfTI-1, or NIfTI-2 when a dimension is above 32,767.
 *
 * sform and qform say the same place (codes 1, scanner); where a qform cannot (sheared axes), its code is 0. A grid
 * without spacing is written with both codes 0 and no unit. Nothing in the file depends on clock or machine.
 *
 * @throws {RangeError} when the voxels do not fit size and channels
 */
export function writeNifti(image: NiftiToWrite): Uint8Array {
  const [header, voxels] = niftiParts(image);
  const file = new Uint8Array(header.length + voxels.length);
  file.set(header);
  file.set(voxels, header.length);
  return file;
}

/**
 * What `writeNifti` writes, for those who need it in no one piece: the header, and the voxels without a copy.
 *
 * @throws {RangeError} when the voxels do not fit size and channels
 */
export function niftiParts(image: NiftiToWrite): readonly [header: Uint8Array, voxels: Uint8Array] {
  const channels = image.channels ?? 1;
  const voxels = voxelCount(image.size) * channels;
  if (image.data.length !== voxels) {
    throw new RangeError(
      `data must hold ${voxels} voxels (${image.size.join(" x ")} x ${channels}), got ${image.data.length}`,
    );
  }
  const header = headerFields(image, channels);
  const offset = header.dim.some((length) => length > 32_767) ? 544 : 352;
  const file = new Uint8Array(offset);
  const view = new DataView(file.buffer);
  if (offset === 352) writeHeader1(view, header);
  else writeHeader2(view, header);
  return [file, littleEndian(image.data)];
}

/**
 * Gzip without a clock, file name or operating system in its header: the same bytes in, the same bytes out (for one
 * build of zlib; another may pack differently).
 *
 * @param level 1 is several times faster than 6 for a file about 6 % larger
 */
export function gzipDeterministic(bytes: Uint8Array, level: 1 | 2 | 3 | 4 | 5 | 6 = 1): Uint8Array {
  return withoutOrigin(gzipSync(bytes, { level }));
}

/** A gzip file, changed to one that says nothing of where and when it was packed. */
export function withoutOrigin(packed: Uint8Array): Uint8Array {
  // RFC 1952: bytes 4-7 are the time, byte 9 the system (255: unknown); zlib fills in the one it was built for.
  packed.fill(0, 4, 8);
  packed[9] = 255;
  return packed;
}

interface HeaderFields {
  readonly dim: readonly number[];
  readonly datatype: number;
  readonly bitsPerVoxel: number;
  readonly pixdim: readonly number[];
  readonly slope: number;
  readonly units: number;
  readonly qformCode: number;
  readonly sformCode: number;
  readonly quaternion: readonly number[];
  readonly srow: Affine | readonly number[];
}

const NO_ROWS: readonly number[] = new Array(12).fill(0);

function headerFields(image: NiftiToWrite, channels: number): HeaderFields {
  const spacing = image.spacingMm === null ? ([1, 1, 1] as const) : spacingOfAffine(image.affineRas);
  const isPlaced = image.spacingMm !== null;
  const quaternion = isPlaced ? quaternionOfAffine(image.affineRas, image.size) : null;
  return {
    dim: [channels > 1 ? 4 : 3, ...image.size, channels, 1, 1, 1],
    ...datatypeOf(image.data),
    pixdim: [quaternion?.qfac ?? 1, ...spacing, 1, 1, 1, 1],
    slope: image.slope ?? 0,
    units: isPlaced ? 2 : 0,
    qformCode: quaternion === null ? 0 : 1,
    sformCode: isPlaced ? 1 : 0,
    quaternion:
      quaternion === null ? [0, 0, 0, 0, 0, 0] : [quaternion.b, quaternion.c, quaternion.d, ...quaternion.offset],
    srow: isPlaced ? image.affineRas : NO_ROWS,
  };
}

function datatypeOf(data: NiftiToWrite["data"]): { datatype: number; bitsPerVoxel: number } {
  if (data instanceof Uint8Array) return { datatype: 2, bitsPerVoxel: 8 };
  if (data instanceof Int16Array) return { datatype: 4, bitsPerVoxel: 16 };
  if (data instanceof Uint16Array) return { datatype: 512, bitsPerVoxel: 16 };
  return { datatype: 16, bitsPerVoxel: 32 };
}

function writeHeader1(view: DataView, fields: HeaderFields): void {
  const floats = (from: number, values: readonly number[]) =>
    values.forEach((value, i) => {
      view.setFloat32(from + 4 * i, value, true);
    });
  view.setInt32(0, 348, true);
  view.setUint8(38, "r".charCodeAt(0));
  fields.dim.forEach((length, i) => {
    view.setInt16(40 + 2 * i, length, true);
  });
  view.setInt16(70, fields.datatype, true);
  view.setInt16(72, fields.bitsPerVoxel, true);
  floats(76, fields.pixdim);
  floats(108, [352, fields.slope, 0]);
  view.setUint8(123, fields.units);
  text(view, 148, "scanlane");
  view.setInt16(252, fields.qformCode, true);
  view.setInt16(254, fields.sformCode, true);
  floats(256, fields.quaternion);
  floats(280, fields.srow);
  text(view, 344, "n+1");
}

function writeHeader2(view: DataView, fields: HeaderFields): void {
  const doubles = (from: number, values: readonly number[]) =>
    values.forEach((value, i) => {
      view.setFloat64(from + 8 * i, value, true);
    });
  view.setInt32(0, 540, true);
  text(view, 4, "n+2\0\r\n\x1a\n");
  view.setInt16(12, fields.datatype, true);
  view.setInt16(14, fields.bitsPerVoxel, true);
  fields.dim.forEach((length, i) => {
    view.setBigInt64(16 + 8 * i, BigInt(length), true);
  });
  doubles(104, fields.pixdim);
  view.setBigInt64(168, 544n, true);
  doubles(176, [fields.slope, 0]);
  text(view, 240, "scanlane");
  view.setInt32(344, fields.qformCode, true);
  view.setInt32(348, fields.sformCode, true);
  doubles(352, fields.quaternion);
  doubles(400, fields.srow);
  view.setInt32(500, fields.units, true);
}

function text(view: DataView, from: number, value: string): void {
  for (let i = 0; i < value.length; i++) view.setUint8(from + i, value.charCodeAt(i));
}

/** The bytes of voxels; a copy only on a machine of another byte order. */
function littleEndian(data: NiftiToWrite["data"]): Uint8Array {
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  const isLittleEndian = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;
  if (isLittleEndian || data.BYTES_PER_ELEMENT === 1) return bytes;
  const swapped = Buffer.from(bytes);
  return data.BYTES_PER_ELEMENT === 2 ? swapped.swap16() : swapped.swap32();
}
