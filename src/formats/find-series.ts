import { PipelineError } from "#src/core/errors.js";
import { sha256 } from "#src/core/ids.js";
import type { ScanWarning } from "#src/core/warnings.js";
import { parseDicomFile } from "./dicom-file.js";
import { type DicomInstance, readInstance } from "./dicom-instance.js";
import { storedPixels } from "./dicom-pixels.js";
import type { FindOptions, FoundScan, UploadEntry } from "./scan.js";
import { seriesGeometry } from "./series-geometry.js";

/** A DICOM image file of a series, without its pixels. */
export interface SeriesFile {
  readonly ordinal: number;
  readonly seriesInstanceUid: string;
  readonly transferSyntaxUid: string;
  readonly instance: DicomInstance;
  /** SHA-256 of the file. */
  readonly fileDigest: string;
  /** Digest of the stored pixels and how they are rescaled: what makes two files the same slice. */
  readonly pixelDigest: string;
  readonly trailingBytes: number;
}

/**
 * A file as one of a DICOM series; null where it is no DICOM image.
 *
 * @throws {PipelineError} InputUnreadable, InputUnsupported
 */
export function readSeriesFile(bytes: Uint8Array, ordinal: number, subject: string): SeriesFile | null {
  const file = parseDicomFile(bytes, subject);
  const instance = file === null ? null : readInstance(file, ordinal);
  if (file === null || instance === null) return null;
  const pixels = storedPixels(file, instance.pixels, subject);
  return {
    ordinal,
    seriesInstanceUid: instance.seriesInstanceUid,
    transferSyntaxUid: file.transferSyntaxUid,
    instance,
    fileDigest: sha256(bytes),
    pixelDigest: sha256(`${sha256(pixels.bytes)} ${JSON.stringify(instance.pixels)} ${pixels.isLittleEndian}`),
    trailingBytes: pixels.trailingBytes,
  };
}

/**
 * The images of a series.
 *
 * @param files of one series, in any order
 * @param entries the upload they are of
 * @throws {PipelineError} SeriesInconsistent, SeriesIrregular, SeriesGap
 */
export async function seriesScans(
  files: readonly SeriesFile[],
  entries: readonly UploadEntry[],
  options: FindOptions,
): Promise<FoundScan[]> {
  const subject = `the series of entry ${files[0]?.ordinal}`;
  const { kept, warnings } = dropCopies(files);
  const geometry = seriesGeometry(
    kept.map((file) => file.instance),
    subject,
  );
  const byOrdinal = new Map(kept.map((file) => [file.instance.ordinal, file]));
  const scan: FoundScan = {
    format: "dicom",
    entries: geometry.slices.map((slice) => slice.ordinal),
    parts: null,
    instances: geometry.slices.map((slice) => `${slice.sopInstanceUid} ${byOrdinal.get(slice.ordinal)?.fileDigest}`),
    modality: geometry.slices[0]?.modality ?? null,
    bodyPart: geometry.slices[0]?.bodyPart ?? null,
    transferSyntaxUid: kept[0]?.transferSyntaxUid ?? null,
    irregular: null,
    grid: geometry.grid,
    warnings: [...warnings, ...trailingWarnings(kept), ...geometry.warnings],
  };
  return [scan];
}

/** One file for each place and picture, the same one whatever the order in which the files came. */
function dropCopies(files: readonly SeriesFile[]): { kept: SeriesFile[]; warnings: ScanWarning[] } {
  const rank = ({ instance, fileDigest }: SeriesFile) => `${instance.sopInstanceUid} ${fileDigest}`;
  const kept = new Map<string, SeriesFile>();
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

function trailingWarnings(files: readonly SeriesFile[]): ScanWarning[] {
  return files
    .filter((file) => file.trailingBytes > 0)
    .map(({ instance, trailingBytes }) => ({
      code: "TrailingBytes",
      message: `entry ${instance.ordinal} carries ${trailingBytes} bytes after its pixels; they were not used`,
    }));
}
