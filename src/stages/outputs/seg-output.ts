import { writeSeg } from "#src/formats/seg-write.js";
import { fractionalSamples, labelSamples, proveSeg } from "#src/stages/proof/prove-seg.js";
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

/** Probabilities as DICOM SEG in 255 steps. */
export function fractionalSegOutput(context: DicomContext, probabilities: ReadonlyMap<number, Float32Array>): MadeFile {
  const { labels, source, segments, algorithm, identity, planes } = context;
  const what = { source, segments, algorithm, identity };
  const bytes = writeSeg({ ...what, kind: "fractional", size: labels.size, probabilities });
  proveSeg(bytes, { order: segments.map(({ value }) => value), planes, ...fractionalSamples(probabilities) });
  return { name: RESULT_FILES.seg, bytes, contentType: "application/dicom" };
}
