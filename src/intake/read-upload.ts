import { createHash } from "node:crypto";
import { PipelineError } from "#src/core/errors.js";
import { type DicomFile, parseDicomFile, TRANSFER_SYNTAX, textOf } from "#src/formats/dicom-file.js";
import { type DicomInstance, readInstances, seriesKey } from "#src/formats/dicom-instance.js";
import { type Contrast, contrastOf } from "#src/formats/split-contrasts.js";
import type { DeclaredCount, SeriesInstance } from "./completeness.js";

/** An uploaded object, read in parts. */
export interface UploadSource {
  /** Bytes. */
  readonly size: number;
  /** The bytes from `start` up to `end`, or to the object's end. */
  read(start: number, end: number): Promise<Uint8Array>;
}

/** What an object is to intake. */
export type LookedAt =
  /** One file of a DICOM series. `series` tells it from others: it may hold a patient's number. */
  | {
      readonly kind: "instance";
      readonly series: string;
      readonly instance: Omit<SeriesInstance, "object" | "order" | "seenAt">;
    }
  /** A DICOM object without an image: a directory, a report, a segmentation. */
  | { readonly kind: "no-image" }
  /** An upload by itself: an archive, a volume file, or something that Inspect refuses by name. */
  | { readonly kind: "whole" };

/** Header bytes read at first. Those of a multi-frame object are longer, and read with twice as many each time. */
const FIRST_BYTES = 256 * 1024;
/** Longer headers are left to Inspect, which has the memory: those of 4,000 frames take as much. */
const MAX_HEADER_BYTES = 8 * 2 ** 20;
/** Headers of more elements, too: a parser keeps 500 bytes of each, and four files are read side by side. */
const MAX_ELEMENTS = 250_000;
/** Larger objects are volumes in one file. They are not read here for a digest: ten at a time would take minutes. */
const MAX_INSTANCE_BYTES = 256 * 2 ** 20;
/** A deflated file may unpack to 200 times its size. */
const MAX_DEFLATED_BYTES = 2 ** 20;
/** UIDs have 64 characters at most; what tells files without them apart may be longer. */
const MAX_NAME_LENGTH = 1000;
/** Of each trait so much is kept: a value is 16 characters, an image type a few of these. */
const MAX_TRAIT_LENGTH = 256;
/** Bytes hashed at a time: memory does not grow with the object. */
const PART_BYTES = 8 * 2 ** 20;

/**
 * Looks at an object: its header, and its digest where it is a DICOM image.
 *
 * @param digest gives the digest of the object; by default all of it is read for that
 */
export async function readUpload(
  source: UploadSource,
  digest: (source: UploadSource) => Promise<string> = digestOf,
): Promise<LookedAt> {
  const found = source.size > MAX_INSTANCE_BYTES ? null : await readHeader(source);
  if (found === null) return { kind: "whole" };
  if (found.slices === null) return { kind: "no-image" };
  const { file, slices } = found;
  const [slice] = slices;
  const series = seriesKey(file);
  const declared = declaredCount(file);
  const named = slice?.sopInstanceUid ?? textOf(file.dataSet, "x00080018") ?? "";
  if ([series, named, declared?.scope ?? ""].some((name) => name.length > MAX_NAME_LENGTH)) return { kind: "whole" };
  const sha256 = await digest(source);
  const place = slices.length === 1 && slice?.placement === "patient" ? slice : null;
  return {
    kind: "instance",
    series,
    instance: {
      uid: named || sha256,
      sha256,
      place: place && {
        positionLps: place.positionLps,
        orientationLps: place.orientationLps,
        thicknessMm: place.sliceThicknessMm,
        declaredStepMm: place.spacingBetweenSlicesMm,
        number: place.instanceNumber,
        contrast: shortened(contrastOf(place)),
      },
      declared,
    },
  };
}

function shortened(contrast: Contrast): Contrast {
  return Object.fromEntries(
    Object.entries(contrast).map(([trait, value]) => [trait, value?.slice(0, MAX_TRAIT_LENGTH)]),
  );
}

interface Header {
  readonly file: DicomFile;
  /** Null for an object that is no image; none for an image that cannot be read, which Inspect refuses by name. */
  readonly slices: readonly DicomInstance[] | null;
}

/** Null for what is no DICOM file, or one that is damaged: Inspect says why. */
async function readHeader(source: UploadSource): Promise<Header | null> {
  for (let length = FIRST_BYTES; length <= MAX_HEADER_BYTES; length *= 2) {
    const isWhole = length >= source.size;
    const bytes = await source.read(0, Math.min(length, source.size));
    if (isDeflated(bytes) && source.size > MAX_DEFLATED_BYTES) return null;
    const file = parsed(bytes);
    if (file === "too-many-elements") return null;
    const slices = file && slicesOrNone(file);
    // Cut short, a header may look damaged, like no DICOM at all, or like no image.
    const isSure = file?.dataSet.elements.x7fe00010 !== undefined || (slices?.length ?? 0) > 0;
    if (file !== null && (isWhole || isSure)) return { file, slices };
    if (isWhole || (file === null && !mayBeDicom(bytes))) return null;
  }
  return null;
}

/** Null for what is no DICOM file, or a damaged one. */
function parsed(bytes: Uint8Array): DicomFile | "too-many-elements" | null {
  try {
    return parseDicomFile(bytes, "object", MAX_ELEMENTS);
  } catch (error) {
    if (!(error instanceof PipelineError)) throw error;
    return error.code === "InputUnsafe" ? "too-many-elements" : null;
  }
}

function slicesOrNone(file: DicomFile): readonly DicomInstance[] | null {
  try {
    return readInstances(file, 0);
  } catch (error) {
    if (error instanceof PipelineError) return [];
    throw error;
  }
}

/** The prefix of DICOM; without it, the first element of a data set is of group 8. */
function mayBeDicom(bytes: Uint8Array): boolean {
  const isGroup8 = (bytes[0] === 8 && bytes[1] === 0) || (bytes[0] === 0 && bytes[1] === 8);
  return isGroup8 || latin1(bytes.subarray(128, 132)) === "DICM";
}

/** The transfer syntax lies at the head of the file. */
function isDeflated(bytes: Uint8Array): boolean {
  return latin1(bytes.subarray(132, 2048)).includes(TRANSFER_SYNTAX.deflated);
}

function latin1(bytes: Uint8Array): string {
  return new TextDecoder("latin1").decode(bytes);
}

async function digestOf(source: UploadSource): Promise<string> {
  const hash = createHash("sha256");
  for (let at = 0; at < source.size; at += PART_BYTES) {
    hash.update(await source.read(at, Math.min(at + PART_BYTES, source.size)));
  }
  return hash.digest("hex");
}

/**
 * Number of Series Related Instances (0020,1209); else the total of its concatenation (0020,9163); else Number of
 * Slices (0054,0081) of a PET series that is neither dynamic nor gated.
 *
 * Not Images in Acquisition (0020,1002): of time series it is the number of one volume, of others that of many series.
 */
function declaredCount({ dataSet }: DicomFile): DeclaredCount | null {
  const series = Number(textOf(dataSet, "x00201209") ?? Number.NaN);
  if (Number.isSafeInteger(series) && series > 0) return { scope: "series", count: series };
  const parts = dataSet.uint16("x00209163");
  const concatenation = textOf(dataSet, "x00209161");
  if (parts !== undefined && parts > 0 && concatenation !== null) {
    return { scope: `concatenation ${concatenation}`, count: parts };
  }
  const slices = dataSet.uint16("x00540081");
  const isOneVolume = ["STATIC", "WHOLE BODY"].includes(textOf(dataSet, "x00541000", 0) ?? "");
  return slices !== undefined && slices > 0 && isOneVolume ? { scope: "series", count: slices } : null;
}
