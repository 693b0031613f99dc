import type { Size3, Vec3 } from "./affine.js";
import type { ComponentRuns } from "./component-runs.js";

/** Form of one component, from its moments in millimetres. */
export interface ComponentShape {
  /** sqrt(largest / second principal moment): 1 for a ball or disc, above for anything drawn out. */
  readonly elongation: number;
  /**
   * 3/5 r2 / (sum of principal moments), r being the radius of the ball of the same volume: 1 for a ball, towards 0
   * the further its mass lies from its centre (the 3-D compactness of Zunic and others 2016). In a slice 1/2 r2 /
   * (sum), of the disc of the same area.
   */
  readonly sphericity: number;
  /** Share of its bounding box that it fills. */
  readonly extent: number;
}

/** Numbers kept for each component: count, sums of x, y, z, of xx, yy, zz, xy, xz, yz, lowest and highest x, y, z. */
const FIELDS = 16;

/**
 * Elongation, sphericity and extent of every component, in one walk over its runs. A voxel counts as a box, not a
 * point (each moment gets spacing2 / 12, as in MATLAB's regionprops; ITK and
 * scikit-image leave that out), so that one voxel has a form as well.
 *
 * @param flat components of slices: the third axis is left out
 */
export function componentShapes(runs: ComponentRuns, size: Size3, spacingMm: Vec3, flat: boolean): ComponentShape[] {
  const sums = new Float64Array(runs.count * FIELDS);
  for (let c = 0; c < runs.count; c++) sums.set([...size, -1, -1, -1], c * FIELDS + 10);
  for (let run = 0; run < runs.first.length; run++) {
    const row = Math.floor(runs.first[run] / size[0]);
    addRun(
      sums,
      runs.component[run] * FIELDS,
      runs.first[run] % size[0],
      runs.length[run],
      row % size[1],
      Math.floor(row / size[1]),
    );
  }
  return Array.from({ length: runs.count }, (_, c) =>
    shapeOf(sums.subarray(c * FIELDS, (c + 1) * FIELDS), spacingMm, flat),
  );
}

function addRun(sums: Float64Array, at: number, x: number, length: number, y: number, z: number): void {
  const last = x + length - 1;
  const sumX = ((x + last) * length) / 2;
  const squaresTo = (n: number): number => (n * (n + 1) * (2 * n + 1)) / 6;
  sums[at] += length;
  sums[at + 1] += sumX;
  sums[at + 2] += y * length;
  sums[at + 3] += z * length;
  sums[at + 4] += squaresTo(last) - squaresTo(x - 1);
  sums[at + 5] += y * y * length;
  sums[at + 6] += z * z * length;
  sums[at + 7] += sumX * y;
  sums[at + 8] += sumX * z;
  sums[at + 9] += y * z * length;
  sums[at + 10] = Math.min(sums[at + 10], x);
  sums[at + 11] = Math.min(sums[at + 11], y);
  sums[at + 12] = Math.min(sums[at + 12], z);
  sums[at + 13] = Math.max(sums[at + 13], last);
  sums[at + 14] = Math.max(sums[at + 14], y);
  sums[at + 15] = Math.max(sums[at + 15], z);
}

function shapeOf(sums: Float64Array, [sx, sy, sz]: Vec3, flat: boolean): ComponentShape {
  const n = sums[0];
  const [x, y, z] = [sums[1] / n, sums[2] / n, sums[3] / n];
  const xx = (sums[4] / n - x * x + 1 / 12) * sx * sx;
  const yy = (sums[5] / n - y * y + 1 / 12) * sy * sy;
  const zz = (sums[6] / n - z * z + 1 / 12) * sz * sz;
  const xy = (sums[7] / n - x * y) * sx * sy;
  const xz = (sums[8] / n - x * z) * sx * sz;
  const yz = (sums[9] / n - y * z) * sy * sz;
  const box = (sums[13] - sums[10] + 1) * (sums[14] - sums[11] + 1) * (sums[15] - sums[12] + 1);
  if (flat) {
    const half = Math.hypot((xx - yy) / 2, xy);
    const mean = (xx + yy) / 2;
    const radius2 = (n * sx * sy) / Math.PI;
    return {
      elongation: Math.sqrt((mean + half) / (mean - half)),
      sphericity: radius2 / 2 / (xx + yy),
      extent: n / box,
    };
  }
  const [large, middle] = principalMoments(xx, yy, zz, xy, xz, yz);
  const radius = Math.cbrt((3 * n * sx * sy * sz) / (4 * Math.PI));
  return {
    elongation: Math.sqrt(large / middle),
    sphericity: (0.6 * radius * radius) / (xx + yy + zz),
    extent: n / box,
  };
}

/** Eigenvalues of a symmetric 3 x 3 matrix, descending (Smith 1961). */
function principalMoments(
  a: number,
  b: number,
  c: number,
  ab: number,
  ac: number,
  bc: number,
): [number, number, number] {
  const mean = (a + b + c) / 3;
  const off = ab * ab + ac * ac + bc * bc;
  const p = Math.sqrt(((a - mean) ** 2 + (b - mean) ** 2 + (c - mean) ** 2 + 2 * off) / 6);
  if (p === 0) return [mean, mean, mean];
  const [d, e, f] = [(a - mean) / p, (b - mean) / p, (c - mean) / p];
  const [g, h, k] = [ab / p, ac / p, bc / p];
  const det = d * (e * f - k * k) - g * (g * f - k * h) + h * (g * k - e * h);
  const angle = Math.acos(Math.min(1, Math.max(-1, det / 2))) / 3;
  const large = mean + 2 * p * Math.cos(angle);
  const small = mean + 2 * p * Math.cos(angle + (2 * Math.PI) / 3);
  return [large, 3 * mean - large - small, small];
}
