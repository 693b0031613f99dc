import type { ImageFormat } from "#src/core/image-formats.js";
import { orientationOf } from "#src/imaging/orient.js";
import type { Grid } from "#src/imaging/volume.js";

/**
 * Directions in the patient in which x, y and z of a source image grow, as "LPS". Null where the image does not say and
 * its grid is a guess: of a picture, of what was read with `PlacementUnknown`, and of a volume file without a spacing,
 * which says nothing of axes either.
 *
 * @param warnings of the task and of Preprocess
 */
export function sourceOrientation(
  grid: Grid,
  format: ImageFormat,
  warnings: readonly { readonly code: string }[],
): string | null {
  const isGuess =
    warnings.some(({ code }) => code === "PlacementUnknown") || (format !== "dicom" && grid.spacingMm === null);
  return isGuess ? null : orientationOf(grid.affineRas);
}
