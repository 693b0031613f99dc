import type { ErrorCode } from "#src/core/errors.js";
import type { ScanWarning } from "#src/core/warnings.js";
import type { Size3, Vec3 } from "#src/imaging/affine.js";
import { orientationOf } from "#src/imaging/orient.js";
import { surveyUpload } from "./find-scans.js";
import type { FoundScan, UploadEntry } from "./scan.js";

/** What one image of an upload is, or why it is none that can be used. */
export type DescribedImage =
  | {
      readonly kind: "image";
      readonly format: FoundScan["format"];
      /** Ordinals of its entries, each once, ascending. */
      readonly entries: readonly number[];
      readonly modality: string | null;
      readonly bodyPart: string | null;
      /** Voxels along x, y, z. */
      readonly size: Size3;
      readonly spacingMm: Vec3 | null;
      /** Axis codes, such as "LPS": where x, y and z of the stored volume point to. */
      readonly orientation: string;
      readonly transferSyntaxUid: string | null;
      /** Why it is used only where `irregular: resample` is asked for; null where it is a regular volume. */
      readonly irregular: string | null;
      readonly warnings: readonly ScanWarning[];
    }
  | {
      readonly kind: "failed";
      readonly entries: readonly number[];
      readonly code: ErrorCode;
      readonly message: string;
    }
  /** Files that are no image. */
  | { readonly kind: "ignored"; readonly entries: readonly number[] }
  /** What the upload as a whole must be told of: files that it names and does not hold. */
  | { readonly kind: "upload"; readonly entries: readonly number[]; readonly warnings: readonly ScanWarning[] };

/**
 * What every image of an upload is, without stopping at one that fails: what `findScans` would find, and beside it
 * each series or file that it would refuse, with the code and message it would refuse it by.
 */
export async function describeUpload(entries: readonly UploadEntry[]): Promise<readonly DescribedImage[]> {
  const { images, ignored, missing } = await surveyUpload(entries, { irregular: "resample" });
  const described = images.map((image): DescribedImage => {
    if (image.kind === "failed") {
      const { code, message } = image.error;
      return { kind: "failed", entries: image.entries, code, message };
    }
    const { format, modality, bodyPart, transferSyntaxUid, irregular, warnings, grid } = image.scan;
    return {
      kind: "image",
      format,
      entries: [...new Set(image.scan.entries)].toSorted((a, b) => a - b),
      modality,
      bodyPart,
      size: grid.size,
      spacingMm: grid.spacingMm,
      orientation: orientationOf(grid.affineRas),
      transferSyntaxUid,
      irregular,
      warnings,
    };
  });
  if (ignored.length > 0) described.push({ kind: "ignored", entries: ignored.map((entry) => entry.ordinal) });
  if (missing.length > 0) described.push({ kind: "upload", entries: [], warnings: missing });
  return described;
}
