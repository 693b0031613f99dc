import type { Size3, Vec3 } from "./affine.js";
import { voxelCount } from "./volume.js";

/** No feature in this column of voxels along z. */
const NONE = 65_535;

/**
 * Euclidean distance in mm from some voxels' centres to that of the nearest feature voxel: exact, in float64 (as SciPy's
 * `distance_transform_edt` with `sampling`), on grids of any spacing. Lower envelopes of parabolas (Felzenszwalb and
 * Huttenlocher 2012), slice by slice after a scan along z, and only where a distance is asked for: beside two bytes a
 * voxel, memory is that of one slice.
 *
 * @param features voxels that are not zero; at most 65,534 slices
 * @param asked voxel indices, ascending
 * @returns one a voxel asked for; infinity where there is no feature at all
 */
export function nearestDistances(features: Uint8Array, size: Size3, spacingMm: Vec3, asked: Int32Array): Float64Array {
  if (features.length !== voxelCount(size)) {
    throw new RangeError(`features have ${features.length} voxels, expected ${size.join(" x ")}`);
  }
  if (size[2] >= NONE) throw new RangeError(`volume has ${size[2]} slices, expected at most ${NONE - 1}`);
  const [nx, ny] = size;
  const plane = nx * ny;
  const steps = stepsAlongZ(features, plane, size[2]);
  const alongX = new EnvelopeLine(nx, spacingMm[0]);
  const alongY = new EnvelopeLine(ny, spacingMm[1]);
  const columns = new Float64Array(plane);
  const isAsked = new Uint8Array(nx);
  const out = new Float64Array(asked.length);
  for (let from = 0; from < asked.length; ) {
    const start = Math.floor(asked[from] / plane) * plane;
    let to = from;
    isAsked.fill(0);
    while (to < asked.length && asked[to] < start + plane) {
      // On a feature the distance is 0, which `out` is already.
      if (features[asked[to]] === 0) isAsked[(asked[to] - start) % nx] = 1;
      to++;
    }
    sliceDistances(steps, start, spacingMm[2], columns, isAsked, alongX, alongY);
    for (; from < to; from++) {
      if (features[asked[from]] !== 0) continue;
      const at = asked[from] - start;
      const x = at % nx;
      out[from] = Math.sqrt(columns[ny * x + (at - x) / nx]);
    }
  }
  return out;
}

/** Steps to the nearest feature of the same x and y. */
function stepsAlongZ(features: Uint8Array, plane: number, nz: number): Uint16Array {
  const steps = new Uint16Array(features.length);
  for (let i = 0; i < plane; i++) steps[i] = features[i] !== 0 ? 0 : NONE;
  for (let i = plane; i < steps.length; i++) {
    const before = steps[i - plane];
    steps[i] = features[i] !== 0 ? 0 : before === NONE ? NONE : before + 1;
  }
  for (let i = plane * (nz - 1) - 1; i >= 0; i--) {
    const after = steps[i + plane];
    if (after < steps[i]) steps[i] = after + 1;
  }
  return steps;
}

/** Squared distances of one slice, y fastest, right in the columns that are asked for. */
function sliceDistances(
  steps: Uint16Array,
  start: number,
  mm: number,
  columns: Float64Array,
  isAsked: Uint8Array,
  alongX: EnvelopeLine,
  alongY: EnvelopeLine,
): void {
  const nx = alongX.length;
  const ny = alongY.length;
  for (let y = 0; y < ny; y++) {
    const row = start + nx * y;
    const { values } = alongX;
    for (let x = 0; x < nx; x++) {
      const step = steps[row + x];
      values[x] = step === NONE ? Number.POSITIVE_INFINITY : step * mm * (step * mm);
    }
    alongX.lower(columns, y, ny, isAsked);
  }
  for (let x = 0; x < nx; x++) {
    if (isAsked[x] === 0) continue;
    alongY.values.set(columns.subarray(ny * x, ny * x + ny));
    alongY.lower(columns, ny * x, 1, null);
  }
}

/** A line of squared distances and the lower envelope of the parabolas that stand on them; serves every line. */
class EnvelopeLine {
  readonly length: number;
  /** What stands on the line; filled by the caller. */
  readonly values: Float64Array;
  readonly #weight: number;
  /** Parabolas of the envelope: where their lowest point is, and from where on they are the lowest. */
  readonly #at: Int32Array;
  readonly #from: Float64Array;

  constructor(length: number, mm: number) {
    this.length = length;
    this.values = new Float64Array(length);
    this.#weight = mm * mm;
    this.#at = new Int32Array(length);
    this.#from = new Float64Array(length + 1);
  }

  /** Writes min over q of values(q) + (mm (p - q))2 for every p that is wanted (all of them, for null). */
  lower(out: Float64Array, start: number, stride: number, wanted: Uint8Array | null): void {
    const { length, values } = this;
    const weight = this.#weight;
    const at = this.#at;
    const from = this.#from;
    let last = -1;
    for (let q = 0; q < length; q++) {
      const value = values[q];
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
    if (last < 0) {
      for (let p = 0; p < length; p++) out[start + p * stride] = Number.POSITIVE_INFINITY;
      return;
    }
    from[last + 1] = Number.POSITIVE_INFINITY;
    let k = 0;
    for (let p = 0; p < length; p++) {
      while (from[k + 1] < p) k++;
      if (wanted !== null && wanted[p] === 0) continue;
      const d = p - at[k];
      out[start + p * stride] = values[at[k]] + weight * d * d;
    }
  }
}
