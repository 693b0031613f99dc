import type { DicomFile } from "./dicom-file.js";
import type { DicomInstance } from "./dicom-instance.js";
import { type StoredPixels, storedPixels } from "./dicom-pixels.js";

/** Frame `frameIndex` (from 0) of a file, decoded. */
type FrameReader = (
  file: DicomFile,
  format: DicomInstance["pixels"],
  subject: string,
  frameIndex: number,
) => StoredPixels | Promise<StoredPixels>;
const readFrame: FrameReader = storedPixels;

/** The stored frame that holds a slice. @throws {PipelineError} as `storedPixels` */
export async function storedFrame(file: DicomFile, slice: DicomInstance, subject: string): Promise<StoredPixels> {
  return readFrame(file, slice.pixels, subject, slice.frameIndex);
}
