import type { Size3, Vec3 } from "./affine.js";
import { voxelCount } from "./volume.js";

/**
 * Squared Euclidean distance in mm2 from every voxel's centre to that of the nearest voxel of a mask, exact on grids
 * of any spacing: lower envelopes of parabolas, axis by axis (Felzenszwalb and Huttenlocher 2012). Linear in the
 * voxels; held as float32, so a distance is right to a part in ten million. Infinity where there is nothing.
 *
 * @param near distance to the voxels that are not zero ("set") or to those that are ("unset"); nothing lies outside
 *   the volume
 * @param limitMm distances above this may come out as infinity, which saves work. @default none
 */
export function squaredDistances(
  mask: Uint8Array,
  size: Size3,
  spacingMm: Vec3,
  near: "set" | "unset" = "set",
  limitMm = Number.POSITIVE_INFINITY,
): Float32Array {
  if (mask.length !== voxelCount(size))
    throw new RangeError(`mask has ${mask.length} voxels, expected ${size.join(" x ")}`);
  // A float32 may round a distance of exactly the limit upwards.
  const limit = limitMm * limitMm * (1 + 1e-5);
  const out = new Float32Array(mask.length);
  distancesAlongX(mask, out, size, spacingMm[0], near === "set", limit);
  if (size[1] > 1) {
    const walk = envelopeWalk(size[1], spacingMm[1], limit);
    for (let z = 0; z < size[2]; z++) {
      for (let x = 0; x < size[0]; x++) walk(out, x + size[0] * size[1] * z, size[0]);
    }
  }
  if (size[2] > 1) {
    const plane = size[0] * size[1];
    const walk = envelopeWalk(size[2], spacingMm[2], limit);
    for (let i = 0; i < plane; i++) walk(out, i, plane);
  }
  return out;
}

function distancesAlongX(
  mask: Uint8Array,
  out: Float32Array,
  size: Size3,
  mm: number,
  toSet: boolean,
  limit: number,
): void {
  const nx = size[0];
  for (let row = 0; row < mask.length; row += nx) {
    let steps = Number.POSITIVE_INFINITY;
    for (let i = row; i < row + nx; i++) {
      steps = (mask[i] !== 0) === toSet ? 0 : steps + 1;
      out[i] = steps;
    }
    steps = Number.POSITIVE_INFINITY;
    for (let i = row + nx - 1; i >= row; i--) {
      steps = (mask[i] !== 0) === toSet ? 0 : steps + 1;
      const nearest = Math.min(steps, out[i]) * mm;
      out[i] = nearest * nearest > limit ? Number.POSITIVE_INFINITY : nearest * nearest;
    }
  }
}

/** Replaces a line of squared distances d by min over q of d(q) + (mm (p - q))2; the buffers serve every line. */
function envelopeWalk(length: number, mm: number, limit: number) {
  const weight = mm * mm;
  const values = new Float64Array(length);
  /** Parabolas of the envelope: where their lowest point is, and from where on they are the lowest. */
  const at = new Int32Array(length);
  const from = new Float64Array(length + 1);

  return (data: Float32Array, start: number, stride: number): void => {
    let last = -1;
    for (let q = 0; q < length; q++) {
      const value = data[start + q * stride];
      values[q] = value;
      if (value === Number.POSITIVE_INFINITY) continue;
      let cut = Number.NEGATIVE_INFINITY;
      while (last >= 0) {
        const v = at[last];
        cut = (value - values[v]) / (2 * weight * (q - v)) + (q + v) / 2;
        if (cut > from[last]) break;
        last--;
        cut = Number.NEGATIVE_INFINITY;
      }
      at[++last] = q;
      from[last] = cut;
    }
    if (last < 0) return;
    from[last + 1] = Number.POSITIVE_INFINITY;
    let k = 0;
    for (let p = 0; p < length; p++) {
      while (from[k + 1] < p) k++;
      const d = p - at[k];
      const distance = values[at[k]] + weight * d * d;
      data[start + p * stride] = distance > limit ? Number.POSITIVE_INFINITY : distance;
    }
  };
}
