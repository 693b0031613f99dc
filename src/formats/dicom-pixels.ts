import dicomParser from "dicom-parser";
import { PipelineError } from "#src/core/errors.js";
import { type DicomFile, parseDicomFile, TRANSFER_SYNTAX } from "./dicom-file.js";
import type { PixelFormat } from "./dicom-instance.js";
import { unpackRle } from "./dicom-rle.js";

/** Stored pixels of one frame, uncompressed, and how many bytes the file carries beyond them. */
export interface StoredPixels {
  readonly bytes: Uint8Array;
  readonly isLittleEndian: boolean;
  readonly trailingBytes: number;
}

/**
 * The stored pixels of a file of one frame.
 *
 * @throws {PipelineError} InputUnreadable when there are fewer bytes than rows and columns need
 */
export function storedPixels(file: DicomFile, format: PixelFormat, subject: string): StoredPixels {
  const needed = format.rows * format.columns * (format.bitsAllocated / 8);
  if (file.transferSyntaxUid === TRANSFER_SYNTAX.rle) {
    const bytes = unpackRle(encapsulatedFrame(file, subject), needed, format.bitsAllocated / 8, subject);
    return { bytes, isLittleEndian: true, trailingBytes: 0 };
  }
  const all = file.dataSet.byteArray;
  const element = file.dataSet.elements.x7fe00010;
  if (element === undefined) throw unreadable(`${subject} has no pixel data`);
  const available = Math.min(element.length, all.length - element.dataOffset);
  if (available < needed)
    throw unreadable(`${subject} is cut short: ${available} bytes of pixels found, ${needed} expected`);
  const isBig = file.transferSyntaxUid === TRANSFER_SYNTAX.explicitBig;
  const bytes = all.subarray(element.dataOffset, element.dataOffset + needed);
  return {
    // Pixels of 8 bits in 16-bit words (OW) are swapped in pairs when big endian.
    bytes:
      isBig && format.bitsAllocated === 8 && element.vr === "OW"
        ? swappedPairs(all, element.dataOffset, needed)
        : bytes,
    isLittleEndian: !isBig,
    trailingBytes: trailingBytes(all, element.dataOffset + element.length, element.length - needed, !isBig),
  };
}

/**
 * Real values of a frame: stored values (bits outside high bit and bits stored removed, sign extended) by slope and
 * intercept, into `target` from `offset` on.
 */
export function rescaleInto(target: Float32Array, offset: number, pixels: StoredPixels, format: PixelFormat): void {
  const { bitsAllocated, bitsStored, highBit, isSigned, slope, intercept } = format;
  const view = new DataView(pixels.bytes.buffer, pixels.bytes.byteOffset, pixels.bytes.byteLength);
  const count = format.rows * format.columns;
  const little = pixels.isLittleEndian;
  // Shifted up so that the highest stored bit is bit 31, then down again with or without the sign.
  const up = 31 - highBit;
  const down = 32 - bitsStored;
  for (let i = 0; i < count; i++) {
    const raw =
      bitsAllocated === 16
        ? view.getUint16(2 * i, little)
        : bitsAllocated === 8
          ? view.getUint8(i)
          : view.getUint32(4 * i, little);
    const value = isSigned ? (raw << up) >> down : (raw << up) >>> down;
    target[offset + i] = value * slope + intercept;
  }
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

function encapsulatedFrame(file: DicomFile, subject: string): Uint8Array {
  const whole = parseDicomFile(file.dataSet.byteArray, subject, "end");
  const element = whole?.dataSet.elements.x7fe00010;
  if (whole === null || element?.fragments === undefined || element.fragments.length === 0) {
    throw unreadable(`${subject} says its pixels are compressed and has no compressed frame`);
  }
  try {
    return dicomParser.readEncapsulatedPixelDataFromFragments(whole.dataSet, element, 0, element.fragments.length);
  } catch (cause) {
    const reason = cause instanceof Error ? cause : new Error("dicom-parser gave up", { cause });
    throw new PipelineError("InputUnreadable", `${subject} has a damaged compressed frame`, { cause: reason });
  }
}

function unreadable(message: string): PipelineError {
  return new PipelineError("InputUnreadable", message);
}
