import { binarySegReference } from "#src/formats/seg-write.js";
import { writeMeasurementReport } from "#src/formats/sr-write.js";
import { affineDeterminant } from "#src/imaging/affine.js";
import { proveVolumes } from "#src/stages/proof/prove-report.js";
import { RESULT_FILES } from "#src/storage/keys.js";
import type { DicomContext } from "./dicom-context.js";
import type { MadeFile } from "./made-file.js";

/** The volumes as a structured report (TID 1500) on the binary SEG. */
export function reportOutput({ labels, moments, segments, source, algorithm, identity }: DicomContext): MadeFile {
  const voxelMm3 = Math.abs(affineDeterminant(labels.affineRas));
  const measured = segments.map((label) => ({
    ...label,
    volumeMm3: (moments[label.value - 1]?.voxels ?? 0) * voxelMm3,
  }));
  const seg = binarySegReference(identity);
  const bytes = writeMeasurementReport({ source, seg, segments: measured, algorithm, identity });
  proveVolumes(
    bytes,
    measured.map(({ volumeMm3 }) => volumeMm3),
  );
  return { name: RESULT_FILES.report, bytes, contentType: "application/dicom" };
}
