import { inflateRawSync } from "node:zlib";
import dicomParser, { type DataSet } from "dicom-parser";
import { PipelineError } from "#src/core/errors.js";

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

/** Most bytes that a deflated file may unpack to: this many, or so many for each of its own. */
const FREE_INFLATED = 64 * 1024 ** 2;
const MAX_INFLATED_RATIO = 200;

/** Whether bytes carry the DICOM prefix. */
function hasDicomPrefix(bytes: Uint8Array): boolean {
  return bytes.length > 132 && String.fromCharCode(...bytes.subarray(128, 132)) === "DICM";
}

/**
 * Parses a DICOM file up to its pixel data, with or without the 128-byte preamble. Null when the bytes are no DICOM:
 * without the prefix, only what parses and names its SOP class counts.
 *
 * @param upTo "pixels" stops at pixel data without looking into it; "end" reads on (needed for encapsulated frames)
 * @throws {PipelineError} InputUnreadable for a file with the prefix that cannot be parsed
 */
export function parseDicomFile(
  bytes: Uint8Array,
  subject: string,
  upTo: "pixels" | "end" = "pixels",
): DicomFile | null {
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
    maxOutputLength: FREE_INFLATED + MAX_INFLATED_RATIO * file.length,
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
