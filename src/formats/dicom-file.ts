import { inflateRawSync } from "node:zlib";
import dicomParser, { type ByteStream, type DataSet, type Element } from "dicom-parser";
import { PipelineError } from "#src/core/errors.js";
import { countedStream } from "./counted-stream.js";

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
const MOST_OUTER = 20_000;
const MOST_ELEMENTS = 2_000_000;

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
 * @param most elements of the header with those of sequences, and their items; a parser keeps 500 bytes of each
 * @throws {PipelineError} InputUnreadable for a file with the prefix that cannot be parsed, InputUnsafe for a header of
 *   more elements than any scan has
 */
export function parseDicomFile(bytes: Uint8Array, subject: string, most: number = MOST_ELEMENTS): DicomFile | null {
  const whole = hasBareMeta(bytes) ? withPreamble(bytes) : bytes;
  const hasPrefix = hasDicomPrefix(whole);
  const guess = hasPrefix ? null : likelySyntax(bytes, 0);
  if (!hasPrefix && guess === null) return null;
  try {
    const file = parse(whole, guess, elementLimits(subject, most));
    return hasPrefix || file.dataSet.elements.x00080016 !== undefined ? file : null;
  } catch (cause) {
    if (cause instanceof PipelineError) throw cause;
    if (!hasPrefix) return null;
    const message = `${subject} is a DICOM file that is damaged or cut short, ${bytes.length} bytes found, expected a whole data set`;
    throw new PipelineError("InputUnreadable", message, { cause: asError(cause) });
  }
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

/** What is called for each element of a header, and ends its reading where there are more than any scan has. */
interface ElementLimits {
  /** Each element and item. */
  readonly one: () => void;
  /** Each element outside of all sequences. */
  readonly outer: () => void;
}

function elementLimits(subject: string, most: number): ElementLimits {
  let [all, outer] = [0, 0];
  const refuse = (limit: number) => {
    const message = `${subject} has more than ${limit} elements in its header, expected at most that`;
    throw new PipelineError("InputUnsafe", message);
  };
  return {
    one: () => {
      if (++all > most) refuse(most);
    },
    outer: () => {
      if (++outer > MOST_OUTER) refuse(MOST_OUTER);
    },
  };
}

function parse(bytes: Uint8Array, guess: string | null, limits: ElementLimits): DicomFile {
  const meta = guess === null ? readMeta(bytes, limits) : null;
  const at = meta?.end ?? 0;
  // Some files have lost the element that says how they are written.
  const transferSyntaxUid = guess ?? (meta && textOf(meta.dataSet, "x00020010")) ?? likelySyntax(bytes, at);
  if (transferSyntaxUid === null) throw new RangeError("no transfer syntax");
  const whole = transferSyntaxUid === TRANSFER_SYNTAX.deflated ? inflated(bytes, at) : bytes;
  const parser =
    transferSyntaxUid === TRANSFER_SYNTAX.explicitBig
      ? dicomParser.bigEndianByteArrayParser
      : dicomParser.littleEndianByteArrayParser;
  const dataSet = new dicomParser.DataSet(parser, whole, { ...meta?.dataSet.elements });
  const stream = countedStream(parser, whole, at, limits.one);
  // What the first element looks like counts more than what the file says of itself: JPEG in implicit VR exists.
  const read = hasVr(whole, at) ? explicitElement : implicitElement;
  while (stream.position < whole.length) {
    limits.outer();
    const element = read(stream);
    dataSet.elements[element.tag] = element;
    if (element.tag === PIXEL_DATA) break;
  }
  assertWhole(dataSet);
  return { dataSet, transferSyntaxUid };
}

const PREFIX_END = 132;
const META_GROUP = 2;

/** File meta information: explicit little endian, up to the first element of a later group, whatever length it says. */
function readMeta(bytes: Uint8Array, limits: ElementLimits): { readonly dataSet: DataSet; readonly end: number } {
  const parser = dicomParser.littleEndianByteArrayParser;
  const stream = countedStream(parser, bytes, PREFIX_END, limits.one);
  const dataSet = new dicomParser.DataSet(parser, bytes, {});
  while (stream.position < bytes.length && parser.readUint16(bytes, stream.position) <= META_GROUP) {
    limits.outer();
    const element = dicomParser.readDicomElementExplicit(stream, stream.warnings);
    // What follows may be in another byte order.
    dataSet.elements[element.tag] = { ...element, parser };
  }
  return { dataSet, end: stream.position };
}

const PIXEL_DATA = "x7fe00010";
/** Value representations with a length of 32 bits that dicom-parser takes for one of 16. */
const LONG_VRS: ReadonlySet<string> = new Set(["OV", "SV", "UV"]);

/** An element with its VR; of pixel data, where it begins. Extended offset tables are of a VR that dicom-parser does not know. */
function explicitElement(stream: ByteStream): Element {
  const { byteArray, position } = stream;
  const vr = String.fromCharCode(byteArray[position + 4] ?? 0, byteArray[position + 5] ?? 0);
  if (!LONG_VRS.has(vr)) return dicomParser.readDicomElementExplicit(stream, stream.warnings, PIXEL_DATA);
  const tag = dicomParser.readTag(stream);
  stream.seek(4);
  const length = stream.readUint32();
  const dataOffset = stream.position;
  stream.seek(length);
  return { tag, vr, length, dataOffset };
}

function implicitElement(stream: ByteStream): Element {
  return dicomParser.readDicomElementImplicit(stream, PIXEL_DATA);
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
