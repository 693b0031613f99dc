import { PipelineError } from "#src/core/errors.js";
import type { DecodeFrame } from "./codecs/decoder-pool.js";
import { COMPRESSED_SYNTAXES, frameDecoder } from "./codecs/frame-decoder.js";
import { rescaleWords, shiftWords } from "./codecs/pixel-kernels.js";
import { type DicomFile, TRANSFER_SYNTAX } from "./dicom-file.js";
import { unpackRle } from "./dicom-rle.js";
import { encapsulatedFrame } from "./encapsulated-frame.js";
import type { PixelFormat } from "./pixel-format.js";
import { ybrChannel } from "./ybr-channel.js";

/** Stored samples of one frame, uncompressed, and how many bytes the file carries beyond its pixels. */
export interface StoredPixels {
  readonly bytes: Uint8Array;
  /** 0: bits. */
  readonly bytesPerSample: 0 | 1 | 2 | 4 | 8;
  readonly isLittleEndian: boolean;
  /** Whether the samples of a pixel stand beside each other, or each component is a plane of its own. */
  readonly isInterleaved: boolean;
  /** First bit of the frame in its first byte, for pixels of one bit. */
  readonly firstBit: number;
  readonly trailingBytes: number;
}

/** Transfer syntaxes that can be read. */
export const READABLE_SYNTAXES: ReadonlySet<string> = new Set([
  ...Object.values(TRANSFER_SYNTAX),
  ...COMPRESSED_SYNTAXES,
]);

/**
 * The stored samples of a frame.
 *
 * @param frames frames of the file, and which one, from 0
 * @param decode where compressed frames are decoded. @default here
 * @throws {PipelineError} InputUnreadable when there are fewer bytes than rows and columns need or a compressed frame is
 *   damaged, InputUnsafe for one that packs impossibly well
 */
export async function storedPixels(
  file: DicomFile,
  format: PixelFormat,
  subject: string,
  frames: { readonly index: number; readonly of: number } = { index: 0, of: 1 },
  decode: DecodeFrame = decodeHere,
): Promise<StoredPixels> {
  const { transferSyntaxUid } = file;
  const { rows, columns, samples, bitsAllocated } = format;
  if (transferSyntaxUid === TRANSFER_SYNTAX.rle) {
    const stream = encapsulatedFrame(file, subject, frames);
    const bytesPerSample = bitsAllocated === 8 ? 1 : bitsAllocated === 16 ? 2 : 4;
    const bytes = unpackRle(stream, rows * columns, bytesPerSample, samples, subject);
    return { bytes, bytesPerSample, isLittleEndian: true, isInterleaved: false, firstBit: 0, trailingBytes: 0 };
  }
  if (COMPRESSED_SYNTAXES.has(transferSyntaxUid)) {
    const stream = encapsulatedFrame(file, subject, frames);
    const decoded = await decode(transferSyntaxUid, stream, { rows, columns, samples }, subject);
    return { ...decoded, isLittleEndian: true, firstBit: 0, trailingBytes: 0 };
  }
  return nativePixels(file, format, subject, frames);
}

const decodeHere: DecodeFrame = async (transferSyntaxUid, stream, shape, subject) =>
  (await frameDecoder(transferSyntaxUid))(stream, shape, subject);

function nativePixels(
  file: DicomFile,
  format: PixelFormat,
  subject: string,
  frames: { readonly index: number; readonly of: number },
): StoredPixels {
  const { bitsAllocated, isInterleaved } = format;
  const all = file.dataSet.byteArray;
  const element = file.dataSet.elements[format.element];
  if (element === undefined) throw unreadable(`${subject} has no pixel data`);
  const frameBits = format.rows * format.columns * samplesStored(format) * bitsAllocated;
  const needed = Math.ceil((frameBits * frames.of) / 8);
  const isBig = file.transferSyntaxUid === TRANSFER_SYNTAX.explicitBig;
  const { dataOffset, length: says } = element.length === UNDEFINED_LENGTH ? onlyItem(all, element, isBig) : element;
  const available = Math.min(says, all.length - dataOffset);
  if (available < needed)
    throw unreadable(`${subject} is cut short: ${available} bytes of pixels found, ${needed} expected`);
  const firstBit = frameBits * frames.index;
  const from = dataOffset + Math.floor(firstBit / 8);
  const length = Math.ceil(((firstBit % 8) + frameBits) / 8);
  return {
    // Pixels of 8 bits in 16-bit words (OW) are swapped in pairs when big endian.
    bytes:
      isBig && bitsAllocated <= 8 && element.vr === "OW"
        ? swappedPairs(all, from, length)
        : all.subarray(from, from + length),
    bytesPerSample:
      bitsAllocated === 1 ? 0 : bitsAllocated === 8 ? 1 : bitsAllocated === 16 ? 2 : bitsAllocated === 32 ? 4 : 8,
    isLittleEndian: !isBig,
    isInterleaved,
    firstBit: firstBit % 8,
    trailingBytes:
      element.length === UNDEFINED_LENGTH
        ? 0
        : trailingBytes(all, element.dataOffset + element.length, element.length - needed, !isBig),
  };
}

const UNDEFINED_LENGTH = 0xffff_ffff;

/**
 * Where the pixels are of an element without a length, which only compressed ones may have: in its one item, behind a
 * table of offsets that may be empty, as where a compressed file was unpacked by halves. No bytes where they are not.
 */
function onlyItem(
  all: Uint8Array,
  { dataOffset }: { readonly dataOffset: number },
  isBig: boolean,
): { readonly dataOffset: number; readonly length: number } {
  const view = new DataView(all.buffer, all.byteOffset, all.byteLength);
  const items: { readonly dataOffset: number; readonly length: number }[] = [];
  for (let at = dataOffset; at + 8 <= all.length && items.length < 3; ) {
    if (view.getUint16(at, !isBig) !== 0xfffe || view.getUint16(at + 2, !isBig) !== 0xe000) break;
    const length = view.getUint32(at + 4, !isBig);
    items.push({ dataOffset: at + 8, length });
    at += 8 + length;
  }
  const filled = items.length > 1 ? items.slice(1) : items;
  return filled.length === 1 && filled[0] !== undefined ? filled[0] : { dataOffset, length: 0 };
}

/** Uncompressed YBR_FULL_422 keeps two samples a pixel: both luminances, then what the pair shares. */
function samplesStored({ colour, samples }: PixelFormat): number {
  return colour === "ybr422" ? 2 : samples;
}

/**
 * Real values of a frame into `target` from `offset` on: stored values (bits outside high bit and bits stored removed,
 * sign extended), looked up in the format's table, by slope and intercept. Of colour, the format's shares of it.
 */
export function rescaleInto(target: Float32Array, offset: number, pixels: StoredPixels, format: PixelFormat): void {
  const count = format.rows * format.columns;
  const { slope, intercept, colour, shares } = format;
  const sample = sampleReader(pixels, format);
  const isPacked422 = colour === "ybr422" && pixels.bytes.length === 2 * count * Math.max(1, pixels.bytesPerSample);
  if (isPacked422) {
    for (let i = 0; i < count; i++) {
      const pair = 4 * (i >> 1);
      target[offset + i] = ybrChannel(sample(pair + (i & 1)), sample(pair + 2), sample(pair + 3), format);
    }
  } else if (format.samples === 3) {
    const [pixel, component] = pixels.isInterleaved ? [3, 1] : [1, count];
    for (let i = 0; i < count; i++) {
      const [a, b, c] = [sample(i * pixel), sample(i * pixel + component), sample(i * pixel + 2 * component)];
      target[offset + i] =
        colour === "rgb" ? shares[0] * a + shares[1] * b + shares[2] * c : ybrChannel(a, b, c, format);
    }
  } else if (format.table !== null) {
    const { first, values } = format.table;
    const last = values.length - 1;
    for (let i = 0; i < count; i++) {
      target[offset + i] = values[Math.min(last, Math.max(0, sample(i) - first))] ?? 0;
    }
  } else if (areWords(pixels, format)) {
    rescaleWords(target.subarray(offset, offset + count), pixels.bytes, format);
  } else {
    for (let i = 0; i < count; i++) target[offset + i] = sample(i) * slope + intercept;
  }
}

/**
 * The same values as 16-bit integers, `rows` x `columns` of them. False where the frame has others, or is of a kind
 * for which nobody has asked yet; `target` then holds nothing of use.
 */
export function rescaleIntoIntegers(target: Int16Array, pixels: StoredPixels, format: PixelFormat): boolean {
  const isPlain = format.colour === "grey" && format.table === null && format.element === "x7fe00010";
  return isPlain && areWords(pixels, format) && shiftWords(target, pixels.bytes, format);
}

/** The usual case: words whose lowest bits are the value. */
function areWords({ bytesPerSample, isLittleEndian }: StoredPixels, { bitsStored, highBit }: PixelFormat): boolean {
  return bytesPerSample === 2 && isLittleEndian && bitsStored <= 16 && highBit === bitsStored - 1;
}

/** Shifted up so that the highest stored bit is bit 31, then down again with or without the sign. */
function shifts({ highBit, bitsStored }: PixelFormat): readonly [up: number, down: number] {
  return [31 - highBit, 32 - bitsStored];
}

function sampleReader(pixels: StoredPixels, format: PixelFormat): (i: number) => number {
  const { bytes, bytesPerSample, isLittleEndian, firstBit } = pixels;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytesPerSample === 0) return (i) => ((bytes[(firstBit + i) >> 3] ?? 0) >> ((firstBit + i) & 7)) & 1;
  if (format.element === "x7fe00008") return (i) => view.getFloat32(4 * i, isLittleEndian);
  if (format.element === "x7fe00009") return (i) => view.getFloat64(8 * i, isLittleEndian);
  const [up, down] = shifts(format);
  const value = format.isSigned ? (raw: number) => (raw << up) >> down : (raw: number) => (raw << up) >>> down;
  if (bytesPerSample === 1) return (i) => value(bytes[i] ?? 0);
  if (bytesPerSample === 2) return (i) => value(view.getUint16(2 * i, isLittleEndian));
  return (i) => value(view.getUint32(4 * i, isLittleEndian));
}

/** Bytes after pixel data that are no element: padding (FFFC,FFFC) and signatures (FFFA,FFFA) may follow it. */
function trailingBytes(all: Uint8Array, end: number, inside: number, little: boolean): number {
  // Pixel data has an even length: one byte more than needed is padding.
  const extra = inside > 1 ? inside : 0;
  if (all.length < end + 8) return extra + Math.max(0, all.length - end);
  const view = new DataView(all.buffer, all.byteOffset, all.byteLength);
  const group = view.getUint16(end, little);
  const isElement = (group === 0xfffc || group === 0xfffa) && view.getUint16(end + 2, little) === group;
  return extra + (isElement ? 0 : all.length - end);
}

function swappedPairs(all: Uint8Array, from: number, length: number): Uint8Array {
  const pairs = Buffer.from(all.slice(from, from + length + (length % 2)));
  if (pairs.length % 2 === 0) pairs.swap16();
  return pairs.subarray(0, length);
}

function unreadable(message: string): PipelineError {
  return new PipelineError("InputUnreadable", message);
}
