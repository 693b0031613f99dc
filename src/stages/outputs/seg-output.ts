import { writeSeg } from "#src/formats/seg-write.js";
import { labelSamples, proveSeg } from "#src/stages/proof/prove-seg.js";
import { RESULT_FILES } from "#src/storage/keys.js";
import type { DicomContext } from "./dicom-context.js";
import type { MadeFile } from "./made-file.js";

/** The label map as DICOM SEG. */
export function segOutput(context: DicomContext, kind: "binary" | "labelmap"): MadeFile {
  const bytes = writeSeg({ ...context, kind });
  const values = context.segments.map(({ value }) => value);
  // Segments of a label map are numbered by their values.
  const order = kind === "labelmap" ? values.toSorted((a, b) => a - b) : values;
  proveSeg(bytes, { order, planes: context.planes, ...labelSamples(context.labels.data) });
  return { name: RESULT_FILES.seg, bytes, contentType: "application/dicom" };
}
