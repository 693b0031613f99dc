import type { Size3 } from "./affine.js";
import { roundedToFloat16 } from "./float16.js";
import { type AxisOrders, type AxisTable, axisTables, type GridsMeet } from "./slab-resize.js";

/** What is kept of a slice of logits. */
interface Slice {
  /** Class after class. */
  readonly values: Float32Array;
  /** The first of the largest, and its value. */
  readonly label: Uint16Array;
  readonly largest: Float32Array;
  /** The largest of the other classes. */
  readonly second: Float32Array;
}

/** Below the first label. */
const OPEN = -1;
/** Twice the distance of neighbouring half-precision numbers around zero. */
const SMALLEST_STEP = 2 ** -23;

/**
 * Labels of logits resized linearly (or to the nearest), class by class: the first class whose value, rounded to the
 * precision of the logits, is the largest. The same labels as of `SlabResize` and a comparison of every value, without
 * making most of them.
 *
 * A value between grid points lies between those at the corners of its cell, and rounding keeps the order of numbers:
 * where one class is larger at its smallest corner than all others at their largest, it wins in the whole cell. In
 * other cells only classes that may win are resized. A segmentation has few such cells, so that time hardly depends on
 * how many voxels the result has; with classes it grows by one pass over the logits as they come.
 *
 * Holds two slices of logits at a time, or as many as lie between two slices of the result.
 */
export class ResizedArgmax {
  readonly #from: Size3;
  readonly #to: Size3;
  readonly #classes: number;
  readonly #isHalf: boolean;
  /** Twice the largest distance of two neighbouring numbers of the precision, as a share of the number. */
  readonly #step: number;
  readonly #tables: readonly [AxisTable, AxisTable, AxisTable];
  readonly #slices = new Map<number, Slice>();
  readonly #labels: Uint8Array | Uint16Array;
  /** Of each cell between two slices: the label of the whole cell, or OPEN. */
  readonly #decided: Int32Array;
  /** Of each open cell: where its classes start in the list, or OPEN when nobody asked yet. */
  readonly #asked: Int32Array;
  #candidates = new Uint16Array(1024);
  #used = 0;
  #between: readonly [number, number] | null = null;
  readonly #lowest: Float32Array;
  readonly #highest: Float32Array;
  #next = 0;

  /** @param labels where the labels go, on the new grid, x fastest */
  constructor(
    { from, to, orders, meet }: { from: Size3; to: Size3; orders: AxisOrders; meet: GridsMeet },
    { classes, precision }: { classes: number; precision: "float16" | "float32" },
    labels: Uint8Array | Uint16Array,
  ) {
    this.#from = from;
    this.#to = to;
    this.#classes = classes;
    this.#isHalf = precision === "float16";
    this.#step = this.#isHalf ? 2 ** -9 : 2 ** -22;
    this.#tables = axisTables(from, to, orders, meet);
    this.#labels = labels;
    this.#decided = new Int32Array(from[0] * from[1]);
    this.#asked = new Int32Array(from[0] * from[1]);
    this.#lowest = new Float32Array(classes);
    this.#highest = new Float32Array(classes);
  }

  /**
   * Takes a slice; slices come in their order.
   *
   * @param classes one array a class, of numbers that have the precision; they are copied
   */
  addSlice(z: number, classes: readonly Float32Array[]): void {
    const area = this.#from[0] * this.#from[1];
    const values = new Float32Array(classes.length * area);
    for (const [c, of] of classes.entries()) values.set(of, c * area);
    this.#slices.set(z, { values, ...firstAndSecond(classes) });
    const { below, above } = this.#tables[2];
    for (; this.#next < this.#to[2] && above[this.#next] <= z; this.#next++) this.#label(this.#next);
    const needed = this.#next < this.#to[2] ? below[this.#next] : this.#from[2];
    for (const known of this.#slices.keys()) if (known < needed) this.#slices.delete(known);
  }

  #slice(z: number): Slice {
    const slice = this.#slices.get(z);
    if (slice === undefined) throw new RangeError(`slice ${z} of the logits is not there`);
    return slice;
  }

  /** Labels of one slice of the result. */
  #label(z: number): void {
    const [tx, ty, tz] = this.#tables;
    const [nx, ny] = this.#to;
    const width = this.#from[0];
    const labels = this.#labels;
    const a = this.#slice(tz.below[z]);
    const b = this.#slice(tz.above[z]);
    if (tx.isSame && ty.isSame && tz.fraction[z] === 0) {
      labels.set(a.label, z * nx * ny);
      return;
    }
    if (this.#between?.[0] !== tz.below[z] || this.#between[1] !== tz.above[z]) {
      this.#between = [tz.below[z], tz.above[z]];
      decide(a, b, this.#from, this.#decided);
      this.#asked.fill(OPEN);
      this.#used = 0;
    }
    for (let y = 0; y < ny; y++) {
      const row = ty.below[y] * width;
      const to = nx * (y + ny * z);
      for (let x = 0; x < nx; x++) {
        const label = this.#decided[row + tx.below[x]];
        labels[to + x] = label === OPEN ? this.#compare(a, b, x, y, tz.fraction[z]) : label;
      }
    }
  }

  /** The label of one voxel of an open cell. The order of operations is that of `SlabResize`. */
  #compare(a: Slice, b: Slice, x: number, y: number, t: number): number {
    const [tx, ty] = this.#tables;
    const width = this.#from[0];
    const area = width * this.#from[1];
    const lowRow = ty.below[y] * width;
    const highRow = ty.above[y] * width;
    const lowX = tx.below[x];
    const highX = tx.above[x];
    const u = tx.fraction[x];
    const v = ty.fraction[y];
    const cell = lowRow + lowX;
    if (this.#asked[cell] === OPEN) this.#ask(a, b, cell);
    const start = this.#asked[cell];
    const count = this.#candidates[start];
    let best = Number.NEGATIVE_INFINITY;
    let label = 0;
    for (let n = 1; n <= count; n++) {
      const c = this.#candidates[start + n];
      const from = c * area;
      const low = plane(a.values, from + lowRow, from + highRow, lowX, highX, u, v);
      const value =
        t === 0 ? low : (1 - t) * low + t * plane(b.values, from + lowRow, from + highRow, lowX, highX, u, v);
      // Rounding keeps the order: what is not larger before it is not larger after it, and what is larger by more than
      // a step stays so. Only between the two must it be done.
      if (!(value > best)) continue;
      const step = Math.max(Math.abs(value), Math.abs(best)) * this.#step + SMALLEST_STEP;
      if (value - best > step || this.#rounded(value) > this.#rounded(best)) {
        best = value;
        label = c;
      }
    }
    return label;
  }

  #rounded(value: number): number {
    return this.#isHalf ? roundedToFloat16(value) : Math.fround(value);
  }

  /** Which classes may win in a cell: all whose largest corner is not below another one's smallest. */
  #ask(a: Slice, b: Slice, cell: number): void {
    const [width, height] = this.#from;
    const area = width * height;
    const x = cell % width;
    const right = x + 1 < width ? 1 : 0;
    const down = cell + width < area ? width : 0;
    const slices = a === b ? [a.values] : [a.values, b.values];
    const lowest = this.#lowest;
    const highest = this.#highest;
    let floor = Number.NEGATIVE_INFINITY;
    for (let c = 0; c < this.#classes; c++) {
      let low = Number.POSITIVE_INFINITY;
      let high = Number.NEGATIVE_INFINITY;
      for (const values of slices) {
        for (let corner = 0; corner < 4; corner++) {
          const at = c * area + cell + (corner & 1) * right + (corner >> 1) * down;
          const value = values[at];
          if (value < low) low = value;
          if (value > high) high = value;
        }
      }
      lowest[c] = low;
      highest[c] = high;
      if (low > floor) floor = low;
    }
    if (this.#used + this.#classes + 1 > this.#candidates.length) {
      const larger = new Uint16Array(2 * this.#candidates.length + this.#classes);
      larger.set(this.#candidates);
      this.#candidates = larger;
    }
    const start = this.#used++;
    for (let c = 0; c < this.#classes; c++) if (highest[c] >= floor) this.#candidates[this.#used++] = c;
    this.#candidates[start] = this.#used - start - 1;
    this.#asked[cell] = start;
  }
}

function firstAndSecond(values: readonly Float32Array[]) {
  const length = values[0].length;
  const label = new Uint16Array(length);
  const largest = new Float32Array(length).fill(Number.NEGATIVE_INFINITY);
  const second = new Float32Array(length).fill(Number.NEGATIVE_INFINITY);
  for (const [c, of] of values.entries()) {
    for (let i = 0; i < length; i++) {
      const value = of[i];
      if (value > largest[i]) {
        second[i] = largest[i];
        largest[i] = value;
        label[i] = c;
      } else if (value > second[i]) second[i] = value;
    }
  }
  return { label, largest, second };
}

/** Cells between two slices, and to the right and below of each voxel: the label that all corners give, if it holds. */
function decide(a: Slice, b: Slice, [width, height]: Size3, decided: Int32Array): void {
  for (let y = 0; y < height; y++) {
    const down = y + 1 < height ? width : 0;
    for (let x = 0; x < width; x++) {
      const right = x + 1 < width ? 1 : 0;
      const i = x + width * y;
      const label = a.label[i];
      decided[i] =
        a.label[i + right] === label &&
        a.label[i + down] === label &&
        a.label[i + down + right] === label &&
        b.label[i] === label &&
        b.label[i + right] === label &&
        b.label[i + down] === label &&
        b.label[i + down + right] === label &&
        Math.min(fewest(a.largest, i, right, down), fewest(b.largest, i, right, down)) >
          Math.max(most(a.second, i, right, down), most(b.second, i, right, down))
          ? label
          : OPEN;
    }
  }
}

function fewest(values: Float32Array, i: number, right: number, down: number): number {
  return Math.min(values[i], values[i + right], values[i + down], values[i + down + right]);
}

function most(values: Float32Array, i: number, right: number, down: number): number {
  return Math.max(values[i], values[i + right], values[i + down], values[i + down + right]);
}

/** Between four voxels of a slice: along x first, then along y. */
function plane(
  values: Float32Array,
  low: number,
  high: number,
  left: number,
  right: number,
  u: number,
  v: number,
): number {
  const first = u === 0 ? values[low + left] : (1 - u) * values[low + left] + u * values[low + right];
  if (v === 0) return first;
  const second = u === 0 ? values[high + left] : (1 - u) * values[high + left] + u * values[high + right];
  return (1 - v) * first + v * second;
}
