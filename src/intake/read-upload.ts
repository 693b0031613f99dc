import { createHash } from "node:crypto";
import { PipelineError } from "#src/core/errors.js";
import { type DicomFile, parseDicomFile, textOf } from "#src/formats/dicom-file.js";
import { type DicomInstance, readInstances, seriesKey } from "#src/formats/dicom-instance.js";
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
  const found = await readHeader(source);
  if (found === null) return { kind: "whole" };
  const [slice] = found.slices ?? [];
  if (slice === undefined) return { kind: "no-image" };
  const sha256 = await digest(source);
  const place = found.slices?.length === 1 && slice.placement === "patient" ? slice : null;
  return {
    kind: "instance",
    series: seriesKey(found.file),
    instance: {
      uid: slice.sopInstanceUid || sha256,
      sha256,
      place: place && {
        positionLps: place.positionLps,
        orientationLps: place.orientationLps,
        thicknessMm: place.sliceThicknessMm,
      },
      declared: declaredCount(found.file),
    },
  };
}

interface Header {
  readonly file: DicomFile;
  /** Null for an object that is no image. */
  readonly slices: readonly DicomInstance[] | null;
}

/** Null for what is no DICOM file, or one that cannot be read: Inspect says why. */
async function readHeader(source: UploadSource): Promise<Header | null> {
  for (let length = FIRST_BYTES; ; length *= 2) {
    const isWhole = length >= source.size;
    const bytes = await source.read(0, Math.min(length, source.size));
    try {
      const file = parseDicomFile(bytes, "object");
      if (file === null) {
        // Without a prefix, a header cut short looks like no DICOM at all: only its first bytes tell.
        if (isWhole || !mayBeDicom(bytes)) return null;
        continue;
      }
      const slices = readInstances(file, 0);
      // Cut before its pixels it looks like no image.
      if (slices === null && !isWhole && file.dataSet.elements.x7fe00010 === undefined) continue;
      return { file, slices };
    } catch (error) {
      if (!(error instanceof PipelineError)) throw error;
      if (isWhole) return null;
    }
  }
}

/** The first element of a data set without preamble is of group 8. */
function mayBeDicom(bytes: Uint8Array): boolean {
  return (bytes[0] === 8 && bytes[1] === 0) || (bytes[0] === 0 && bytes[1] === 8);
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
 * Slices (0054,0081) of a PET series that is neither dynamic nor gated; else Images in Acquisition (0020,1002).
 */
function declaredCount({ dataSet }: DicomFile): DeclaredCount | null {
  const number = (tag: string) => {
    const value = Number(textOf(dataSet, tag) ?? Number.NaN);
    return Number.isSafeInteger(value) && value > 0 ? value : null;
  };
  const series = number("x00201209");
  if (series !== null) return { scope: "series", count: series };
  const parts = dataSet.uint16("x00209163");
  const concatenation = textOf(dataSet, "x00209161");
  if (parts !== undefined && parts > 0 && concatenation !== null) {
    return { scope: `concatenation ${concatenation}`, count: parts };
  }
  const slices = dataSet.uint16("x00540081");
  if (slices !== undefined && slices > 0 && ["STATIC", "WHOLE BODY"].includes(textOf(dataSet, "x00541000", 0) ?? "")) {
    return { scope: "series", count: slices };
  }
  const images = number("x00201002");
  return images === null ? null : { scope: `acquisition ${textOf(dataSet, "x00200012") ?? ""}`, count: images };
}
