import { constants, gunzipSync } from "node:zlib";
import { PipelineError } from "#src/core/errors.js";
import type { ScanWarning } from "#src/core/warnings.js";
import { type Volume, type VoxelArray, voxelCount } from "#src/imaging/volume.js";
import { type NiftiHeader, niftiVersion, parseNiftiHeader } from "./nifti-header.js";
import { unpackStored } from "./stored-gzip.js";
import { decodeVoxels, nonFiniteWarnings } from "./voxel-bytes.js";

/**
 * A NIfTI file's image. A 3-D file is a `Volume` as it stands; of more dimensions, the fourth to seventh are folded
 * into `channels`, and `data` holds one volume after another (`niftiChannel`).
 */
export interface NiftiImage extends Volume {
  readonly channels: number;
  readonly warnings: readonly ScanWarning[];
}

export interface NiftiReadOptions {
  /** How messages name the file: "entry 3". @default "the NIfTI file" */
  readonly subject?: string;
  /** Most bytes that a gzip file may unpack to. @default 4 GiB */
  readonly maxUnpackedBytes?: number;
  /** Whether the bytes may be changed in place and shared with the image. @default false */
  readonly mayShare?: boolean;
}

const DEFAULT_MAX_UNPACKED = 4 * 1024 ** 3 - 1;

/**
 * Reads a NIfTI-1 or NIfTI-2 file, plain or gzip'd, of either byte order (placement: `parseNiftiHeader`).
 *
 * Voxels keep their type; 64-bit integers become float64 (exact to 2^53); a slope or intercept makes float32, or
 * float64 from 64-bit and float64 voxels. NaN and infinity become 0 with a warning. Memory is bounded by the file's
 * unpacked size, never by what its header claims.
 *
 * @throws {PipelineError} InputUnreadable, InputUnsupported; InputUnsafe for a gzip file beyond its limit
 */
export function readNifti(bytes: Uint8Array, options: NiftiReadOptions = {}): NiftiImage {
  const { header, file, owned } = openPlain(bytes, options);
  const voxels = voxelCount(header.size) * header.channels;
  const stored = file.subarray(header.dataOffset, header.dataOffset + voxels * header.voxelBytes);
  const { data, nonFinite } = decode(stored, header, owned || options.mayShare === true);
  const warnings = [...header.warnings, ...trailing(header, file.length), ...nonFiniteWarnings(nonFinite, voxels)];
  const { size, affineRas, spacingMm, channels } = header;
  return { size, affineRas, spacingMm, channels, data, warnings };
}

/**
 * One channel of an image as a volume. Shares the image's voxels.
 *
 * @throws {RangeError} when there is no such channel
 */
export function niftiChannel(image: NiftiImage, channel: number): Volume {
  if (!(channel >= 0 && channel < image.channels)) {
    throw new RangeError(`channel must be in [0, ${image.channels}), got ${channel}`);
  }
  const voxels = voxelCount(image.size);
  const { size, affineRas, spacingMm } = image;
  return { size, affineRas, spacingMm, data: image.data.subarray(channel * voxels, (channel + 1) * voxels) };
}

/** Whether bytes start as a gzip stream. */
function isGzip(bytes: Uint8Array): boolean {
  return bytes[0] === 0x1f && bytes[1] === 0x8b;
}

/** Whether bytes start as a NIfTI file, plain or gzip'd. */
export function isNifti(bytes: Uint8Array): boolean {
  if (!isGzip(bytes)) return niftiVersion(bytes) !== null;
  const start = peek(bytes);
  return start !== null && niftiVersion(start) !== null;
}

/** A NIfTI file with its voxels unpacked. */
export interface OpenNifti {
  readonly header: NiftiHeader;
  /** What `header.dataOffset` counts in. */
  readonly file: Uint8Array;
  /** Whether `file` is our own copy, which voxels may be a view of. */
  readonly owned: boolean;
}

function openPlain(bytes: Uint8Array, options: NiftiReadOptions): OpenNifti {
  const subject = options.subject ?? "the NIfTI file";
  const header = niftiHeaderOf(bytes, subject);
  if (header.isPair) {
    const message = `${subject} is the header of a two-file NIfTI pair, expected one file with header and voxels`;
    throw new PipelineError("InputUnsupported", message);
  }
  if (header.components !== 1) {
    throw new PipelineError("InputUnsupported", `${subject} has colour voxels, expected integers or real numbers`);
  }
  return openNifti(bytes, header, subject, options);
}

/**
 * The header of a NIfTI file, plain or gzip'd. Nothing but the first bytes is unpacked: a gzip'd text costs nothing.
 *
 * @throws {PipelineError} InputUnreadable, InputUnsupported
 */
export function niftiHeaderOf(bytes: Uint8Array, subject: string): NiftiHeader {
  const zipped = isGzip(bytes);
  const start = zipped ? peek(bytes) : bytes;
  if (start === null) throw new PipelineError("InputUnreadable", `${subject} is a damaged gzip stream`);
  return parseNiftiHeader(start, zipped ? `${subject}, unpacked,` : subject);
}

/**
 * Unpacks a NIfTI file (of a pair, the file with the voxels) and checks that all voxels are there.
 *
 * @throws {PipelineError} InputUnreadable; InputUnsafe for a gzip file beyond its limit
 */
export function openNifti(
  bytes: Uint8Array,
  header: NiftiHeader,
  subject: string,
  { maxUnpackedBytes = DEFAULT_MAX_UNPACKED, mayShare = false }: Omit<NiftiReadOptions, "subject"> = {},
): OpenNifti {
  const zipped = isGzip(bytes);
  const needed = endOfVoxels(header);
  const stored = zipped ? unpackStored(bytes, maxUnpackedBytes, mayShare) : null;
  const file = stored ?? (zipped ? unpack(bytes, needed, subject, maxUnpackedBytes) : bytes);
  if (file.length < needed) {
    throw new PipelineError(
      "InputUnreadable",
      `${subject} is cut short: ${file.length} bytes found, ${needed} expected for its dimensions`,
    );
  }
  return { header, file, owned: zipped };
}

/** Bytes of a file with a header and its voxels, and no more. */
export function endOfVoxels(header: NiftiHeader): number {
  return header.dataOffset + voxelCount(header.size) * header.channels * header.voxelBytes;
}

/** Of what is unpacked where no length is known. */
const PIECE_BYTES = 65_536;

/** The first unpacked bytes of a gzip stream; null when not even those can be had. */
function peek(bytes: Uint8Array): Uint8Array | null {
  try {
    // 64 KiB unpack to 64 MiB at the very most.
    return gunzipSync(bytes.subarray(0, 65_536), { finishFlush: constants.Z_SYNC_FLUSH });
  } catch {
    return null;
  }
}

/**
 * What a gzip file says at its end of its length once unpacked (RFC 1952, ISIZE): true of a whole file of one part and
 * less than 4 GiB. Null of a file that is not packed.
 */
export function unpackedLength(bytes: Uint8Array): number | null {
  if (!isGzip(bytes) || bytes.length < 18) return null;
  return new DataView(bytes.buffer, bytes.byteOffset + bytes.length - 4).getUint32(0, true);
}

/** What a byte of deflate unpacks to at the very most. */
const LARGEST_RATIO = 1032;

function unpack(bytes: Uint8Array, needed: number, subject: string, limit: number): Uint8Array {
  try {
    // Into one piece where header and end agree, and a byte to see that it ends: pieces would be put together by a copy.
    const length = Math.min(needed, unpackedLength(bytes) ?? 0, LARGEST_RATIO * bytes.length, limit);
    return gunzipSync(bytes, { maxOutputLength: limit, chunkSize: Math.max(PIECE_BYTES, length + 1) });
  } catch (cause) {
    if (cause instanceof RangeError) {
      throw new PipelineError("InputUnsafe", `${subject} unpacks to more than ${limit} bytes, the limit`, { cause });
    }
    throw new PipelineError(
      "InputUnreadable",
      `${subject} is a gzip stream that is damaged or cut short, expected ${needed} bytes once unpacked`,
      { cause },
    );
  }
}

/** The warning of bytes after the voxels of an opened file. */
export function trailing(header: NiftiHeader, length: number): ScanWarning[] {
  const end = endOfVoxels(header);
  if (length === end) return [];
  return [{ code: "TrailingBytes", message: `the NIfTI file carries ${length - end} bytes after its voxels` }];
}

function decode(stored: Uint8Array, header: NiftiHeader, owned: boolean): { data: VoxelArray; nonFinite: number } {
  const { slope, intercept } = header;
  const raw = decodeVoxels(stored, header.kind, header.littleEndian, owned);
  const isFloat = raw instanceof Float32Array || raw instanceof Float64Array;
  const isScaled = slope !== 1 || intercept !== 0;
  if (!isFloat && !isScaled) return { data: raw, nonFinite: 0 };

  const wide = raw instanceof Float64Array;
  const data = !isScaled ? raw : wide ? raw : raw instanceof Float32Array ? raw : new Float32Array(raw.length);
  let nonFinite = 0;
  for (let i = 0; i < raw.length; i++) {
    data[i] = (raw[i] ?? 0) * slope + intercept;
    // Read back: a value beyond float32 becomes infinite only when it is stored.
    if (Number.isFinite(data[i])) continue;
    data[i] = 0;
    nonFinite++;
  }
  return { data, nonFinite };
}
