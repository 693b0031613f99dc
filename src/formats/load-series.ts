import { PipelineError } from "#src/core/errors.js";
import type { ScanWarning } from "#src/core/warnings.js";
import { stackToGrid } from "#src/imaging/slice-stack.js";
import { parseDicomFile } from "./dicom-file.js";
import { type DicomInstance, isIdentified, readInstances } from "./dicom-instance.js";
import { rescaleInto, type StoredPixels, storedPixels } from "./dicom-pixels.js";
import { dicomSourceOf } from "./dicom-source.js";
import type { DicomSource, FoundScan, LoadedScan, UploadEntry } from "./scan.js";
import { seriesGeometry } from "./series-geometry.js";

/**
 * Reads an image of a series: each file once, its slices straight into the volume, so that one file and one frame are
 * held beside it. An irregular series is then brought to its regular grid (and the slices as they were are let go).
 *
 * @param files the entries that the image names, each once
 * @throws {PipelineError} any input code of the readers
 * @throws {RangeError} when entries are not in slice order
 */
export async function loadSeries(
  found: Pick<FoundScan, "entries" | "parts" | "irregular">,
  files: readonly UploadEntry[],
): Promise<LoadedScan> {
  const slices: DicomInstance[] = new Array(found.entries.length);
  const warnings: ScanWarning[] = [];
  let source: ((ordered: readonly DicomInstance[]) => DicomSource) | null = null;
  let data = new Float32Array(0);
  let first: DicomInstance | null = null;
  for (const entry of files) {
    const subject = `entry ${entry.ordinal}`;
    const file = parseDicomFile(await entry.read(), subject);
    const held = file === null ? null : readInstances(file, entry.ordinal);
    if (file === null || held === null) {
      throw new PipelineError("InputUnreadable", `${subject} is no DICOM image, expected a slice of a series`);
    }
    if (entry.ordinal === found.entries[0]) source = (ordered) => dicomSourceOf(file, ordered);
    let trailingBytes = 0;
    for (const [z, ordinal] of found.entries.entries()) {
      if (ordinal !== entry.ordinal) continue;
      const part = found.parts?.[z] ?? 1;
      const slice = held[part - 1];
      if (slice === undefined) throw new PipelineError("InputUnreadable", `${subject} has no frame ${part}`);
      const pixels = await storedPixels(file, slice.pixels, subject, { index: slice.frameIndex, of: slice.frames });
      trailingBytes = pixels.trailingBytes;
      const [columns, rows] = slice.size;
      // The whole volume is allocated only once a slice was really there; the others must be of its size.
      if (first === null) data = new Float32Array(columns * rows * slices.length);
      first ??= slice;
      if (first.size[0] === columns && first.size[1] === rows) {
        placeSlice(data.subarray(z * columns * rows, (z + 1) * columns * rows), pixels, slice);
      }
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
  return {
    volume: { ...geometry.grid, data: stack === null ? data : stackToGrid(data, stack, geometry.grid.size) },
    warnings: [...warnings, ...geometry.warnings],
    dicom: slices.every(isReferable) ? (source?.(geometry.slices) ?? null) : null,
    stack,
  };
}

/** Whether a DICOM result can lie on a slice. */
function isReferable(slice: DicomInstance): boolean {
  return slice.placement === "patient" && isIdentified(slice);
}

/** Real values of a slice: a whole stored frame, or a tile of one. */
function placeSlice(
  target: Float32Array,
  pixels: StoredPixels,
  { pixels: format, size, tileStart }: DicomInstance,
): void {
  if (size[0] === format.columns && size[1] === format.rows) {
    rescaleInto(target, 0, pixels, format);
    return;
  }
  const frame = new Float32Array(format.columns * format.rows);
  rescaleInto(frame, 0, pixels, format);
  for (let j = 0; j < size[1]; j++) {
    const from = (tileStart[1] + j) * format.columns + tileStart[0];
    target.set(frame.subarray(from, from + size[0]), j * size[0]);
  }
}
