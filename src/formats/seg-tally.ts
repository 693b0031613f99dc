import dicomParser, { type DataSet } from "dicom-parser";
import { PipelineError } from "#src/core/errors.js";
import { TRANSFER_SYNTAX, textOf } from "./dicom-file.js";
import { unpackRle } from "./dicom-rle.js";

/** Pixels of one value in one frame. */
export interface PixelTally {
  count: number;
  /** Sum of their column indices, from 0. */
  sumColumn: number;
  sumRow: number;
}

/** The pixels of a segmentation as it was read. */
interface ReadPixels {
  readonly kind: "BINARY" | "LABELMAP" | "FRACTIONAL";
  readonly rows: number;
  readonly columns: number;
  /** Bytes of a sample; that of BINARY is a bit. */
  readonly width: 1 | 2;
  /** What counts in FRACTIONAL: this and more. */
  readonly threshold: number;
  /** All frames as one, or the stream of each. */
  readonly data: Uint8Array | readonly Uint8Array[];
}

/**
 * Finds the pixels of a segmentation and checks that they are there.
 *
 * @param frames that it describes
 * @throws {PipelineError} ResultInvalid when they are of no known kind, or too few
 */
export function segPixels(dataSet: DataSet, frames: number): ReadPixels {
  const kind = textOf(dataSet, "x00620001");
  const [rows, columns] = [dataSet.uint16("x00280010") ?? 0, dataSet.uint16("x00280011") ?? 0];
  const element = dataSet.elements.x7fe00010;
  if (kind !== "BINARY" && kind !== "LABELMAP" && kind !== "FRACTIONAL") throw invalid("is of no known type");
  if (element === undefined || rows * columns === 0 || frames === 0) throw invalid("has no frames");
  const bits = dataSet.uint16("x00280100") ?? 0;
  if (!(kind === "BINARY" ? bits === 1 : bits === 8 || (kind === "LABELMAP" && bits === 16))) {
    throw invalid(`has ${bits} bits a pixel, which no ${kind} segmentation has`);
  }
  const facts = {
    kind,
    rows,
    columns,
    width: bits === 16 ? 2 : 1,
    threshold: (dataSet.uint16("x0062000e") ?? 255) / 2,
  } as const;

  const syntax = textOf(dataSet, "x00020010");
  if (syntax === TRANSFER_SYNTAX.rle && kind !== "BINARY") {
    // PS3.5 A.4.2: each frame is one fragment.
    const fragments = element.fragments ?? [];
    if (fragments.length !== frames) throw invalid(`has ${fragments.length} fragments for ${frames} frames`);
    const read = dicomParser.readEncapsulatedPixelDataFromFragments;
    return { ...facts, data: fragments.map((_, f) => read(dataSet, element, f, 1, fragments)) };
  }
  if (syntax !== TRANSFER_SYNTAX.explicitLittle && syntax !== TRANSFER_SYNTAX.implicitLittle) {
    throw invalid("is in a transfer syntax other than little endian or, but for BINARY, RLE");
  }
  if (element.length * 8 < frames * rows * columns * bits) {
    throw invalid(`has ${element.length} bytes of pixels, too few for ${frames} frames of ${columns} x ${rows}`);
  }
  return { ...facts, data: dataSet.byteArray.subarray(element.dataOffset, element.dataOffset + element.length) };
}

/** Number and place of the pixels of each value in frame `f`: 1 in BINARY and FRACTIONAL, a segment in LABELMAP. */
export function tallies(pixels: ReadPixels, f: number): Iterable<readonly [number, PixelTally]> {
  return pixels.kind === "BINARY" ? bitTally(pixels, f) : sampleTallies(pixels, frameSamples(pixels, f));
}

function bitTally(pixels: ReadPixels, f: number): [number, PixelTally][] {
  const tally = { count: 0, sumColumn: 0, sumRow: 0 };
  visitPixels(pixels, f, 0, (_, column, row) => {
    tally.count++;
    tally.sumColumn += column;
    tally.sumRow += row;
  });
  return tally.count === 0 ? [] : [[1, tally]];
}

/**
 * Calls for every pixel of frame `f` that is not background, row by row: with 1 in BINARY, else with the sample.
 *
 * @param background the sample that is left out
 */
export function visitPixels(
  pixels: ReadPixels,
  f: number,
  background: number,
  pixel: (value: number, column: number, row: number) => void,
): void {
  const { rows, columns, width, data, kind } = pixels;
  if (kind === "BINARY") {
    if (data instanceof Uint8Array) visitBits(data, f * rows * columns, rows, columns, pixel);
    return;
  }
  const samples = frameSamples(pixels, f);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      const at = (row * columns + column) * width;
      const sample = width === 1 ? (samples[at] ?? 0) : (samples[at] ?? 0) | ((samples[at + 1] ?? 0) << 8);
      if (sample !== background) pixel(sample, column, row);
    }
  }
}

/** Of the bits that are set, least significant first, frames without a gap (PS3.5 8.1.1). */
function visitBits(
  data: Uint8Array,
  first: number,
  rows: number,
  columns: number,
  pixel: (value: number, column: number, row: number) => void,
): void {
  const bytes = data.subarray(Math.floor(first / 8));
  const shift = first % 8;
  const end = shift + rows * columns;
  for (let byte = 0; byte * 8 < end; byte++) {
    const eight = bytes[byte] ?? 0;
    if (eight === 0) continue;
    for (let bit = Math.max(shift, byte * 8); bit < Math.min(end, byte * 8 + 8); bit++) {
      if (((eight >> (bit % 8)) & 1) === 1) pixel(1, (bit - shift) % columns, Math.floor((bit - shift) / columns));
    }
  }
}

function frameSamples({ rows, columns, width, data }: ReadPixels, f: number): Uint8Array {
  const size = rows * columns * width;
  if (data instanceof Uint8Array) return data.subarray(f * size, (f + 1) * size);
  return unpackRle(data[f] ?? new Uint8Array(0), rows * columns, width, 1, "the DICOM SEG");
}

function sampleTallies(pixels: ReadPixels, samples: Uint8Array): Map<number, PixelTally> {
  const { rows, columns, width, threshold } = pixels;
  const isFractional = pixels.kind === "FRACTIONAL";
  const found = new Map<number, PixelTally>();
  let [before, tally]: [number, PixelTally | undefined] = [-1, undefined];
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      const at = (row * columns + column) * width;
      const sample = width === 1 ? (samples[at] ?? 0) : (samples[at] ?? 0) | ((samples[at + 1] ?? 0) << 8);
      if (isFractional && sample < threshold) continue;
      const value = isFractional ? 1 : sample;
      if (value !== before || tally === undefined) {
        before = value;
        tally = found.get(value);
        if (tally === undefined) {
          tally = { count: 0, sumColumn: 0, sumRow: 0 };
          found.set(value, tally);
        }
      }
      tally.count++;
      tally.sumColumn += column;
      tally.sumRow += row;
    }
  }
  return found;
}

function invalid(what: string): PipelineError {
  return new PipelineError("ResultInvalid", `the DICOM SEG ${what}`);
}
