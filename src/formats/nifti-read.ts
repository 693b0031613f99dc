import { constants, gunzipSync } from "node:zlib";
import { PipelineError } from "#src/core/errors.js";
import type { ScanWarning } from "#src/core/warnings.js";
import { type Volume, type VoxelArray, voxelCount } from "#src/imaging/volume.js";
import { type NiftiHeader, niftiVersion, parseNiftiHeader } from "./nifti-header.js";

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
  const { header, file, owned } = open(bytes, options);
  const voxels = voxelCount(header.size) * header.channels;
  const stored = file.subarray(header.dataOffset, header.dataOffset + voxels * header.voxelBytes);
  const { data, nonFinite } = decode(stored, header, owned);
  const warnings = [...header.warnings, ...trailing(header, file.length)];
  if (nonFinite > 0) {
    const message = `${nonFinite} of ${voxels} voxels were not finite numbers and were set to 0`;
    warnings.push({ code: "NonFiniteVoxels", message });
  }
  const { size, affineRas, spacingMm, channels } = header;
  return { size, affineRas, spacingMm, channels, data, warnings };
}

/**
 * What `readNifti` would say of the file, without its voxels: checks the header and that the voxels are all there.
 *
 * @throws {PipelineError} as `readNifti`
 */
export function inspectNifti(bytes: Uint8Array, options: NiftiReadOptions = {}): Omit<NiftiImage, "data"> {
  const { header, file } = open(bytes, options);
  const { size, affineRas, spacingMm, channels } = header;
  return { size, affineRas, spacingMm, channels, warnings: [...header.warnings, ...trailing(header, file.length)] };
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

interface OpenFile {
  readonly header: NiftiHeader;
  readonly file: Uint8Array;
  /** Whether `file` is our own copy, which voxels may be a view of. */
  readonly owned: boolean;
}

function open(bytes: Uint8Array, options: NiftiReadOptions): OpenFile {
  const subject = options.subject ?? "the NIfTI file";
  const zipped = isGzip(bytes);
  // The header is checked before anything else is unpacked: a gzip'd text file costs nothing.
  const start = zipped ? peek(bytes) : bytes;
  if (start === null) throw new PipelineError("InputUnreadable", `${subject} is a damaged gzip stream`);
  const header = parseNiftiHeader(start, zipped ? `${subject}, unpacked,` : subject);
  const needed = header.dataOffset + voxelCount(header.size) * header.channels * header.voxelBytes;
  const file = zipped ? unpack(bytes, needed, subject, options.maxUnpackedBytes ?? DEFAULT_MAX_UNPACKED) : bytes;
  if (file.length < needed) {
    throw new PipelineError(
      "InputUnreadable",
      `${subject} is cut short: ${file.length} bytes found, ${needed} expected for its dimensions`,
    );
  }
  return { header, file, owned: zipped };
}

/** The first unpacked bytes of a gzip stream; null when not even those can be had. */
function peek(bytes: Uint8Array): Uint8Array | null {
  try {
    // 64 KiB unpack to 64 MiB at the very most.
    return gunzipSync(bytes.subarray(0, 65_536), { finishFlush: constants.Z_SYNC_FLUSH });
  } catch {
    return null;
  }
}

function unpack(bytes: Uint8Array, needed: number, subject: string, limit: number): Uint8Array {
  try {
    return gunzipSync(bytes, { maxOutputLength: limit });
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

function trailing(header: NiftiHeader, length: number): ScanWarning[] {
  const end = header.dataOffset + voxelCount(header.size) * header.channels * header.voxelBytes;
  if (length === end) return [];
  return [{ code: "TrailingBytes", message: `the NIfTI file carries ${length - end} bytes after its voxels` }];
}

function decode(stored: Uint8Array, header: NiftiHeader, owned: boolean): { data: VoxelArray; nonFinite: number } {
  const { slope, intercept } = header;
  const raw = typed(stored, header, owned);
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

/** The stored numbers as an array of this machine's byte order that the caller may write to. */
function typed(stored: Uint8Array, header: NiftiHeader, owned: boolean): VoxelArray {
  const { voxelBytes: width } = header;
  const isSwapped = width > 1 && header.littleEndian !== HOST_LITTLE_ENDIAN;
  const bytes = owned && stored.byteOffset % width === 0 ? stored : stored.slice();
  if (isSwapped) swap(bytes, width);
  const { buffer, byteOffset } = bytes;
  const count = bytes.length / width;
  switch (header.kind) {
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
