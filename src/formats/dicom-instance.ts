import type { DataSet } from "dicom-parser";
import type { ColourChannel } from "#src/core/colour-channels.js";
import { PipelineError } from "#src/core/errors.js";
import type { Vec3 } from "#src/imaging/affine.js";
import { bodyPartOf } from "./body-part.js";
import { mayShowText } from "./burned-in.js";
import { type DicomFile, numbersOf, textOf } from "./dicom-file.js";
import { READABLE_SYNTAXES } from "./dicom-pixels.js";
import { flatSpacing, mustBePlaced } from "./flat-spacing.js";
import { classicHeader, type FrameHeader, frameHeaders, GROUP, groupOf } from "./frame-header.js";
import { type LossyCompression, lossyCompression } from "./lossy-compression.js";
import { type PixelFormat, readPixelFormat } from "./pixel-format.js";
import { shownCode, uidOrNone } from "./repeated-text.js";
import { isMosaic, mosaicPositions, readMosaic } from "./siemens-mosaic.js";
import { instanceNumber, type SliceTraits, sliceTraits } from "./slice-traits.js";

/**
 * Header of one DICOM slice: a file of one frame, a frame of a multi-frame object, or a tile of a mosaic. What sorting,
 * reading its pixels and naming it need.
 */
export interface DicomInstance {
  readonly ordinal: number;
  /** Number of the frame or tile in its file, from 1; null where the file is one slice. */
  readonly part: number | null;
  /** Number of the frame as DICOM references count it; null where the file is one frame. */
  readonly frame: number | null;
  /** UIDs are empty where the file has none or one too long for its VR; nothing can then refer to it (`isIdentified`). */
  readonly sopClassUid: string;
  readonly sopInstanceUid: string;
  readonly studyInstanceUid: string;
  readonly seriesInstanceUid: string;
  readonly frameOfReferenceUid: string;
  /** Null also for what is no code: it is shown and logged. */
  readonly modality: string | null;
  readonly bodyPart: string | null;
  /** Whether text may be burned into its pixels, a name among it: everything that is not known to be free of it. */
  readonly mayShowText: boolean;
  /** "none": a projection or photograph; position and orientation are then those of an image at the origin. */
  readonly placement: "patient" | "none";
  /** Image Position Patient: centre of the first pixel, in LPS. */
  readonly positionLps: Vec3;
  /** Image Orientation Patient: direction of a row, then of a column, in LPS. */
  readonly orientationLps: readonly number[];
  /** Distance between rows, then between columns; null only without placement. */
  readonly pixelSpacingMm: readonly [number, number] | null;
  /** Whether the spacing is that at the detector, larger than in the patient. */
  readonly isSpacingAtDetector: boolean;
  readonly sliceThicknessMm: number | null;
  readonly spacingBetweenSlicesMm: number | null;
  /** Pixels of a row and of a column of the slice. */
  readonly size: readonly [number, number];
  /** The stored frame that holds the slice. */
  readonly pixels: PixelFormat;
  /** Which stored frame that is, from 0, of how many. */
  readonly frameIndex: number;
  readonly frames: number;
  /** First column and row of the slice in its stored frame: not 0 for the tiles of a mosaic. */
  readonly tileStart: readonly [number, number];
  readonly traits: SliceTraits;
  readonly instanceNumber: number | null;
  /** Null where its pixels were never compressed with a loss, as far as is known. */
  readonly lossy: LossyCompression | null;
}

/** Pixels as integers, and as floating-point numbers of 32 and 64 bits. */
const PIXELS = ["x7fe00010", "x7fe00008", "x7fe00009"] as const;

/** Images that one cine may make: as many as volumes of a file. */
const MAX_CINE_FRAMES = 1000;
const TOTAL_PIXEL_MATRIX_COLUMNS = "x00480006";

/** Modalities of objects that carry pixels and are no source image. */
const DERIVED_MODALITIES = new Set(["SEG", "RTDOSE", "PR", "KO", "SR", "RTSTRUCT", "RTPLAN"]);

/**
 * The slices of a DICOM image file: one, or one for each frame of a multi-frame object or tile of a mosaic. Null for
 * objects that are no image (directories, reports, segmentations, structures).
 *
 * A frame's attributes come from its own functional groups, then the shared ones, then the data set. Its values are
 * those of its own Pixel Value Transformation; Real World Value Mapping (other units) is not used.
 *
 * @param channel what is read of a colour image
 * @throws {PipelineError} InputUnsupported for images of another kind: unknown compression, tiles of a whole-slide
 *   image, a slice without a place in the patient; InputUnreadable for required values that are missing or make no sense
 */
export function readInstances(
  file: DicomFile,
  ordinal: number,
  channel: ColourChannel = "brightness",
): DicomInstance[] | null {
  const { dataSet } = file;
  const subject = `entry ${ordinal}`;
  const modality = textOf(dataSet, "x00080060");
  if (dataSet.elements.x00280010 === undefined || (modality !== null && DERIVED_MODALITIES.has(modality))) return null;
  if (PIXELS.every((tag) => dataSet.elements[tag] === undefined)) return null;
  assertSupported(file, subject);
  const frames = numberOfFrames(dataSet);
  const headers = frameHeaders(dataSet);
  if (headers === null && frames === 1) {
    return isMosaic(dataSet) ? mosaicTiles(file, ordinal, subject) : [single(file, ordinal, subject, channel)];
  }
  if (headers === null) {
    const first = single(file, ordinal, subject, channel);
    if (first.placement === "patient") {
      throw unsupported(`${subject} has ${frames} frames in one place, expected one image or a place for each`);
    }
    assertCine(dataSet, frames, subject);
    return Array.from({ length: frames }, (_, n) => frameOf(first, n, frames));
  }
  if (headers.length !== frames) {
    throw unreadable(`${subject} says it has ${frames} frames and describes ${headers.length}`);
  }
  const slices = headers.map((header) => sliceOf(file, header, ordinal, subject, channel));
  if (frames === 1) return slices;
  const nowhere = slices.filter(({ placement }) => placement === "none").length;
  if (nowhere > 0) {
    if (nowhere < frames) {
      throw unsupported(`${subject} has ${nowhere} of ${frames} frames that lie nowhere, expected none or all`);
    }
    if (headers.some(isInVolume)) {
      throw unsupported(`${subject} is a volume that lies nowhere in the patient, expected a place for each frame`);
    }
    assertCine(dataSet, frames, subject);
  }
  return slices.map((slice, n) => frameOf(slice, n, frames));
}

function frameOf(slice: DicomInstance, frameIndex: number, frames: number): DicomInstance {
  return { ...slice, part: frameIndex + 1, frame: frameIndex + 1, frameIndex, frames };
}

/** Sees to it that frames that lie nowhere are those of a cine: pictures as any projection or photograph is one. */
function assertCine(dataSet: DataSet, frames: number, subject: string): void {
  if (dataSet.elements[TOTAL_PIXEL_MATRIX_COLUMNS] !== undefined) {
    throw unsupported(`${subject} is a whole-slide image in ${frames} tiles, expected one image or a volume`);
  }
  if (frames > MAX_CINE_FRAMES) {
    throw unsupported(`${subject} has ${frames} frames, expected at most ${MAX_CINE_FRAMES}`);
  }
}

/** Whether a frame is a slice of a volume that itself lies nowhere in the patient, as of 3-D ultrasound. */
function isInVolume(header: FrameHeader): boolean {
  return groupOf(header, GROUP.planePositionInVolume) !== header.root;
}

/** Whether derived objects can refer to a slice. */
export function isIdentified(slice: DicomInstance): boolean {
  return [slice.sopClassUid, slice.sopInstanceUid, slice.studyInstanceUid, slice.seriesInstanceUid].every(
    (uid) => uid !== "",
  );
}

/** Whether every file among slices is an instance of its own. */
export function haveOwnUids(slices: readonly DicomInstance[]): boolean {
  const files = new Map(slices.map(({ sopInstanceUid, ordinal }) => [sopInstanceUid, ordinal]));
  return slices.every(({ sopInstanceUid, ordinal }) => files.get(sopInstanceUid) === ordinal);
}

/**
 * What tells a series from others: its UID, or, of files that have lost it, everything else that a series has one of.
 * Never shown: it may hold a patient's number.
 */
export function seriesKey({ dataSet }: DicomFile): string {
  const uid = textOf(dataSet, "x0020000e");
  const others = ["x0020000d", "x00200052", "x00080060", "x00080020", "x00080030", "x00200011", "x00100020"];
  return uid ?? JSON.stringify(others.map((tag) => textOf(dataSet, tag)));
}

function single(file: DicomFile, ordinal: number, subject: string, channel?: ColourChannel): DicomInstance {
  return sliceOf(file, classicHeader(file.dataSet), ordinal, subject, channel);
}

function mosaicTiles(file: DicomFile, ordinal: number, subject: string): DicomInstance[] {
  const whole = single(file, ordinal, subject);
  const mosaic = readMosaic(file.dataSet, whole.size, subject);
  const stepMm = whole.spacingBetweenSlicesMm ?? whole.sliceThicknessMm;
  if (stepMm === null || whole.pixelSpacingMm === null) {
    throw unreadable(`${subject} is a mosaic without a spacing between slices`);
  }
  const [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0] = whole.orientationLps;
  const [betweenRows, betweenColumns] = whole.pixelSpacingMm;
  const row: Vec3 = [a * betweenColumns, b * betweenColumns, c * betweenColumns];
  const column: Vec3 = [d * betweenRows, e * betweenRows, f * betweenRows];
  return mosaicPositions(mosaic, whole.positionLps, row, column, stepMm, subject).map((positionLps, k) => ({
    ...whole,
    part: k + 1,
    positionLps,
    size: mosaic.tile,
    tileStart: [(k % mosaic.tilesAcross) * mosaic.tile[0], Math.floor(k / mosaic.tilesAcross) * mosaic.tile[1]],
  }));
}

function sliceOf(
  file: DicomFile,
  header: FrameHeader,
  ordinal: number,
  subject: string,
  channel?: ColourChannel,
): DicomInstance {
  const { dataSet } = file;
  const measures = groupOf(header, GROUP.pixelMeasures);
  const pixels = readPixelFormat(file, groupOf(header, GROUP.pixelValueTransformation), subject, channel);
  return {
    ordinal,
    part: null,
    frame: null,
    // Some de-identified files keep these in their file meta information alone.
    sopClassUid: uidOrNone(header.rootText("x00080016") ?? header.rootText("x00020002")),
    sopInstanceUid: uidOrNone(header.rootText("x00080018") ?? header.rootText("x00020003")),
    studyInstanceUid: uidOrNone(header.rootText("x0020000d")),
    seriesInstanceUid: uidOrNone(header.rootText("x0020000e")),
    frameOfReferenceUid: uidOrNone(header.rootText("x00200052")),
    modality: shownCode(header.rootText("x00080060")),
    bodyPart: bodyPartOf(header),
    mayShowText: mayShowText(header),
    ...placeOf(header, subject),
    sliceThicknessMm: positiveOrNull(numbersOf(measures, "x00180050", 1)),
    spacingBetweenSlicesMm: positiveOrNull(numbersOf(measures, "x00180088", 1)),
    size: [pixels.columns, pixels.rows],
    pixels,
    frameIndex: 0,
    frames: 1,
    tileStart: [0, 0],
    traits: sliceTraits(header),
    instanceNumber: instanceNumber(dataSet),
    lossy: lossyCompression(file, pixels, numberOfFrames(dataSet)),
  };
}

type Place = Pick<
  DicomInstance,
  "placement" | "positionLps" | "orientationLps" | "pixelSpacingMm" | "isSpacingAtDetector"
>;

function placeOf(header: FrameHeader, subject: string): Place {
  const position = numbersOf(groupOf(header, GROUP.planePosition), "x00200032", 3);
  const orientation = numbersOf(groupOf(header, GROUP.planeOrientation), "x00200037", 6);
  const spacing = numbersOf(groupOf(header, GROUP.pixelMeasures), "x00280030", 2);
  if (position === null || orientation === null) {
    if (mustBePlaced(header.root)) {
      throw unsupported(`${subject} has no position and orientation in the patient, expected a slice of a volume`);
    }
    const flat = flatSpacing(header);
    return {
      placement: "none",
      positionLps: [0, 0, 0],
      orientationLps: [1, 0, 0, 0, 1, 0],
      pixelSpacingMm: flat?.mm ?? null,
      isSpacingAtDetector: flat?.at === "detector",
    };
  }
  const [between = 0, betweenColumns = 0] = spacing ?? [];
  if (!(between > 0 && betweenColumns > 0)) {
    throw unsupported(`${subject} has no pixel spacing, expected the distance between pixels in millimetres`);
  }
  assertOrthonormal(orientation, subject);
  const [x = 0, y = 0, z = 0] = position;
  return {
    placement: "patient",
    positionLps: [x, y, z],
    orientationLps: orientation,
    pixelSpacingMm: [between, betweenColumns],
    isSpacingAtDetector: false,
  };
}

function assertSupported({ dataSet, transferSyntaxUid }: DicomFile, subject: string): void {
  if (!READABLE_SYNTAXES.has(transferSyntaxUid)) {
    throw unsupported(
      `${subject} has transfer syntax ${transferSyntaxUid.replace(/[^0-9.]/g, "?").slice(0, 64)}, expected uncompressed, RLE, JPEG, JPEG-LS, JPEG 2000 or HTJ2K pixels`,
    );
  }
  const frames = numberOfFrames(dataSet);
  if (!(Number.isSafeInteger(frames) && frames >= 1)) {
    throw unreadable(`${subject} does not say how many frames it has, expected a whole number from 1`);
  }
}

/** Single images of some writers say that they have no frame. */
function numberOfFrames(dataSet: DataSet): number {
  const frames = Number(textOf(dataSet, "x00280008") ?? 1);
  return frames === 0 && dataSet.elements.x52009230 === undefined ? 1 : frames;
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

function unsupported(message: string): PipelineError {
  return new PipelineError("InputUnsupported", message);
}

function unreadable(message: string): PipelineError {
  return new PipelineError("InputUnreadable", message);
}
