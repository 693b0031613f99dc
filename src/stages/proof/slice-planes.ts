import type { DicomSource } from "#src/formats/scan.js";
import {
  type Affine,
  affineFromColumns,
  applyAffine,
  cross,
  flipLps,
  invertAffine,
  norm,
  type Size3,
  spacingOfAffine,
  type Vec3,
} from "#src/imaging/affine.js";
import type { Grid } from "#src/imaging/volume.js";

/**
 * Farthest that something written may lie from where the label map says, in millimetres…
 */
const TOLERANCE_MM = 0.1;
/** …or as a fraction of the largest voxel spacing, whichever is more: slices may be placed unevenly within 2 %. */
const TOLERANCE_SPACINGS = 0.05;

/** Where the slices of a label map lie in the patient. */
export interface SlicePlanes {
  readonly size: Size3;
  readonly toleranceMm: number;
  /** Spacing of pixels along a row and along a column. */
  readonly pixelMm: readonly [number, number];
  /** Distance between slices; null where they are uneven. */
  readonly sliceStepMm: number | null;
  /** The slice on which a point lies, and its column and row there, not whole; null for none within the tolerance. */
  find(ras: Vec3): { readonly slice: number; readonly column: number; readonly row: number } | null;
}

/** Slices of a regular grid, by its affine. */
export function planesOfGrid(grid: Grid): SlicePlanes {
  const inverse = invertAffine(grid.affineRas);
  const [dx, dy, dz] = spacingOfAffine(grid.affineRas);
  const toleranceMm = Math.max(TOLERANCE_MM, TOLERANCE_SPACINGS * Math.max(...(grid.spacingMm ?? [0])));
  return {
    size: grid.size,
    toleranceMm,
    pixelMm: [dx, dy],
    sliceStepMm: dz,
    find(ras) {
      const [column, row, z] = applyAffine(inverse, ras);
      const slice = Math.round(z);
      const isInside = slice >= 0 && slice < grid.size[2] && Math.abs(z - slice) * dz <= toleranceMm;
      return isInside ? { slice, column, row } : null;
    },
  };
}

/** Slices of an irregular series, each by its own position. */
export function planesOfSource(source: DicomSource, size: Size3): SlicePlanes {
  const [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0] = source.orientationLps;
  const [betweenRows, betweenColumns] = source.pixelSpacingMm;
  const alongRow: Vec3 = [a * betweenColumns, b * betweenColumns, c * betweenColumns];
  const alongColumn: Vec3 = [d * betweenRows, e * betweenRows, f * betweenRows];
  const across = cross(alongRow, alongColumn);
  const length = norm(across);
  const normal: Vec3 = [across[0] / length, across[1] / length, across[2] / length];
  // Third coordinate: millimetres off the plane.
  const inverses: Affine[] = source.slices.map(({ positionLps }) =>
    invertAffine(flipLps(affineFromColumns(alongRow, alongColumn, normal, positionLps))),
  );
  const toleranceMm = Math.max(TOLERANCE_MM, TOLERANCE_SPACINGS * Math.max(betweenRows, betweenColumns));
  return {
    size,
    toleranceMm,
    pixelMm: [betweenColumns, betweenRows],
    sliceStepMm: null,
    find(ras) {
      let best: { slice: number; column: number; row: number; off: number } | null = null;
      for (const [slice, inverse] of inverses.entries()) {
        const [column, row, mm] = applyAffine(inverse, ras);
        const off = Math.abs(mm);
        if (off <= toleranceMm && off < (best?.off ?? Number.POSITIVE_INFINITY)) best = { slice, column, row, off };
      }
      return best;
    },
  };
}

/** Largest distance in millimetres by which two affines place the corners of a grid apart. */
export function cornerDistance(a: Affine, b: Affine, size: Size3): number {
  let largest = 0;
  for (let corner = 0; corner < 8; corner++) {
    const at = ([0, 1, 2] as const).map((axis) => ((corner >> axis) & 1) * (size[axis] - 1)) as unknown as Vec3;
    const [p, q] = [applyAffine(a, at), applyAffine(b, at)];
    largest = Math.max(largest, norm([p[0] - q[0], p[1] - q[1], p[2] - q[2]]));
  }
  return largest;
}
