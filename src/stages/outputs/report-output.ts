import { binarySegReference } from "#src/formats/seg-write.js";
import { writeMeasurementReport } from "#src/formats/sr-write.js";
import { proveVolumes } from "#src/stages/proof/prove-report.js";
import { RESULT_FILES } from "#src/storage/keys.js";
import type { DicomContext } from "./dicom-context.js";
import type { MadeFile } from "./made-file.js";

/** The volumes as a structured report (TID 1500) on the binary SEG. */
export function reportOutput({ volumesMm3, segments, source, algorithm, identity }: DicomContext): MadeFile {
  const measured = segments.map((label, n) => ({ ...label, volumeMm3: volumesMm3[n] ?? 0 }));
  const seg = binarySegReference(identity);
  const bytes = writeMeasurementReport({ source, seg, segments: measured, algorithm, identity });
  proveVolumes(bytes, volumesMm3);
  return { name: RESULT_FILES.report, bytes, contentType: "application/dicom" };
}
