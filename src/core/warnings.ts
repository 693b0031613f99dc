/** Something a reader of the result must know, that is no reason to withhold it. */
export interface ScanWarning {
  readonly code: WarningCode;
  /** One sentence without names: lower-case start, no full stop. */
  readonly message: string;
}

/** Every warning that a result, its report and the exit code can carry. */
export const WARNING_CODES = {
  TrailingBytes: "a file carries bytes after its pixel data",
  DuplicateDropped: "a slice came twice and the copy was left out",
  SeriesSplit: "a series holds several volumes; this is one of them",
  SeriesResampled: "a series of variable spacing or tilt was resampled to a regular grid",
  SourceUnidentified: "the source has no UIDs to refer to, so no DICOM result was made",
  SpacingAtDetector: "the pixel spacing is that at the detector, not in the patient",
  SpacingTagIgnored: "the spacing in the header disagrees with the slice positions",
  SlicesFarApart:
    "slices lie at least twice as far apart as they are thick, and no header says so; some may be missing",
  AffineDisagrees: "two ways to place the volume in space disagree",
  PlacementUnknown: "the file does not say where in space the volume lies",
  FrameOfReferenceMixed: "the slices of a series name different frames of reference",
  SpacingUnknown: "the file does not say how large a voxel is",
  PrecisionReduced: "whole numbers too large for float32 were rounded",
  ColourReduced: "a colour image is read as its brightness, since the model names no channel",
  AlphaIgnored: "the image says that pixels are transparent; they were taken as they are",
  NonFiniteVoxels: "voxels that are not a number were set to zero",
  ModalityUnexpected: "the model was trained on another modality",
  ConstantImage: "all voxels have the same value",
  EmptyMask: "a label that was asked for is nowhere in the result",
  MaskTouchesBorder: "a structure reaches the edge of the image and may be cut",
  OutputSkipped: "an output that was asked for cannot be made of this source",
  FileMissing: "files that a DICOMDIR names are not in the upload",
  TextTooLong: "text of a header is longer than DICOM allows; results shorten it, leave it out or keep what identifies",
  ValueMalformed:
    "a value of a header has a form that DICOM does not have; results repeat it in another or leave it out",
  CharacterSetGuessed: "text of a header is in a character set that it does not name, and was guessed",
  GreyInverted: "small values are bright in the image; they were kept",
  PatientMixed: "slices of one series name their patient differently",
  ContrastMixed: "slices of one volume were made with different contrast",
  ImageSkipped: "an image of the upload has no model, and no result was made of it",
  FileIgnored: "a file of the upload is no image and was left out",
} as const;
export type WarningCode = keyof typeof WARNING_CODES;
