import { inflateRawSync } from "node:zlib";
import dicomParser, { type DataSet } from "dicom-parser";
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

/**
 * Parses a DICOM file up to its pixel data, with or without the 128-byte preamble. Null when the bytes are no DICOM:
 * without the prefix, only what parses and names its SOP class counts.
 *
 * @param upTo "pixels" stops at pixel data without looking into it; "end" reads on (needed for encapsulated frames)
 * @throws {PipelineError} InputUnreadable for a file with the prefix that cannot be parsed, InputUnsafe for a header of
 *   more elements than any scan has
 */
export function parseDicomFile(
  bytes: Uint8Array,
  subject: string,
  upTo: "pixels" | "end" = "pixels",
): DicomFile | null {
  assertFewElements(bytes, subject);
  if (hasDicomPrefix(bytes)) {
    try {
      return parse(bytes, upTo);
    } catch (cause) {
      const message = `${subject} is a DICOM file that is damaged or cut short, ${bytes.length} bytes found, expected a whole data set`;
      throw new PipelineError("InputUnreadable", message, { cause: asError(cause) });
    }
  }
  const guess = transferSyntaxWithoutPreamble(bytes);
  if (guess === null) return null;
  try {
    const file = parse(bytes, upTo, guess);
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
    const syntax = transferSyntaxWithoutPreamble(bytes);
    return syntax === null ? null : countElements(bytes, 0, encodingOf(syntax), MOST);
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  // Group 2 is explicit little endian, and begins with its length: (0002,0000) UL.
  const hasLength = bytes.length >= 144 && view.getUint32(132, true) === 0x0000_0002;
  if (!hasLength) return countElements(bytes, 132, encodingOf(TRANSFER_SYNTAX.explicitLittle), MOST);
  const start = 144 + view.getUint32(140, true);
  const meta = Buffer.from(bytes.subarray(144, Math.min(start, 144 + 4096))).toString("latin1");
  const at = meta.indexOf("\x02\0\x10\0UI");
  const syntax = meta.slice(at + 8, at + 8 + meta.charCodeAt(at + 6)).replace(/[\0 ]+$/, "");
  return syntax === TRANSFER_SYNTAX.deflated ? null : countElements(bytes, start, encodingOf(syntax), MOST);
}

function encodingOf(syntax: string): { isExplicit: boolean; isLittle: boolean } {
  return { isExplicit: syntax !== TRANSFER_SYNTAX.implicitLittle, isLittle: syntax !== TRANSFER_SYNTAX.explicitBig };
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

function parse(bytes: Uint8Array, upTo: "pixels" | "end", guess?: string): DicomFile {
  const dataSet = dicomParser.parseDicom(bytes, {
    ...(upTo === "pixels" ? { untilTag: "x7fe00010" } : {}),
    ...(guess === undefined ? {} : { TransferSyntaxUID: guess }),
    inflater: (file: Uint8Array, position: number) => inflated(file, position),
  });
  assertWhole(dataSet);
  return { dataSet, transferSyntaxUid: guess ?? textOf(dataSet, "x00020010") ?? "" };
}

/**
 * Reading implicit VR, dicom-parser lets the last element reach beyond the file, in the items of a sequence too. Pixels
 * have their own check.
 */
function assertWhole(dataSet: DataSet): void {
  for (const { tag, dataOffset, length, items } of Object.values(dataSet.elements)) {
    if (tag !== "x7fe00010" && dataOffset + length > dataSet.byteArray.length)
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

/** What a data set without preamble is likely written in: its first element is of group 8, in its byte order. */
function transferSyntaxWithoutPreamble(bytes: Uint8Array): string | null {
  if (bytes.length < 16) return null;
  const isLittle = bytes[0] === 8 && bytes[1] === 0;
  const isBig = bytes[0] === 0 && bytes[1] === 8;
  if (!isLittle && !isBig) return null;
  const isExplicit = /^[A-Z]{2}$/.test(String.fromCharCode(bytes[4] ?? 0, bytes[5] ?? 0));
  if (isBig) return isExplicit ? TRANSFER_SYNTAX.explicitBig : null;
  return isExplicit ? TRANSFER_SYNTAX.explicitLittle : TRANSFER_SYNTAX.implicitLittle;
}

/** dicom-parser throws bare strings and objects. */
function asError(cause: unknown): Error {
  return cause instanceof Error ? cause : new Error("dicom-parser gave up", { cause });
}
