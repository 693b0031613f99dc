import type { ResultId } from "#src/core/ids.js";
import type { ImageFormat } from "#src/core/image-formats.js";
import type { Size3, Vec3 } from "#src/imaging/affine.js";
import type { PackageManifest } from "#src/model/classical-manifest.js";
import type { ResultDocument, TaskDocument } from "#src/workflow/contract.js";

/** Everything a report says of one result. No name of a patient or of a file, and nothing of the clock but `stages`. */
export interface ReportInput {
  readonly identity: ResultId;
  /** What this may be used for, in one sentence. */
  readonly notice: string;
  /** By which profile nothing in the result identifies, and what the pictures show; absent where nobody asked for it. */
  readonly deidentified?: NonNullable<TaskDocument["deidentify"]>;
  readonly model: PackageManifest;
  /** Digest of the model package. */
  readonly modelDigest: string;
  /** "off": the manifest's postprocess steps were left out. */
  readonly refine: "on" | "off";
  readonly source: ReportSource;
  readonly structures: ResultDocument["structures"];
  readonly warnings: ResultDocument["warnings"];
  /** Files of the result but for the reports themselves. */
  readonly files: ResultDocument["files"];
  readonly pictures: readonly ReportPicture[];
  /** How long each stage took. Shown in the timing block alone. */
  readonly stages: readonly StageTiming[];
}

/** The image, without anything that names it. */
export interface ReportSource {
  readonly format: ImageFormat;
  /** DICOM modality; null where the format has none. */
  readonly modality: string | null;
  readonly size: Size3;
  /** Null where the source does not say. */
  readonly spacingMm: Vec3 | null;
  /** Direction in which x, y and z of the stored image grow, as "LPS"; null where the source does not say. */
  readonly orientation: string | null;
}

export interface ReportPicture {
  readonly png: Uint8Array;
  /** At which the page shows it, in pixels of the page; the file may have fewer. */
  readonly width: number;
  readonly height: number;
  /** Lower-case start, no full stop. */
  readonly caption: string;
  /** For readers who cannot see the picture. */
  readonly alt: string;
}

export interface StageTiming {
  readonly stage: string;
  readonly seconds: number;
  /** The device on which a network ran; of a stage without one left out. */
  readonly provider?: string;
}
