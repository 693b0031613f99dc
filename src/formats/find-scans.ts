import { PipelineError } from "#src/core/errors.js";
import { sha256 } from "#src/core/ids.js";
import type { ScanWarning } from "#src/core/warnings.js";
import { parseDicomFile } from "./dicom-file.js";
import { type DicomInstance, readInstance } from "./dicom-instance.js";
import { storedPixels } from "./dicom-pixels.js";
import { inspectNifti, isNifti, readNifti } from "./nifti-read.js";
import type { FoundScan, UploadEntry } from "./scan.js";
import { seriesGeometry } from "./series-geometry.js";

/** What an upload holds, and what was odd about the upload as a whole. */
export interface FoundScans {
  readonly scans: readonly FoundScan[];
  readonly warnings: readonly ScanWarning[];
}

/**
 * Finds the images of an upload: NIfTI files, and DICOM slices grouped by Series Instance UID, both told by content.
 * Each series must be one regular volume (`seriesGeometry`). A slice that came twice with the same pixels is dropped;
 * files that are no image are left out with a warning. Files are read one after another and not kept.
 *
 * The first image that fails fails the upload: a result for a part of it could pass for a result for the whole.
 *
 * @returns images in the order of their first file
 * @throws {PipelineError} NoImage, or any input code
 */
export async function findScans(entries: readonly UploadEntry[]): Promise<FoundScans> {
  const scans: { first: number; scan: () => FoundScan }[] = [];
  const series = new Map<string, SliceFile[]>();
  const ignored: UploadEntry[] = [];
  for (const entry of entries) {
    const bytes = await entry.read();
    const subject = `entry ${entry.ordinal}`;
    if (isNifti(bytes)) {
      const scan = niftiScan(bytes, entry.ordinal, subject);
      scans.push({ first: entry.ordinal, scan: () => scan });
      continue;
    }
    const slice = sliceOf(bytes, entry.ordinal, subject);
    if (slice === null) {
      ignored.push(entry);
      continue;
    }
    const known = series.get(slice.instance.seriesInstanceUid);
    if (known !== undefined) known.push(slice);
    else {
      const slices = [slice];
      series.set(slice.instance.seriesInstanceUid, slices);
      scans.push({ first: entry.ordinal, scan: () => dicomScan(slices) });
    }
  }
  if (scans.length === 0) throw await nothingFound(entries, ignored);
  return {
    scans: scans.toSorted((a, b) => a.first - b.first).map(({ scan }) => scan()),
    warnings: ignoredWarnings(ignored),
  };
}

interface SliceFile {
  readonly instance: DicomInstance;
  /** SHA-256 of the file. */
  readonly fileDigest: string;
  /** Digest of the stored pixels and how they are rescaled: what makes two files the same slice. */
  readonly pixelDigest: string;
  readonly trailingBytes: number;
}

function sliceOf(bytes: Uint8Array, ordinal: number, subject: string): SliceFile | null {
  const file = parseDicomFile(bytes, subject);
  const instance = file === null ? null : readInstance(file, ordinal);
  if (file === null || instance === null) return null;
  const pixels = storedPixels(file, instance.pixels, subject);
  return {
    instance,
    fileDigest: sha256(bytes),
    pixelDigest: sha256(`${sha256(pixels.bytes)} ${JSON.stringify(instance.pixels)} ${pixels.isLittleEndian}`),
    trailingBytes: pixels.trailingBytes,
  };
}

function dicomScan(files: readonly SliceFile[]): FoundScan {
  const subject = `the series of entry ${files[0]?.instance.ordinal}`;
  const { kept, warnings } = dropCopies(files);
  const geometry = seriesGeometry(
    kept.map((file) => file.instance),
    subject,
  );
  const byOrdinal = new Map(kept.map((file) => [file.instance.ordinal, file]));
  return {
    format: "dicom",
    entries: geometry.slices.map((slice) => slice.ordinal),
    instances: geometry.slices.map((slice) => `${slice.sopInstanceUid} ${byOrdinal.get(slice.ordinal)?.fileDigest}`),
    modality: geometry.slices[0]?.modality ?? null,
    bodyPart: geometry.slices[0]?.bodyPart ?? null,
    grid: geometry.grid,
    warnings: [...warnings, ...trailingWarnings(kept), ...geometry.warnings],
  };
}

/** One file for each place and picture, the same one whatever the order in which the files came. */
function dropCopies(files: readonly SliceFile[]): { kept: SliceFile[]; warnings: ScanWarning[] } {
  const rank = ({ instance, fileDigest }: SliceFile) => `${instance.sopInstanceUid} ${fileDigest}`;
  const kept = new Map<string, SliceFile>();
  for (const file of files) {
    const place = file.instance.positionLps.map((mm) => Math.round(mm * 100)).join(" ");
    const key = `${place} ${file.pixelDigest}`;
    const known = kept.get(key);
    if (known === undefined || rank(file) < rank(known)) kept.set(key, file);
  }
  const dropped = files.filter((file) => !new Set(kept.values()).has(file));
  const warnings = dropped.map(
    ({ instance }): ScanWarning => ({
      code: "DuplicateDropped",
      message: `entry ${instance.ordinal} is a copy of another slice and was left out`,
    }),
  );
  return { kept: [...kept.values()], warnings };
}

function trailingWarnings(files: readonly SliceFile[]): ScanWarning[] {
  return files
    .filter((file) => file.trailingBytes > 0)
    .map(({ instance, trailingBytes }) => ({
      code: "TrailingBytes",
      message: `entry ${instance.ordinal} carries ${trailingBytes} bytes after its pixels; they were not used`,
    }));
}

function niftiScan(bytes: Uint8Array, ordinal: number, subject: string): FoundScan {
  const { size, affineRas, spacingMm, channels, warnings } = inspectNifti(bytes, { subject });
  if (channels !== 1) {
    throw new PipelineError("InputUnsupported", `${subject} holds ${channels} volumes, expected one`);
  }
  return {
    format: "nifti",
    entries: [ordinal],
    instances: [sha256(bytes)],
    modality: null,
    bodyPart: null,
    grid: { size, affineRas, spacingMm },
    warnings,
  };
}

function ignoredWarnings(ignored: readonly UploadEntry[]): ScanWarning[] {
  if (ignored.length === 0) return [];
  const some = ignored.slice(0, 5).map((entry) => entry.ordinal);
  const more = ignored.length > some.length ? ` and ${ignored.length - some.length} more` : "";
  const message =
    ignored.length === 1
      ? `entry ${some[0]} is no image and was left out`
      : `entries ${some.join(", ")}${more} are no images and were left out`;
  return [{ code: "FileIgnored", message }];
}

/** A file that calls itself NIfTI and is none gets the reader's own words; anything else is just no image. */
async function nothingFound(entries: readonly UploadEntry[], ignored: readonly UploadEntry[]): Promise<PipelineError> {
  const named = ignored.find((entry) => /\.nii(\.gz)?$/i.test(entry.name));
  if (named !== undefined) {
    try {
      readNifti(await named.read(), { subject: `entry ${named.ordinal}` });
    } catch (error) {
      if (error instanceof PipelineError) return error;
      throw error;
    }
  }
  const files = entries.length === 1 ? "its one file" : `its ${entries.length} files`;
  const found = entries.length === 0 ? "the upload holds no file" : `the upload holds no image in ${files}`;
  return new PipelineError("NoImage", `${found}, expected a DICOM series or a NIfTI volume`);
}
