import { PipelineError } from "#src/core/errors.js";
import type { ScanWarning } from "#src/core/warnings.js";
import { stackToGrid } from "#src/imaging/slice-stack.js";
import { parseDicomFile } from "./dicom-file.js";
import { type DicomInstance, isIdentified, readInstances } from "./dicom-instance.js";
import { storedPixels } from "./dicom-pixels.js";
import { copiedAttributes, dicomSourceOf } from "./dicom-source.js";
import type { DicomSource, FoundScan, LoadedScan, ReadLoan, UploadEntry } from "./scan.js";
import { seriesGeometry } from "./series-geometry.js";
import { SeriesVoxels } from "./series-voxels.js";

/**
 * Reads an image of a series: each file once, its slices straight into the volume, so that one file and one frame are
 * held beside it. An irregular series is then brought to its regular grid (and the slices as they were are let go).
 *
 * @param files the entries that the image names, each once
 * @param integers whether voxels may come as 16-bit integers where every value is one; else they are float32
 * @throws {PipelineError} any input code of the readers
 * @throws {RangeError} when entries are not in slice order
 */
export async function loadSeries(
  found: Pick<FoundScan, "entries" | "parts" | "irregular">,
  files: readonly UploadEntry[],
  integers: boolean,
): Promise<LoadedScan<Float32Array | Int16Array>> {
  const slices: DicomInstance[] = new Array(found.entries.length);
  const warnings: ScanWarning[] = [];
  const wanted = placesByEntry(found.entries);
  const loan: ReadLoan = { room: new Uint8Array(0) };
  let attributes: DicomSource["attributes"] = {};
  let voxels: SeriesVoxels | null = null;
  let first: DicomInstance | null = null;
  for (const entry of files) {
    const subject = `entry ${entry.ordinal}`;
    const file = parseDicomFile(await entry.read(loan), subject);
    const held = file === null ? null : readInstances(file, entry.ordinal);
    if (file === null || held === null) {
      throw new PipelineError("InputUnreadable", `${subject} is no DICOM image, expected a slice of a series`);
    }
    if (entry.ordinal === found.entries[0]) attributes = copiedAttributes(file);
    let trailingBytes = 0;
    for (const z of wanted.get(entry.ordinal) ?? []) {
      const part = found.parts?.[z] ?? 1;
      const slice = held[part - 1];
      if (slice === undefined) throw new PipelineError("InputUnreadable", `${subject} has no frame ${part}`);
      const pixels = await storedPixels(file, slice.pixels, subject, { index: slice.frameIndex, of: slice.frames });
      trailingBytes = pixels.trailingBytes;
      // The whole volume is allocated only once a slice was really there; the others must be of its size.
      voxels ??= new SeriesVoxels(slice.size[0] * slice.size[1] * slices.length, integers && found.irregular === null);
      first ??= slice;
      if (first.size[0] === slice.size[0] && first.size[1] === slice.size[1]) voxels.place(z, pixels, slice);
      slices[z] = slice;
    }
    if (trailingBytes > 0) {
      const message = `${subject} carries ${trailingBytes} bytes after its pixels; they were not used`;
      warnings.push({ code: "TrailingBytes", message });
    }
  }
  const subject = `the series of entry ${Math.min(...found.entries)}`;
  const geometry = seriesGeometry(slices, subject, found.irregular === null ? "reject" : "resample");
  if (geometry.slices.some((slice, i) => slice !== slices[i])) {
    throw new RangeError("entries of a series must ascend along its slice normal");
  }
  const stack = geometry.irregular?.stack ?? null;
  const data = voxels?.data ?? new Float32Array(0);
  return {
    volume: { ...geometry.grid, data: stack === null ? data : stackToGrid(float32(data), stack, geometry.grid.size) },
    warnings: [...warnings, ...geometry.warnings],
    dicom: slices.every(isReferable) ? dicomSourceOf(attributes, geometry.slices) : null,
    stack,
  };
}

/** The same values; the array itself where it is float32. */
export function float32(data: Float32Array | Int16Array): Float32Array {
  return data instanceof Float32Array ? data : new Float32Array(data);
}

/** Which slices of the volume each entry holds. */
function placesByEntry(entries: readonly number[]): ReadonlyMap<number, readonly number[]> {
  const places = new Map<number, number[]>();
  for (const [z, ordinal] of entries.entries()) {
    const own = places.get(ordinal);
    if (own === undefined) places.set(ordinal, [z]);
    else own.push(z);
  }
  return places;
}

/** Whether a DICOM result can lie on a slice. */
function isReferable(slice: DicomInstance): boolean {
  return slice.placement === "patient" && isIdentified(slice);
}
