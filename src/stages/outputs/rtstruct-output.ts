import { writeRtStruct } from "#src/formats/rtstruct-write.js";
import { proveRtStruct } from "#src/stages/proof/prove-rtstruct.js";
import { RESULT_FILES } from "#src/storage/keys.js";
import type { DicomContext } from "./dicom-context.js";
import type { MadeFile } from "./made-file.js";

/** The outlines of the label map as an RT Structure Set. */
export function rtStructOutput(context: DicomContext): MadeFile {
  const bytes = writeRtStruct(context);
  const order = context.segments.map(({ value }) => value);
  proveRtStruct(bytes, order, context.labels.data, context.planes);
  return { name: RESULT_FILES.rtStruct, bytes, contentType: "application/dicom" };
}
