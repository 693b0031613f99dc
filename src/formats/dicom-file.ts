import { inflateRawSync } from "node:zlib";
import dicomParser, { type ByteStream, type DataSet } from "dicom-parser";
import { PipelineError } from "#src/core/errors.js";
import { countElements, type ElementCount } from "./count-elements.js";

/** Transfer syntaxes by the names this program uses. */
export const TRANSFER_SYNTAX = {
  implicitLittle: "1.2.840.10008.1.2",
  explicitLittle: "1.2.840.10008.1.2.1",
  deflated: "1.2.840.10008.1.2.1.99",
  explicitBig: "1.2.840.10008.1.2.2",
  rle: "1.2.840.10008.1.2.5",
} as const;

/** A parsed DICOM file. */
export interface DicomFile {
  /** Elements up to pixel data; `dataSet.byteArray` is the file, inflated where it was deflated. */
  readonly dataSet: DataSet;
  readonly transferSyntaxUid: string;
}

/** Most bytes that a deflated file may unpack to: this many, or so many for each of its own, and never more than this. */
const FREE_INFLATED = 64 * 1024 ** 2;
const MAX_INFLATED_RATIO = 200;
const MAX_INFLATED = 1024 ** 3;

/** Real headers have hundreds of elements outside of sequences, and a few dozen for each frame of 10,000 in them. */
const MOST: ElementCount = { outer: 20_000, all: 2_000_000 };

/** Whether bytes carry the DICOM prefix. */
function hasDicomPrefix(bytes: Uint8Array): boolean {
  return bytes.length > 132 && String.fromCharCode(...bytes.subarray(128, 132)) === "DICM";
}

/** Whether bytes begin with file meta information: a file that has lost its preamble and prefix alone. */
function hasBareMeta(bytes: Uint8Array): boolean {
  return bytes.length > 16 && bytes[0] === 2 && bytes[1] === 0 && bytes[3] === 0 && hasVr(bytes, 0);
}

function withPreamble(bytes: Uint8Array): Uint8Array {
  return Buffer.concat([Buffer.alloc(128), Buffer.from("DICM", "latin1"), bytes]);
}

/**
 * Parses a DICOM file up to its pixel data, with or without the 128-byte preamble. Null when the bytes are no DICOM:
 * without the prefix, only what parses and names its SOP class counts.
 *
 * @throws {PipelineError} InputUnreadable for a file with the prefix that cannot be parsed, InputUnsafe for a header of
 *   more elements than any scan has
 */
export function parseDicomFile(bytes: Uint8Array, subject: string): DicomFile | null {
  const whole = hasBareMeta(bytes) ? withPreamble(bytes) : bytes;
  assertFewElements(whole, subject);
  if (hasDicomPrefix(whole)) {
    try {
      return parse(whole);
    } catch (cause) {
      const message = `${subject} is a DICOM file that is damaged or cut short, ${bytes.length} bytes found, expected a whole data set`;
      throw new PipelineError("InputUnreadable", message, { cause: asError(cause) });
    }
  }
  const guess = likelySyntax(bytes, 0);
  if (guess === null) return null;
  try {
    const file = parse(bytes, guess);
    return file.dataSet.elements.x00080016 === undefined ? null : file;
  } catch {
    return null;
  }
}

/**
 * Elements of a header, a lower bound: those of a deflated file cannot be counted. Null for what does not look like
 * DICOM.
 */
export function elementsOf(bytes: Uint8Array): ElementCount | null {
  if (!hasDicomPrefix(bytes)) {
    const syntax = likelySyntax(bytes, 0);
    return syntax === null ? null : countElements(bytes, 0, encodingOf(bytes, 0, syntax), MOST);
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  // Group 2 is explicit little endian, and begins with its length: (0002,0000) UL.
  const hasLength = bytes.length >= 144 && view.getUint32(132, true) === 0x0000_0002;
  if (!hasLength) return countElements(bytes, 132, { isExplicit: true, isLittle: true }, MOST);
  const start = 144 + view.getUint32(140, true);
  const meta = Buffer.from(bytes.subarray(144, Math.min(start, 144 + 4096))).toString("latin1");
  const at = meta.indexOf("\x02\0\x10\0UI");
  const syntax = meta.slice(at + 8, at + 8 + meta.charCodeAt(at + 6)).replace(/[\0 ]+$/, "");
  return syntax === TRANSFER_SYNTAX.deflated
    ? null
    : countElements(bytes, start, encodingOf(bytes, start, syntax), MOST);
}

/** As `parse` takes it: explicit where the first element looks so, whatever the file says of itself. */
function encodingOf(bytes: Uint8Array, at: number, syntax: string): { isExplicit: boolean; isLittle: boolean } {
  return { isExplicit: hasVr(bytes, at), isLittle: syntax !== TRANSFER_SYNTAX.explicitBig };
}

function assertFewElements(bytes: Uint8Array, subject: string): void {
  const count = elementsOf(bytes);
  if (count === null) return;
  if (count.outer <= MOST.outer && count.all <= MOST.all) return;
  const limit = count.outer > MOST.outer ? MOST.outer : MOST.all;
  throw new PipelineError(
    "InputUnsafe",
    `${subject} has more than ${limit} elements in its header, expected at most that`,
  );
}

/** The value of an element as text without padding; null where it is absent or empty. */
export function textOf(dataSet: DataSet, tag: string, index?: number): string | null {
  const value = dataSet.string(tag, index)?.replaceAll("\0", "").trim();
  return value === undefined || value === "" ? null : value;
}

/** All numbers of a decimal string; null unless there are exactly `count` finite ones. */
export function numbersOf(dataSet: DataSet, tag: string, count: number): number[] | null {
  const values = (textOf(dataSet, tag)?.split("\\") ?? []).map((part) =>
    part.trim() === "" ? Number.NaN : Number(part),
  );
  return values.length === count && values.every(Number.isFinite) ? values : null;
}

function parse(bytes: Uint8Array, guess?: string): DicomFile {
  const meta = guess === undefined ? dicomParser.readPart10Header(bytes) : null;
  const at = meta?.position ?? 0;
  // Some files have lost the element that says how they are written.
  const transferSyntaxUid = guess ?? (meta && textOf(meta, "x00020010")) ?? likelySyntax(bytes, at);
  if (transferSyntaxUid === null) throw new RangeError("no transfer syntax");
  const whole = transferSyntaxUid === TRANSFER_SYNTAX.deflated ? inflated(bytes, at) : bytes;
  const parser =
    transferSyntaxUid === TRANSFER_SYNTAX.explicitBig
      ? dicomParser.bigEndianByteArrayParser
      : dicomParser.littleEndianByteArrayParser;
  const dataSet = new dicomParser.DataSet(parser, whole, { ...meta?.elements });
  const stream = new dicomParser.ByteStream(parser, whole, at);
  // What the first element looks like counts more than what the file says of itself: JPEG in implicit VR exists.
  if (hasVr(whole, at)) readExplicit(dataSet, stream);
  else dicomParser.parseDicomDataSetImplicit(dataSet, stream, whole.length, { untilTag: PIXEL_DATA });
  assertWhole(dataSet);
  return { dataSet, transferSyntaxUid };
}

const PIXEL_DATA = "x7fe00010";
/** Value representations with a length of 32 bits that dicom-parser takes for one of 16. */
const LONG_VRS: ReadonlySet<string> = new Set(["OV", "SV", "UV"]);

/** Elements with their VR, up to pixel data. Extended offset tables are of a VR that dicom-parser does not know. */
function readExplicit(dataSet: DataSet, stream: ByteStream): void {
  const { byteArray } = stream;
  while (stream.position < byteArray.length) {
    const start = stream.position;
    const vr = String.fromCharCode(byteArray[start + 4] ?? 0, byteArray[start + 5] ?? 0);
    if (LONG_VRS.has(vr)) {
      const tag = dicomParser.readTag(stream);
      stream.seek(4);
      const length = stream.readUint32();
      dataSet.elements[tag] = { tag, vr, length, dataOffset: stream.position };
      stream.seek(length);
      continue;
    }
    const element = dicomParser.readDicomElementExplicit(stream, stream.warnings, PIXEL_DATA);
    dataSet.elements[element.tag] = element;
    if (element.tag === PIXEL_DATA) return;
  }
}

/** Whether the element at a position names its value representation, two capital letters. */
function hasVr(bytes: Uint8Array, at: number): boolean {
  return /^[A-Z]{2}$/.test(String.fromCharCode(bytes[at + 4] ?? 0, bytes[at + 5] ?? 0));
}

/**
 * Reading implicit VR, dicom-parser lets the last element reach beyond the file, in the items of a sequence too. Pixels
 * have their own check.
 */
function assertWhole(dataSet: DataSet): void {
  for (const { tag, dataOffset, length, items } of Object.values(dataSet.elements)) {
    if (tag !== PIXEL_DATA && dataOffset + length > dataSet.byteArray.length)
      throw new RangeError(`${tag} is cut short`);
    for (const item of items ?? []) if (item.dataSet !== undefined) assertWhole(item.dataSet);
  }
}

function inflated(file: Uint8Array, position: number): Uint8Array {
  const rest = inflateRawSync(file.subarray(position), {
    maxOutputLength: Math.min(FREE_INFLATED + MAX_INFLATED_RATIO * file.length, MAX_INFLATED),
  });
  const whole = new Uint8Array(position + rest.length);
  whole.set(file.subarray(0, position));
  whole.set(rest, position);
  return whole;
}

/** What a data set is likely written in: its first element is of group 8, in its byte order. Null where it is not. */
function likelySyntax(bytes: Uint8Array, at: number): string | null {
  if (bytes.length < at + 16) return null;
  const isLittle = bytes[at] === 8 && bytes[at + 1] === 0;
  const isBig = bytes[at] === 0 && bytes[at + 1] === 8;
  if (!isLittle && !isBig) return null;
  if (isBig) return hasVr(bytes, at) ? TRANSFER_SYNTAX.explicitBig : null;
  return hasVr(bytes, at) ? TRANSFER_SYNTAX.explicitLittle : TRANSFER_SYNTAX.implicitLittle;
}

/** dicom-parser throws bare strings and objects. */
function asError(cause: unknown): Error {
  return cause instanceof Error ? cause : new Error("dicom-parser gave up", { cause });
}
