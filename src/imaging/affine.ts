/** A tuple along x, y, z. */
export type Vec3 = readonly [number, number, number];
/** Number of voxels along x, y, z. */
export type Size3 = readonly [number, number, number];
/** The upper three rows of a 4 x 4 affine, row by row: 12 numbers. */
export type Affine = readonly [
  number,
  number,
  number,
  number,
  number,
  number,
  number,
  number,
  number,
  number,
  number,
  number,
];

/** The affine that maps voxel (0, 0, 0) to `origin`, with columns `x`, `y`, `z` the steps between neighbours. */
export function affineFromColumns(x: Vec3, y: Vec3, z: Vec3, origin: Vec3): Affine {
  return [x[0], y[0], z[0], origin[0], x[1], y[1], z[1], origin[1], x[2], y[2], z[2], origin[2]];
}

/** Column `axis` (0, 1, 2) of the affine: the step in millimetres from a voxel to its next neighbour on that axis. */
export function affineColumn(affine: Affine, axis: 0 | 1 | 2): Vec3 {
  return [affine[axis], affine[axis + 4] as number, affine[axis + 8] as number];
}

/** Position of a voxel index (which need not be whole) in the affine's space. */
export function applyAffine(affine: Affine, point: Vec3): Vec3 {
  const [x, y, z] = point;
  return [
    affine[0] * x + affine[1] * y + affine[2] * z + affine[3],
    affine[4] * x + affine[5] * y + affine[6] * z + affine[7],
    affine[8] * x + affine[9] * y + affine[10] * z + affine[11],
  ];
}

/** `a` after `b`: applies `b` first. */
export function composeAffine(a: Affine, b: Affine): Affine {
  const out: number[] = [];
  for (let row = 0; row < 3; row++) {
    for (let column = 0; column < 4; column++) {
      let sum = column === 3 ? (a[row * 4 + 3] as number) : 0;
      for (let k = 0; k < 3; k++) sum += (a[row * 4 + k] as number) * (b[k * 4 + column] as number);
      out.push(sum);
    }
  }
  return out as unknown as Affine;
}

/**
 * The affine that undoes this one.
 *
 * @throws {RangeError} when the affine flattens space (its determinant is zero or not finite)
 */
export function invertAffine(affine: Affine): Affine {
  const [a, b, c, tx, d, e, f, ty, g, h, i, tz] = affine;
  const det = affineDeterminant(affine);
  if (!Number.isFinite(det) || det === 0) throw new RangeError(`affine has no inverse: determinant ${det}`);
  const m = [
    (e * i - f * h) / det,
    (c * h - b * i) / det,
    (b * f - c * e) / det,
    (f * g - d * i) / det,
    (a * i - c * g) / det,
    (c * d - a * f) / det,
    (d * h - e * g) / det,
    (b * g - a * h) / det,
    (a * e - b * d) / det,
  ] as const;
  return [
    m[0],
    m[1],
    m[2],
    -(m[0] * tx + m[1] * ty + m[2] * tz),
    m[3],
    m[4],
    m[5],
    -(m[3] * tx + m[4] * ty + m[5] * tz),
    m[6],
    m[7],
    m[8],
    -(m[6] * tx + m[7] * ty + m[8] * tz),
  ];
}

/** Determinant of the linear part: the signed volume of a voxel in cubic millimetres. */
export function affineDeterminant(affine: Affine): number {
  const [a, b, c, , d, e, f, , g, h, i] = affine;
  return a * (e * i - f * h) - b * (d * i - f * g) + c * (d * h - e * g);
}

/** Lengths of the three columns: the distance between voxel centres along each axis. */
export function spacingOfAffine(affine: Affine): Vec3 {
  return [norm(affineColumn(affine, 0)), norm(affineColumn(affine, 1)), norm(affineColumn(affine, 2))];
}

/** DICOM's LPS to RAS and back: x and y change sign. */
export function flipLps(affine: Affine): Affine {
  const [a, b, c, tx, d, e, f, ty, g, h, i, tz] = affine;
  // `0 -` instead of unary minus: a zero stays a positive zero, so equal affines are equal bytes.
  return [0 - a, 0 - b, 0 - c, 0 - tx, 0 - d, 0 - e, 0 - f, 0 - ty, g, h, i, tz];
}

export function norm(v: Vec3): number {
  return Math.hypot(v[0], v[1], v[2]);
}

export function cross(a: Vec3, b: Vec3): Vec3 {
  return [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]];
}

export function dot(a: Vec3, b: Vec3): number {
  return a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
}
