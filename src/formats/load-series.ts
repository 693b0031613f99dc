import { PipelineError } from "#src/core/errors.js";
import type { ScanWarning } from "#src/core/warnings.js";
import { parseDicomFile } from "./dicom-file.js";
import { type DicomInstance, readInstance } from "./dicom-instance.js";
import { rescaleInto, storedPixels } from "./dicom-pixels.js";
import { dicomSourceOf } from "./dicom-source.js";
import type { DicomSource, LoadedScan, UploadEntry } from "./scan.js";
import { seriesGeometry } from "./series-geometry.js";

export async function loadSeries(files: readonly UploadEntry[]): Promise<LoadedScan> {
  const slices: DicomInstance[] = [];
  const warnings: ScanWarning[] = [];
  let source: ((ordered: readonly DicomInstance[]) => DicomSource) | null = null;
  let data = new Float32Array(0);
  for (const entry of files) {
    const subject = `entry ${entry.ordinal}`;
    const file = parseDicomFile(await entry.read(), subject);
    const slice = file === null ? null : readInstance(file, entry.ordinal);
    if (file === null || slice === null) {
      throw new PipelineError("InputUnreadable", `${subject} is no DICOM image, expected a slice of a series`);
    }
    const pixels = storedPixels(file, slice.pixels, subject);
    const [size, first] = [slice.pixels.rows * slice.pixels.columns, slices[0] ?? slice];
    // The whole volume is allocated only once a first slice was really there; the others must be of its size.
    if (slices.length === 0) data = new Float32Array(size * files.length);
    source ??= (ordered) => dicomSourceOf(file, ordered);
    if (first.pixels.rows === slice.pixels.rows && first.pixels.columns === slice.pixels.columns) {
      rescaleInto(data, size * slices.length, pixels, slice.pixels);
    }
    slices.push(slice);
    if (pixels.trailingBytes > 0) {
      const message = `${subject} carries ${pixels.trailingBytes} bytes after its pixels; they were not used`;
      warnings.push({ code: "TrailingBytes", message });
    }
  }
  const geometry = seriesGeometry(slices, `the series of entry ${files[0]?.ordinal}`);
  if (geometry.slices.some((slice, i) => slice !== slices[i])) {
    throw new RangeError("entries of a series must ascend along its slice normal");
  }
  return {
    volume: { ...geometry.grid, data },
    warnings: [...warnings, ...geometry.warnings],
    dicom: source?.(geometry.slices) ?? null,
  };
}
