import { cross, norm, type Vec3 } from "#src/imaging/affine.js";
import type { DicomInstance } from "./dicom-instance.js";

/** Unit directions of a row (x) and of a column (y), in LPS. */
export function directions(instance: Pick<DicomInstance, "orientationLps">): readonly [Vec3, Vec3] {
  const [a = 1, b = 0, c = 0, d = 0, e = 1, f = 0] = instance.orientationLps;
  return [times([a, b, c], 1 / Math.hypot(a, b, c)), times([d, e, f], 1 / Math.hypot(d, e, f))];
}

/** Unit direction across a slice, in LPS: row cross column. */
export function normalOf(instance: Pick<DicomInstance, "orientationLps">): Vec3 {
  const normal = cross(...directions(instance));
  return times(normal, 1 / norm(normal));
}

export function minus(a: Vec3, b: Vec3): Vec3 {
  return [a[0] - b[0], a[1] - b[1], a[2] - b[2]];
}

export function plus(a: Vec3, b: Vec3): Vec3 {
  return [a[0] + b[0], a[1] + b[1], a[2] + b[2]];
}

export function times(v: Vec3, factor: number): Vec3 {
  return [v[0] * factor, v[1] * factor, v[2] * factor];
}
