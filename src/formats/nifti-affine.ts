import {
  type Affine,
  affineColumn,
  affineDeterminant,
  affineFromColumns,
  applyAffine,
  cross,
  norm,
  type Size3,
  spacingOfAffine,
  type Vec3,
} from "#src/imaging/affine.js";

/** The six numbers of a qform and the sign of its third axis. */
export interface Quaternion {
  readonly b: number;
  readonly c: number;
  readonly d: number;
  readonly offset: Vec3;
  /** -1 where the third axis is reversed, else 1. */
  readonly qfac: 1 | -1;
}

/**
 * The affine of a qform (nifti1.h, method 2).
 *
 * @param spacing voxel size along x, y, z
 */
export function affineOfQuaternion(quaternion: Quaternion, spacing: Vec3): Affine {
  let { b, c, d } = quaternion;
  let a = 1 - (b * b + c * c + d * d);
  if (a < 1e-7) {
    // Half a turn: rounding may leave a slightly negative square; nifti1_io.c normalises the rest.
    const scale = 1 / Math.hypot(b, c, d);
    [a, b, c, d] = [0, b * scale, c * scale, d * scale];
  } else {
    a = Math.sqrt(a);
  }
  const [sx, sy] = spacing;
  const sz = spacing[2] * quaternion.qfac;
  return affineFromColumns(
    [(a * a + b * b - c * c - d * d) * sx, 2 * (b * c + a * d) * sx, 2 * (b * d - a * c) * sx],
    [2 * (b * c - a * d) * sy, (a * a + c * c - b * b - d * d) * sy, 2 * (c * d + a * b) * sy],
    [2 * (b * d + a * c) * sz, 2 * (c * d - a * b) * sz, (a * a + d * d - c * c - b * b) * sz],
    quaternion.offset,
  );
}

/** A qform may place a corner this far from the sform, as rounded slice positions do. */
const QFORM_TOLERANCE_MM = 0.1;

/**
 * The qform of an affine: x and y as they are, z at right angles to both. Null when that would move a corner of the
 * volume by more than 0.1 mm: a qform cannot say that axes are sheared, and would put voxels somewhere else.
 */
export function quaternionOfAffine(affine: Affine, size: Size3): Quaternion | null {
  if (affineDeterminant(affine) === 0) return null;
  const x = unit(affineColumn(affine, 0));
  const qfac = affineDeterminant(affine) < 0 ? -1 : 1;
  const z = unit(cross(x, affineColumn(affine, 1)));
  const quaternion = quaternionOfRotation(x, cross(z, x), z, [affine[3], affine[7], affine[11]], qfac);
  const placed = affineOfQuaternion(quaternion, spacingOfAffine(affine));
  return cornerDistance(affine, placed, size) > QFORM_TOLERANCE_MM ? null : quaternion;
}

function quaternionOfRotation(x: Vec3, y: Vec3, z: Vec3, offset: Vec3, qfac: 1 | -1): Quaternion {
  // Shepperd's method: the largest of the four components is divided by, so nothing is lost to rounding.
  const squares = [
    1 + x[0] + y[1] + z[2],
    1 + x[0] - y[1] - z[2],
    1 - x[0] + y[1] - z[2],
    1 - x[0] - y[1] + z[2],
  ] as const;
  const largest = squares.indexOf(Math.max(...squares));
  const twice = 2 * Math.sqrt(squares[largest] ?? 0);
  const products = [
    [twice / 4, (y[2] - z[1]) / twice, (z[0] - x[2]) / twice, (x[1] - y[0]) / twice],
    [(y[2] - z[1]) / twice, twice / 4, (y[0] + x[1]) / twice, (z[0] + x[2]) / twice],
    [(z[0] - x[2]) / twice, (y[0] + x[1]) / twice, twice / 4, (z[1] + y[2]) / twice],
    [(x[1] - y[0]) / twice, (z[0] + x[2]) / twice, (z[1] + y[2]) / twice, twice / 4],
  ] as const;
  const [a, b, c, d] = products[largest as 0 | 1 | 2 | 3];
  // q and -q are the same turn; the header leaves `a` out and takes it as positive.
  const sign = a < 0 ? -1 : 1;
  return { b: b * sign, c: c * sign, d: d * sign, offset, qfac };
}

/** Largest distance in millimetres between the places that two affines give to the volume's eight corners. */
export function cornerDistance(a: Affine, b: Affine, size: Size3): number {
  let largest = 0;
  for (let corner = 0; corner < 8; corner++) {
    const point: Vec3 = [corner & 1 ? size[0] - 1 : 0, corner & 2 ? size[1] - 1 : 0, corner & 4 ? size[2] - 1 : 0];
    const [p, q] = [applyAffine(a, point), applyAffine(b, point)];
    largest = Math.max(largest, norm([p[0] - q[0], p[1] - q[1], p[2] - q[2]]));
  }
  return largest;
}

/** The affine with a third column at right angles where the file of a single slice leaves it zero. */
export function withSliceAxis(affine: Affine, size: Size3, thicknessMm: number): Affine {
  if (size[2] !== 1 || norm(affineColumn(affine, 2)) > 0) return affine;
  const [x, y] = [affineColumn(affine, 0), affineColumn(affine, 1)];
  const normal = cross(x, y);
  const scale = thicknessMm / norm(normal);
  return affineFromColumns(
    x,
    y,
    [normal[0] * scale, normal[1] * scale, normal[2] * scale],
    [affine[3], affine[7], affine[11]],
  );
}

function unit(v: Vec3): Vec3 {
  const length = norm(v);
  return [v[0] / length, v[1] / length, v[2] / length];
}
