import { niftiFormat } from "./nifti-format.js";
import type { VolumeFormat } from "./volume-file.js";

const VOLUME_FORMATS: readonly VolumeFormat[] = [niftiFormat];

/** The format that a file is of, told by content; null when it is none of them. */
export function volumeFormatOf(head: Uint8Array): VolumeFormat | null {
  return VOLUME_FORMATS.find((format) => format.matches(head)) ?? null;
}

/** The reader of a format that `volumeFormatOf` found; null for DICOM. */
export function volumeFormatNamed(name: string): VolumeFormat | null {
  return VOLUME_FORMATS.find(({ format }) => format === name) ?? null;
}
