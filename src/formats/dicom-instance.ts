import { PipelineError } from "#src/core/errors.js";
import type { Vec3 } from "#src/imaging/affine.js";
import { type DicomFile, numbersOf, TRANSFER_SYNTAX, textOf } from "./dicom-file.js";

/** Header of one DICOM image of one frame: what sorting, reading its pixels and naming it need. */
export interface DicomInstance {
  readonly ordinal: number;
  readonly sopClassUid: string;
  readonly sopInstanceUid: string;
  readonly studyInstanceUid: string;
  readonly seriesInstanceUid: string;
  readonly frameOfReferenceUid: string;
  readonly modality: string | null;
  readonly bodyPart: string | null;
  /** Image Position Patient: centre of the first pixel, in LPS. */
  readonly positionLps: Vec3;
  /** Image Orientation Patient: direction of a row, then of a column, in LPS. */
  readonly orientationLps: readonly number[];
  /** Distance between rows, then between columns. */
  readonly pixelSpacingMm: readonly [number, number];
  readonly sliceThicknessMm: number | null;
  readonly spacingBetweenSlicesMm: number | null;
  readonly pixels: PixelFormat;
}

/** How stored values are laid out and turned into real ones. */
export interface PixelFormat {
  readonly rows: number;
  readonly columns: number;
  readonly bitsAllocated: 8 | 16 | 32;
  readonly bitsStored: number;
  readonly highBit: number;
  readonly isSigned: boolean;
  readonly slope: number;
  readonly intercept: number;
}

/** Modalities of objects that carry pixels and are no source image. */
const DERIVED_MODALITIES = new Set(["SEG", "RTDOSE", "PR", "KO", "SR", "RTSTRUCT", "RTPLAN"]);

const READABLE: ReadonlySet<string> = new Set(Object.values(TRANSFER_SYNTAX));

/**
 * The header of a DICOM file as an image of one frame; null for objects that are none (directories, reports,
 * segmentations, structures).
 *
 * @throws {PipelineError} InputUnsupported for images of another kind: compressed, colour, multi-frame, mosaic,
 * without a place in the patient; InputUnreadable for required values that are missing or make no sense
 */
export function readInstance(file: DicomFile, ordinal: number): DicomInstance | null {
  const { dataSet, transferSyntaxUid } = file;
  const subject = `entry ${ordinal}`;
  const modality = textOf(dataSet, "x00080060");
  const hasPixels = dataSet.elements.x7fe00010 !== undefined;
  if (dataSet.elements.x00280010 === undefined || (modality !== null && DERIVED_MODALITIES.has(modality))) return null;
  if (!hasPixels) {
    if (dataSet.elements.x7fe00008 === undefined && dataSet.elements.x7fe00009 === undefined) return null;
    throw unsupported(`${subject} has floating-point pixels, expected integers`);
  }
  assertSupported(file, subject);
  const orientation = numbersOf(dataSet, "x00200037", 6);
  const position = numbersOf(dataSet, "x00200032", 3);
  const spacing = numbersOf(dataSet, "x00280030", 2);
  if (orientation === null || position === null) {
    throw unsupported(`${subject} has no position and orientation in the patient, expected a slice of a volume`);
  }
  if (spacing === null || !spacing.every((length) => length > 0)) {
    throw unsupported(`${subject} has no pixel spacing, expected the distance between pixels in millimetres`);
  }
  assertOrthonormal(orientation, subject);
  return {
    ordinal,
    sopClassUid: required(file, "x00080016", "SOP class UID", subject),
    sopInstanceUid: required(file, "x00080018", "SOP instance UID", subject),
    studyInstanceUid: required(file, "x0020000d", "study instance UID", subject),
    seriesInstanceUid: required(file, "x0020000e", "series instance UID", subject),
    frameOfReferenceUid: textOf(dataSet, "x00200052") ?? "",
    modality,
    bodyPart: textOf(dataSet, "x00180015")?.toUpperCase() ?? null,
    positionLps: position as unknown as Vec3,
    orientationLps: orientation,
    pixelSpacingMm: spacing as unknown as readonly [number, number],
    sliceThicknessMm: positiveOrNull(numbersOf(dataSet, "x00180050", 1)),
    spacingBetweenSlicesMm: positiveOrNull(numbersOf(dataSet, "x00180088", 1)),
    pixels: pixelFormat({ dataSet, transferSyntaxUid }, subject),
  };
}

function assertSupported({ dataSet, transferSyntaxUid }: DicomFile, subject: string): void {
  if (!READABLE.has(transferSyntaxUid)) {
    throw unsupported(
      `${subject} has transfer syntax ${transferSyntaxUid.replace(/[^0-9.]/g, "?").slice(0, 64)}, expected uncompressed or RLE pixels`,
    );
  }
  const frames = Number(textOf(dataSet, "x00280008") ?? 1);
  if (frames !== 1) throw unsupported(`${subject} has ${frames} frames, expected one frame a file`);
  const samples = dataSet.uint16("x00280002") ?? 1;
  const photometric = textOf(dataSet, "x00280004") ?? "MONOCHROME2";
  if (samples !== 1 || !photometric.startsWith("MONOCHROME")) {
    throw unsupported(`${subject} is a colour image of ${samples} samples a pixel, expected a grey one`);
  }
  if (textOf(dataSet, "x00080008")?.split("\\").includes("MOSAIC") === true) {
    throw unsupported(`${subject} is a mosaic of several slices in one image, expected one slice a file`);
  }
}

function pixelFormat({ dataSet }: DicomFile, subject: string): PixelFormat {
  const rows = dataSet.uint16("x00280010") ?? 0;
  const columns = dataSet.uint16("x00280011") ?? 0;
  if (rows < 1 || columns < 1)
    throw unreadable(`${subject} is an image of ${columns} x ${rows} pixels, expected 1 or more`);
  const bitsAllocated = dataSet.uint16("x00280100") ?? 0;
  const bitsStored = dataSet.uint16("x00280101") ?? bitsAllocated;
  const highBit = dataSet.uint16("x00280102") ?? bitsStored - 1;
  if (bitsAllocated !== 8 && bitsAllocated !== 16 && bitsAllocated !== 32) {
    throw unsupported(`${subject} has ${bitsAllocated} bits a pixel, expected 8, 16 or 32`);
  }
  if (bitsStored < 1 || bitsStored > bitsAllocated || highBit < bitsStored - 1 || highBit >= bitsAllocated) {
    throw unreadable(
      `${subject} keeps ${bitsStored} bits up to bit ${highBit} in pixels of ${bitsAllocated}, expected them to fit`,
    );
  }
  const slope = numbersOf(dataSet, "x00281053", 1)?.[0];
  const intercept = numbersOf(dataSet, "x00281052", 1)?.[0];
  return {
    rows,
    columns,
    bitsAllocated,
    bitsStored,
    highBit,
    isSigned: dataSet.uint16("x00280103") === 1,
    // A slope of 0 would erase the image: it stands for "not set".
    slope: slope === undefined || slope === 0 ? 1 : slope,
    intercept: intercept ?? 0,
  };
}

function assertOrthonormal(orientation: readonly number[], subject: string): void {
  const [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0] = orientation;
  const isUnit = Math.abs(Math.hypot(a, b, c) - 1) < 0.01 && Math.abs(Math.hypot(d, e, f) - 1) < 0.01;
  if (isUnit && Math.abs(a * d + b * e + c * f) < 0.01) return;
  throw unreadable(`${subject} has an orientation that is no pair of directions at right angles`);
}

function positiveOrNull(values: readonly number[] | null): number | null {
  const value = values?.[0];
  return value !== undefined && value > 0 ? value : null;
}

function required({ dataSet }: DicomFile, tag: string, name: string, subject: string): string {
  const value = textOf(dataSet, tag);
  if (value === null) throw unreadable(`${subject} has no ${name}`);
  return value;
}

function unsupported(message: string): PipelineError {
  return new PipelineError("InputUnsupported", message);
}

function unreadable(message: string): PipelineError {
  return new PipelineError("InputUnreadable", message);
}
