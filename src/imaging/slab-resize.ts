import type { Size3, Vec3 } from "./affine.js";
import { storeFloat16 } from "./float16.js";
import { roundHalfEven } from "./rounding.js";

/**
 * What of two grids falls together, which says where voxel i of the new one lies on the old. "extents": their outer
 * borders, at (i + 0.5) * n_in / n_out - 0.5. Steps: the centres of their first voxels, at i * step along x, y, z.
 */
export type GridsMeet = "extents" | Vec3;

/** Spline degree along x, y, z: 0 nearest, 1 linear. */
export type AxisOrders = readonly [0 | 1, 0 | 1, 0 | 1];

/** A slice of one channel of the volume that is resized, x fastest. */
export type SliceOf = (z: number) => Float32Array | Int16Array;

/** For each voxel of the new axis: its two neighbours on the old one and how far it is from the first. */
export interface AxisTable {
  readonly below: Int32Array;
  readonly above: Int32Array;
  readonly fraction: Float64Array;
  readonly isSame: boolean;
}

/**
 * Resizes a volume a slab of slices at a time, so that neither the whole of the source nor of the result is ever
 * needed: what `resizeVolume` gives for order 1, and `resizeSeparateZ` for order 1 within and 0 along the coarse axis.
 * With steps, what torch's `grid_sample` gives with `padding_mode="border"`: linear, or nearest with halves to even.
 * Arithmetic is in double precision.
 */
export class SlabResize {
  readonly #from: Size3;
  readonly #to: Size3;
  readonly #tables: readonly [AxisTable, AxisTable, AxisTable];
  readonly #rows: Float64Array;
  #planes = new Float64Array(0);
  /** One slice before it is rounded to half precision. */
  #mixed = new Float64Array(0);

  constructor(from: Size3, to: Size3, orders: AxisOrders, meet: GridsMeet = "extents") {
    this.#from = from;
    this.#to = to;
    this.#tables = axisTables(from, to, orders, meet);
    this.#rows = new Float64Array(to[0] * from[1]);
  }

  /** Whether nothing is resized at all. */
  get isIdentity(): boolean {
    return this.#tables.every((table) => table.isSame);
  }

  /** First and last slice of the source that slices [z, z + depth) of the result are made of. */
  sourceSlices(z: number, depth: number): readonly [number, number] {
    const { below, above } = this.#tables[2];
    return [below[z], above[z + depth - 1]];
  }

  /**
   * Slices [z, z + depth) of the result.
   *
   * @param precision float16 rounds each value to half precision, in one step, unless nothing is resized
   * @param out float32 array for depth x slice values, and its bits
   */
  resize(
    sliceOf: SliceOf,
    z: number,
    depth: number,
    precision: "float16" | "float32",
    out: Float32Array,
    bits: Uint32Array,
  ): void {
    const area = this.#to[0] * this.#to[1];
    const [first, last] = this.sourceSlices(z, depth);
    if (this.isIdentity) {
      for (let n = 0; n < depth; n++) out.set(sliceOf(z + n), n * area);
      return;
    }
    if (this.#planes.length < (last - first + 1) * area) this.#planes = new Float64Array((last - first + 1) * area);
    const planes = this.#planes;
    for (let k = first; k <= last; k++) this.#resizePlane(sliceOf(k), (k - first) * area);
    const { below, above, fraction } = this.#tables[2];
    for (let n = 0; n < depth; n++) {
      const a = (below[z + n] - first) * area;
      const b = (above[z + n] - first) * area;
      const t = fraction[z + n];
      if (precision === "float32") mix(planes, a, b, t, out, n * area, area);
      else if (t === 0) storeFloat16(planes, a, area, out, bits, n * area);
      else {
        if (this.#mixed.length < area) this.#mixed = new Float64Array(area);
        mix(planes, a, b, t, this.#mixed, 0, area);
        storeFloat16(this.#mixed, 0, area, out, bits, n * area);
      }
    }
  }

  /** x first, then y: into the planes from `to` on. */
  #resizePlane(slice: Float32Array | Int16Array, to: number): void {
    const [fromX, fromY] = this.#from;
    const [toX, toY] = this.#to;
    const [x, y] = this.#tables;
    const rows = this.#rows;
    for (let j = 0; j < fromY; j++) {
      const source = j * fromX;
      const target = j * toX;
      for (let i = 0; i < toX; i++) {
        const low = slice[source + x.below[i]];
        const t = x.fraction[i];
        rows[target + i] = t === 0 ? low : (1 - t) * low + t * slice[source + x.above[i]];
      }
    }
    for (let j = 0; j < toY; j++) {
      mix(rows, y.below[j] * toX, y.above[j] * toX, y.fraction[j], this.#planes, to + j * toX, toX);
    }
  }
}

function mix(
  source: Float64Array,
  a: number,
  b: number,
  t: number,
  out: Float64Array | Float32Array,
  to: number,
  length: number,
): void {
  const rest = 1 - t;
  if (t === 0) for (let n = 0; n < length; n++) out[to + n] = source[a + n];
  else for (let n = 0; n < length; n++) out[to + n] = rest * source[a + n] + t * source[b + n];
}

/** Where the voxels of the new grid lie on the old one, along x, y, z. */
export function axisTables(
  from: Size3,
  to: Size3,
  orders: AxisOrders,
  meet: GridsMeet,
): readonly [AxisTable, AxisTable, AxisTable] {
  const table = (axis: 0 | 1 | 2) =>
    axisTable(from[axis], to[axis], orders[axis], meet === "extents" ? null : meet[axis]);
  return [table(0), table(1), table(2)];
}

function axisTable(length: number, newLength: number, order: 0 | 1, step: number | null): AxisTable {
  const below = new Int32Array(newLength);
  const above = new Int32Array(newLength);
  const fraction = new Float64Array(newLength);
  for (let i = 0; i < newLength; i++) {
    // The order of operations is scipy's: it decides at halves.
    const wanted = step === null ? (i + 0.5) * (length / newLength) - 0.5 : i * step;
    const position = Math.min(length - 1, Math.max(0, wanted));
    const nearest = step === null ? Math.floor(position + 0.5) : roundHalfEven(position);
    below[i] = order === 0 ? nearest : Math.floor(position);
    fraction[i] = order === 0 ? 0 : position - below[i];
    above[i] = fraction[i] === 0 ? below[i] : Math.min(length - 1, below[i] + 1);
  }
  return { below, above, fraction, isSame: length === newLength && (step === null || step === 1) };
}

/** A whole volume at once, as `SlabResize` gives it. */
export function resizeInSlabs(
  data: Float32Array | Int16Array,
  from: Size3,
  to: Size3,
  orders: AxisOrders,
  meet: GridsMeet,
): Float32Array {
  const area = from[0] * from[1];
  const newArea = to[0] * to[1];
  const slabs = new SlabResize(from, to, orders, meet);
  const out = new Float32Array(newArea * to[2]);
  const sliceOf = (z: number) => data.subarray(z * area, (z + 1) * area);
  for (let z = 0; z < to[2]; z++) {
    const slice = out.subarray(z * newArea, (z + 1) * newArea);
    slabs.resize(sliceOf, z, 1, "float32", slice, new Uint32Array(0));
  }
  return out;
}
