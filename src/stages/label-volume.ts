import { affineDeterminant } from "#src/imaging/affine.js";
import type { LabelMoments } from "#src/imaging/label-moments.js";
import type { Grid } from "#src/imaging/volume.js";

/**
 * The volume of a label in mm³: what every output states, also where DICOM objects lie on other slices than the grid's.
 * Null where nothing says how large a voxel is.
 *
 * @param moments of the labels on the grid
 */
export function labelVolumeMm3(label: number, moments: readonly LabelMoments[], grid: Grid): number | null {
  if (grid.spacingMm === null) return null;
  return (moments[label - 1]?.voxels ?? 0) * Math.abs(affineDeterminant(grid.affineRas));
}
