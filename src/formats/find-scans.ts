import { PipelineError } from "#src/core/errors.js";
import type { ScanWarning } from "#src/core/warnings.js";
import { type DicomDirectory, missingWarnings, type NamedFile, readDirectory } from "./dicom-directory.js";
import { readSeriesFile, readSeriesHead, type SeriesFile, seriesScans } from "./find-series.js";
import { readNifti } from "./nifti-read.js";
import { readAhead } from "./read-ahead.js";
import type { FindOptions, FoundScan, ReadLoan, UploadEntry } from "./scan.js";
import { isDetachedHeader, volumeScans } from "./volume-scans.js";

/** What an upload holds, and what was odd about the upload as a whole. */
export interface FoundScans {
  readonly scans: readonly FoundScan[];
  readonly warnings: readonly ScanWarning[];
}

/**
 * Finds the images of an upload: volume files, and DICOM series (`seriesScans`), told by content. Files that are no
 * image are left out with a warning. Files are looked at one after another (`readAhead`) and not kept.
 *
 * The first image that fails fails the upload: a result for a part of it could pass for a result for the whole.
 *
 * @returns images in the order of their first file
 * @throws {PipelineError} NoImage, or any input code
 */
export async function findScans(entries: readonly UploadEntry[], options: FindOptions = {}): Promise<FoundScans> {
  const { images, ignored, missing } = await surveyUpload(entries, options, true);
  const scans = images.map((image) => {
    if (image.kind === "failed") throw image.error;
    return image.scan;
  });
  if (scans.length === 0) throw await nothingFound(entries, ignored);
  return { scans, warnings: [...ignoredWarnings(ignored), ...missing] };
}

/** An image of an upload, or why it is none. */
type SurveyedImage =
  | { readonly kind: "image"; readonly scan: FoundScan }
  | { readonly kind: "failed"; readonly entries: readonly number[]; readonly error: PipelineError };

/** What is in an upload, and what its directories name that is not. */
interface UploadSurvey {
  readonly images: readonly SurveyedImage[];
  readonly ignored: readonly UploadEntry[];
  readonly missing: readonly ScanWarning[];
}

/**
 * Everything an upload holds, with what failed beside what did not.
 *
 * @param isStrict throw the first file that cannot be read, rather than go on
 * @throws only what is no `PipelineError`, unless strict
 */
export async function surveyUpload(
  entries: readonly UploadEntry[],
  options: FindOptions,
  isStrict = false,
): Promise<UploadSurvey> {
  const found: { readonly first: number; readonly images: () => Promise<SurveyedImage[]> }[] = [];
  const series = new Map<string, SeriesFile[]>();
  const ignored: UploadEntry[] = [];
  const directories: DicomDirectory[] = [];
  const uids = new Map<number, string>();
  // Nothing of a file is kept once it has been looked at.
  const loan: ReadLoan = { room: new Uint8Array(0) };
  const failed = (ordinals: readonly number[], error: unknown): SurveyedImage => {
    if (isStrict || !(error instanceof PipelineError)) throw error;
    return { kind: "failed", entries: ordinals, error };
  };
  // Data files that a header names are no images themselves: headers come first.
  const claimed = new Set<number>();
  async function look(entry: UploadEntry, readWhole: () => Promise<Uint8Array>): Promise<void> {
    const first = entry.ordinal;
    if (claimed.has(first)) return;
    try {
      const subject = `entry ${entry.ordinal}`;
      let file = options.headersOnly === true ? await readSeriesHead(entry, subject) : null;
      if (file === null) {
        const bytes = await readWhole();
        const volumes = await volumeScans(bytes, entry, entries, options.willLoad);
        if (volumes !== null) {
          for (const ordinal of volumes.flatMap((scan) => scan.entries)) claimed.add(ordinal);
          found.push({ first, images: async () => volumes.map((scan) => ({ kind: "image", scan })) });
          return;
        }
        file = await readSeriesFile(bytes, entry.ordinal, subject);
        if (file === null) {
          ignored.push(entry);
          const directory = readDirectory(bytes, entry.ordinal);
          if (directory !== null) directories.push(directory);
          return;
        }
      }
      uids.set(first, file.slices[0]?.sopInstanceUid ?? "");
      const files = series.get(file.series);
      if (files !== undefined) files.push(file);
      else {
        const started = [file];
        series.set(file.series, started);
        found.push({ first, images: () => imagesOf(started) });
      }
    } catch (error) {
      const image = failed([first], error);
      found.push({ first, images: async () => [image] });
    }
  }
  const read = (entry: UploadEntry) => entry.read(entry.isRemote ? undefined : loan);
  for (const areHeaders of [true, false]) {
    const those = entries.filter((entry) => isDetachedHeader(entry) === areHeaders && !claimed.has(entry.ordinal));
    // Where heads may do, nothing is read whole before they were seen.
    const turns =
      options.headersOnly === true
        ? those.map((entry) => [entry, () => read(entry)] as const)
        : readAhead(those, { read });
    for await (const [entry, readWhole] of turns) await look(entry, readWhole);
  }
  async function imagesOf(files: readonly SeriesFile[]): Promise<SurveyedImage[]> {
    try {
      return (await seriesScans(files, entries, options)).map((scan) => ({ kind: "image", scan }));
    } catch (error) {
      return [
        failed(
          files.map((file) => file.ordinal),
          error,
        ),
      ];
    }
  }
  const images: SurveyedImage[] = [];
  for (const item of found.toSorted((a, b) => a.first - b.first)) images.push(...(await item.images()));
  const files = [...entries, ...(options.takenElsewhere ?? [])].map(
    ({ ordinal, name }): NamedFile => ({ name, sopInstanceUid: uids.get(ordinal) ?? null }),
  );
  return { images, ignored, missing: missingWarnings(directories, files) };
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
