import dicomParser, { type DataSet } from "dicom-parser";
import { PipelineError } from "#src/core/errors.js";
import type { Vec3 } from "#src/imaging/affine.js";
import { numbersOf } from "./dicom-file.js";
import { segItems, segNested } from "./seg-read.js";
import { segPixels, visitPixels } from "./seg-tally.js";

/** One frame of a segmentation where it says that it lies, in RAS millimetres. */
export interface SegReadFrame {
  /** Segment Number of a BINARY or FRACTIONAL frame; null for a LABELMAP, whose pixels say it. */
  readonly segment: number | null;
  /** Centre of the first pixel. */
  readonly origin: Vec3;
  /** From a pixel to the next in its row, and to the one below it. */
  readonly columnStep: Vec3;
  readonly rowStep: Vec3;
  /** Between slices, and how thick one is, as the frame's measures say; null where they do not. */
  readonly sliceStepMm: number | null;
  readonly sliceThicknessMm: number | null;
  /** Calls for every pixel that is not background: 1 in BINARY, the sample in the others. */
  visit(pixel: (value: number, column: number, row: number) => void): void;
}

export interface SegFrames {
  readonly kind: "BINARY" | "LABELMAP" | "FRACTIONAL";
  readonly columns: number;
  readonly rows: number;
  /** Numbers of the segments that are listed, background left out, ascending. */
  readonly segments: readonly number[];
  /** Sample that stands for all of a pixel: Maximum Fractional Value, 255 where it is not given; else 1. */
  readonly maximum: number;
  readonly frames: Iterable<SegReadFrame>;
}

/**
 * The frames of a DICOM SEG by their own positions, one after the other: what a proof, or a conversion to another
 * format, starts from. Pixels as `readSegGeometry`.
 *
 * @throws {PipelineError} ResultInvalid when the object is no such SEG or lacks what is needed
 */
export function readSegFrames(bytes: Uint8Array): SegFrames {
  const dataSet = parsed(bytes);
  const described = segItems(dataSet, "x52009230");
  const shared = segItems(dataSet, "x52009229")[0];
  const pixels = segPixels(dataSet, described.length);
  const isLabelMap = pixels.kind === "LABELMAP";
  const background = isLabelMap ? (dataSet.uint16("x00280120") ?? 0) : 0;
  const numbers = segItems(dataSet, "x00620002").map((segment) => segment.uint16("x00620004") ?? 0);
  const segments = numbers.filter((number) => !isLabelMap || number !== background).toSorted((a, b) => a - b);
  const { kind, columns, rows } = pixels;
  const maximum = kind === "FRACTIONAL" ? (dataSet.uint16("x0062000e") ?? 255) : 1;

  function* frames(): Generator<SegReadFrame> {
    for (const [f, frame] of described.entries()) {
      const segment = isLabelMap ? null : (segNested(frame, shared, "x0062000a").uint16("x0062000b") ?? 0);
      const visit: SegReadFrame["visit"] = (pixel) => visitPixels(pixels, f, background, pixel);
      yield { segment, ...placeOf(frame, shared), visit };
    }
  }
  return { kind, columns, rows, segments, maximum, frames: frames() };
}

function placeOf(
  frame: DataSet,
  shared: DataSet | undefined,
): Pick<SegReadFrame, "origin" | "columnStep" | "rowStep" | "sliceStepMm" | "sliceThicknessMm"> {
  const position = numbersOf(segNested(frame, shared, "x00209113"), "x00200032", 3);
  const orientation = numbersOf(segNested(frame, shared, "x00209116"), "x00200037", 6);
  const measures = segNested(frame, shared, "x00289110");
  const spacing = numbersOf(measures, "x00280030", 2);
  if (position === null || orientation === null || spacing === null) {
    throw new PipelineError("ResultInvalid", "the DICOM SEG has a frame without position, orientation or measures");
  }
  const [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0] = orientation;
  const [x = 0, y = 0, z = 0] = position;
  const [betweenRows = 0, betweenColumns = 0] = spacing;
  const lengthOf = (tag: string) => numbersOf(measures, tag, 1)?.find((mm) => mm > 0) ?? null;
  return {
    // PS3.3 C.7.6.2.1.1, with LPS turned to RAS.
    origin: [-x, -y, z],
    columnStep: [-a * betweenColumns, -b * betweenColumns, c * betweenColumns],
    rowStep: [-d * betweenRows, -e * betweenRows, f * betweenRows],
    sliceStepMm: lengthOf("x00180088"),
    sliceThicknessMm: lengthOf("x00180050"),
  };
}

function parsed(bytes: Uint8Array): DataSet {
  try {
    return dicomParser.parseDicom(bytes);
  } catch (cause) {
    throw new PipelineError("ResultInvalid", "the DICOM SEG cannot be parsed", {
      cause: cause instanceof Error ? cause : new Error("dicom-parser gave up", { cause }),
    });
  }
}
