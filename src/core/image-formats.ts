/** Every format that images are read from, by the name that routes and tasks use for it, with its name for people. */
export const IMAGE_FORMATS = {
  dicom: "DICOM series",
  nifti: "NIfTI",
  nrrd: "NRRD",
  metaimage: "MetaImage",
  png: "PNG",
  jpeg: "JPEG",
  tiff: "TIFF",
} as const;
export type ImageFormat = keyof typeof IMAGE_FORMATS;

/** The names alone, for schemas. */
export const IMAGE_FORMAT_NAMES = Object.keys(IMAGE_FORMATS) as [ImageFormat, ...ImageFormat[]];

/** Formats of plain pictures: what is published of them is a picture too. */
const RASTER: ReadonlySet<ImageFormat> = new Set(["png", "jpeg", "tiff"]);

/** Whether a format is one of pictures, which lie nowhere in space. */
export function isRasterFormat(format: ImageFormat): boolean {
  return RASTER.has(format);
}
