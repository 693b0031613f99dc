import { float32, loadSeries } from "./load-series.js";
import type { ColourChoice, FoundScan, LoadedScan, UploadEntry } from "./scan.js";
import { loadVolume } from "./volume-scans.js";

/** What names an image of an upload: a `FoundScan`, or what a task keeps of it. */
type ScanChoice = Pick<FoundScan, "format" | "entries"> &
  Partial<Pick<FoundScan, "parts" | "irregular">> &
  ColourChoice;

/**
 * Reads an image that `findScans` found: real values (each file's own rescale applied) as float32. A DICOM series is
 * read slice by slice into the volume, so that at most one file is held beside it.
 *
 * @param entries the same upload that `findScans` was given
 * @throws {PipelineError} any input code of the readers
 * @throws {RangeError} when the upload has not the entries named, or a series' entries are not in slice order
 */
export async function loadScan(found: ScanChoice, entries: readonly UploadEntry[]): Promise<LoadedScan> {
  const loaded = await load(found, entries, false);
  return { ...loaded, volume: { ...loaded.volume, data: float32(loaded.volume.data) } };
}

/**
 * `loadScan` without a conversion: what is stored as whole numbers that fit comes as 16-bit integers, in half the memory
 * and in less time. The values are the same.
 */
export async function loadScanCompact(
  found: ScanChoice,
  entries: readonly UploadEntry[],
): Promise<LoadedScan<Float32Array | Int16Array>> {
  return load(found, entries, true);
}

async function load(found: ScanChoice, entries: readonly UploadEntry[], integers: boolean) {
  const byOrdinal = new Map(entries.map((entry) => [entry.ordinal, entry]));
  const files = [...new Set(found.entries)].map((ordinal) => {
    const entry = byOrdinal.get(ordinal);
    if (entry === undefined) throw new RangeError(`the upload has no entry ${ordinal}`);
    return entry;
  });
  const [first] = files;
  if (first === undefined) throw new RangeError("an image needs at least one entry");
  if (found.format !== "dicom") return loadVolume(found, first, entries);
  return loadSeries({ parts: null, irregular: null, ...found }, files, integers);
}
