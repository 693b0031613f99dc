import type { UploadEntry } from "#src/formats/scan.js";
import type { MeasurementReportOptions } from "#src/formats/sr-write.js";
import { segOptions } from "./seg-phantom.js";

/** A report on the two structures of the SEG phantom, with volumes of the test's choice. */
export async function reportOptions(
  entries: readonly UploadEntry[],
  volumes: readonly [number, number] = [1234.5, 1 / 3],
): Promise<MeasurementReportOptions> {
  const { source, segments, algorithm, identity } = await segOptions(entries);
  return {
    source,
    seg: { sopClassUid: "1.2.840.10008.5.1.4.1.1.66.4", sopInstanceUid: "1.2.3.4", seriesInstanceUid: "1.2.3.5" },
    segments: segments.map((segment, s) => ({ ...segment, volumeMm3: volumes[s] ?? 0 })),
    algorithm,
    identity,
  };
}
