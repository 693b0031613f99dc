import dicomParser, { type DataSet } from "dicom-parser";
import { PipelineError } from "#src/core/errors.js";
import type { Vec3 } from "#src/imaging/affine.js";
import { numbersOf } from "./dicom-file.js";
import { type PixelTally, segPixels, tallies } from "./seg-tally.js";

/** One segment of a DICOM SEG as its pixels and frames place it. */
export interface SegSegmentGeometry {
  /** Segment Number, from 1. */
  readonly number: number;
  readonly voxels: number;
  /** Mean position of its pixels' centres; null when it has none. */
  readonly centroidRasMm: Vec3 | null;
  /** Voxels times pixel spacing and spacing between slices. */
  readonly volumeMm3: number;
}

/**
 * Size and place of every segment of a DICOM SEG, from each frame's own position, orientation and measures. Shares
 * nothing with the writer: it is the proof before publishing that what was written lies where it should.
 *
 * BINARY: pixels that are set. LABELMAP (8 or 16 bits): pixels of a segment's number; the background, whose number is
 * the pixel padding value (0 where none is given), is left out. FRACTIONAL: pixels of at least half of the maximum
 * fractional value, each counted whole. Pixels uncompressed in little endian or, but for BINARY, in RLE.
 *
 * @returns in the order of segment numbers
 * @throws {PipelineError} ResultInvalid when the object is no such SEG or lacks what is needed
 */
export function readSegGeometry(bytes: Uint8Array): SegSegmentGeometry[] {
  try {
    return measured(dicomParser.parseDicom(bytes));
  } catch (cause) {
    if (cause instanceof PipelineError && cause.code === "ResultInvalid") throw cause;
    // dicom-parser throws bare strings and objects, while parsing and while reading values.
    throw new PipelineError("ResultInvalid", "the DICOM SEG cannot be parsed", {
      cause: cause instanceof Error ? cause : new Error("dicom-parser gave up", { cause }),
    });
  }
}

function measured(dataSet: DataSet): SegSegmentGeometry[] {
  const frames = segItems(dataSet, "x52009230");
  const shared = segItems(dataSet, "x52009229")[0];
  const pixels = segPixels(dataSet, frames.length);
  const background = pixels.kind === "LABELMAP" ? (dataSet.uint16("x00280120") ?? 0) : null;
  const sums = new Map<number, SegmentSum>();
  for (const segment of segItems(dataSet, "x00620002")) {
    const number = segment.uint16("x00620004");
    if (number === undefined) throw invalid("has a segment without a number");
    if (number !== background) sums.set(number, { voxels: 0, positionLps: [0, 0, 0], volumeMm3: 0 });
  }
  for (const [f, frame] of frames.entries()) {
    const number = background === null ? segNested(frame, shared, "x0062000a").uint16("x0062000b") : undefined;
    for (const [value, tally] of tallies(pixels, f)) {
      if (value === background) continue;
      const sum = sums.get(number ?? value);
      if (sum === undefined) throw invalid(`has frame ${f} of a segment that it does not list`);
      addTally(sum, tally, frame, shared);
    }
  }
  return [...sums]
    .toSorted(([a], [b]) => a - b)
    .map(([number, { voxels, positionLps, volumeMm3 }]) => ({
      number,
      voxels,
      centroidRasMm:
        voxels === 0 ? null : [-positionLps[0] / voxels, -positionLps[1] / voxels, positionLps[2] / voxels],
      volumeMm3,
    }));
}

interface SegmentSum {
  voxels: number;
  /** Sum of the positions of all pixels. */
  positionLps: [number, number, number];
  volumeMm3: number;
}

function addTally(
  sum: SegmentSum,
  { count, sumColumn, sumRow }: PixelTally,
  frame: DataSet,
  shared: DataSet | undefined,
): void {
  const position = numbersOf(segNested(frame, shared, "x00209113"), "x00200032", 3);
  const orientation = numbersOf(segNested(frame, shared, "x00209116"), "x00200037", 6);
  const measures = segNested(frame, shared, "x00289110");
  const spacing = numbersOf(measures, "x00280030", 2);
  const step = numbersOf(measures, "x00180088", 1)?.[0] ?? numbersOf(measures, "x00180050", 1)?.[0];
  if (position === null || orientation === null || spacing === null || step === undefined) {
    throw invalid("has a frame without position, orientation or measures");
  }
  const [betweenRows = 0, betweenColumns = 0] = spacing;
  for (const axis of [0, 1, 2] as const) {
    // PS3.3 C.7.6.2.1.1: along a row by the column index, along a column by the row index.
    sum.positionLps[axis] +=
      count * (position[axis] ?? 0) +
      sumColumn * betweenColumns * (orientation[axis] ?? 0) +
      sumRow * betweenRows * (orientation[axis + 3] ?? 0);
  }
  sum.voxels += count;
  sum.volumeMm3 += count * betweenRows * betweenColumns * step;
}

/** The one item of a functional group: the frame's own, else the shared one. */
export function segNested(frame: DataSet, shared: DataSet | undefined, tag: string): DataSet {
  const own = segItems(frame, tag)[0];
  const common = shared === undefined ? undefined : segItems(shared, tag)[0];
  const found = own ?? common;
  if (found === undefined) throw invalid(`has a frame without functional group ${tag}`);
  return found;
}

/** Items of a sequence. */
export function segItems(dataSet: DataSet, tag: string): DataSet[] {
  return (dataSet.elements[tag]?.items ?? []).flatMap((item) => (item.dataSet === undefined ? [] : [item.dataSet]));
}

function invalid(what: string): PipelineError {
  return new PipelineError("ResultInvalid", `the DICOM SEG ${what}`);
}
