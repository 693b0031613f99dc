import { affineFromColumns, dot, flipLps, type Vec3 } from "#src/imaging/affine.js";
import type { SliceStack } from "#src/imaging/slice-stack.js";
import type { Grid } from "#src/imaging/volume.js";
import type { DicomInstance } from "./dicom-instance.js";
import { directions, minus, normalOf, plus, times } from "./slice-axes.js";

/**
 * The regular grid for slices of variable spacing or tilt, and where they lie in it. Its planes are at right angles to
 * the normal, evenly spaced from the first slice to the last in steps nearest to the lower quartile of the series' own
 * (of two spacings the finer one, but not a single short step), and as large as all the slices together.
 *
 * @param slices ascending along their normal
 * @param depths of the slices along it, in millimetres
 * @param isTilted else sideways drift is rounding, and the slices are taken as one above the other
 */
export function regularGridOf(
  slices: readonly DicomInstance[],
  depths: readonly number[],
  isTilted: boolean,
): { grid: Grid; stack: SliceStack } {
  const [first] = slices;
  if (first === undefined) throw new RangeError("a series needs at least one instance");
  const [row, column] = directions(first);
  const normal = normalOf(first);
  const [betweenRows, betweenColumns] = first.pixelSpacingMm ?? [1, 1];
  const steps = depths.slice(1).map((depth, k) => depth - (depths[k] ?? depth));
  const extent = (depths.at(-1) ?? 0) - (depths[0] ?? 0);
  const planes = Math.max(2, Math.round(extent / lowerQuartile(steps)) + 1);
  const step = extent / (planes - 1);
  const shifts = slices.map((slice, k): Vec3 => {
    const way = minus(slice.positionLps, first.positionLps);
    const z = ((depths[k] ?? 0) - (depths[0] ?? 0)) / step;
    return isTilted ? [dot(way, row) / betweenColumns, dot(way, column) / betweenRows, z] : [0, 0, z];
  });
  // A thousandth of a pixel is rounding of positions and not worth a row.
  const low = [0, 1].map((axis) => Math.floor(Math.min(...shifts.map((shift) => shift[axis] ?? 0)) + 1e-3));
  const high = [0, 1].map((axis) => Math.ceil(Math.max(...shifts.map((shift) => shift[axis] ?? 0)) - 1e-3));
  const [lowX = 0, lowY = 0] = low;
  const [highX = 0, highY = 0] = high;
  const origin = plus(first.positionLps, plus(times(row, lowX * betweenColumns), times(column, lowY * betweenRows)));
  const affineLps = affineFromColumns(
    times(row, betweenColumns),
    times(column, betweenRows),
    times(normal, step),
    origin,
  );
  return {
    grid: {
      size: [first.size[0] + highX - lowX, first.size[1] + highY - lowY, planes],
      affineRas: flipLps(affineLps),
      spacingMm: [betweenColumns, betweenRows, step],
    },
    stack: {
      size: [first.size[0], first.size[1], slices.length],
      offsetsVox: shifts.map(([x, y, z]) => [x - lowX, y - lowY, z]),
    },
  };
}

function lowerQuartile(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[(values.length - 1) >> 2] ?? 0;
}
