import { jpegFormat } from "./jpeg-format.js";
import { metaimageFormat } from "./metaimage-format.js";
import { niftiFormat } from "./nifti-format.js";
import { nrrdFormat } from "./nrrd-format.js";
import { pngFormat } from "./png-format.js";
import { tiffFormat } from "./tiff-format.js";
import type { VolumeFormat } from "./volume-file.js";

const VOLUME_FORMATS: readonly VolumeFormat[] = [
  nrrdFormat,
  metaimageFormat,
  pngFormat,
  jpegFormat,
  // A DICOM file may start as a TIFF does, but goes on with "DICM".
  { ...tiffFormat, matches: (head) => tiffFormat.matches(head) && !isDicom(head) },
  niftiFormat,
];

function isDicom(head: Uint8Array): boolean {
  return [0x44, 0x49, 0x43, 0x4d].every((byte, i) => head[128 + i] === byte);
}

/** The format that a file is of, told by content; null when it is none of them. */
export function volumeFormatOf(head: Uint8Array): VolumeFormat | null {
  return VOLUME_FORMATS.find((format) => format.matches(head)) ?? null;
}

/** The reader of a format that `volumeFormatOf` found; null for DICOM. */
export function volumeFormatNamed(name: string): VolumeFormat | null {
  return VOLUME_FORMATS.find(({ format }) => format === name) ?? null;
}
