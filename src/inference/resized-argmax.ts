import type { Size3 } from "#src/imaging/affine.js";
import { type AxisOrders, type AxisTable, axisTables, type GridsMeet } from "#src/imaging/slab-resize.js";
import { type OpenKernel, openKernel } from "./logits-kernel.js";

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
 * Holds two slices of logits, in single precision.
 */
export class ResizedArgmax {
  readonly #to: Size3;
  readonly #tables: readonly [AxisTable, AxisTable, AxisTable];
  readonly #labels: Uint8Array | Uint16Array;
  readonly #kernel: OpenKernel["kernel"];
  /** Addresses: of what the kernel works with; of fractions and labels of the slices of the result. */
  readonly #job: number;
  readonly #fractionsAt: number;
  readonly #foundAt: number;
  readonly #given: Float32Array;
  readonly #fractions: Float64Array;
  readonly #found: Uint16Array;
  /** The slice that each of the two places holds. */
  readonly #held: [number, number] = [-1, -1];
  #next = 0;

  /** @param labels where the labels go, on the new grid, x fastest */
  constructor(
    { from, to, orders, meet }: { from: Size3; to: Size3; orders: AxisOrders; meet: GridsMeet },
    { classes, precision }: { classes: number; precision: "float16" | "float32" },
    labels: Uint8Array | Uint16Array,
  ) {
    this.#to = to;
    this.#tables = axisTables(from, to, orders, meet);
    this.#labels = labels;
    const [width, height] = from;
    // Whole vectors, and another one for the neighbours of the last voxels.
    const stride = 4 * Math.ceil(width / 4) + 4;
    const depth = mostBetween(this.#tables[2]);
    const area = stride * height;
    const tables = this.#tables.slice(0, 2);
    const { kernel, memory, places } = openKernel(({ jobSize }) => [
      ...[jobSize(), 4 * width * height, 8 * depth, 2 * depth * to[0] * to[1]],
      ...[4 * stride, 2 * stride * classes, 4 * stride, 16 * classes],
      ...tables.flatMap(({ below, above, fraction }) => [below.byteLength, above.byteLength, fraction.byteLength]),
      ...[0, 1].flatMap(() => [4 * area * classes, 4 * area, 4 * area, 4 * area]),
    ]);
    const at = places[Symbol.iterator]();
    const next = (): number => at.next().value ?? 0;
    this.#kernel = kernel;
    this.#job = next();
    this.#given = new Float32Array(memory, next(), width * height);
    this.#fractionsAt = next();
    this.#fractions = new Float64Array(memory, this.#fractionsAt, depth);
    this.#foundAt = next();
    this.#found = new Uint16Array(memory, this.#foundAt, depth * to[0] * to[1]);
    kernel.setGrid(this.#job, width, height, stride, classes, precision === "float16" ? 1 : 0);
    kernel.setRow(this.#job, next(), next(), next(), next());
    for (const [axis, { below, above, fraction }] of tables.entries()) {
      const [belowAt, aboveAt, fractionAt] = [next(), next(), next()];
      new Int32Array(memory, belowAt, below.length).set(below);
      new Int32Array(memory, aboveAt, above.length).set(above);
      new Float64Array(memory, fractionAt, fraction.length).set(fraction);
      kernel.setAxis(this.#job, axis === 0 ? 0 : 1, belowAt, aboveAt, fractionAt, below.length);
    }
    for (const n of [0, 1]) kernel.setSlice(this.#job, n, next(), next(), next(), next());
  }

  /**
   * Takes a slice; slices come in their order.
   *
   * @param classes one array a class, of numbers that have the precision; they are copied
   */
  addSlice(z: number, classes: readonly Float32Array[]): void {
    const { below, above, fraction } = this.#tables[2];
    const end = this.#to[2];
    // A slice that lies between no two of the result.
    if (this.#next === end || (below[this.#next] ?? 0) > z) return;
    const place = z & 1;
    for (const [c, values] of classes.entries()) {
      this.#given.set(values);
      this.#kernel.placeClass(this.#job, place, c, this.#given.byteOffset);
    }
    this.#kernel.rankSlice(this.#job, place);
    this.#held[place] = z;
    while (this.#next < end && (above[this.#next] ?? 0) <= z) {
      const first = this.#next;
      const [low = 0, high = 0] = [below[first], above[first]];
      while (this.#next < end && below[this.#next] === low && above[this.#next] === high) this.#next++;
      this.#label(first, [low, high], fraction.subarray(first, this.#next));
    }
  }

  /** Labels of slices of the result that lie between the same two of the logits. */
  #label(z: number, [low, high]: readonly [number, number], fractions: Float64Array): void {
    for (const k of [low, high]) {
      if (this.#held[k & 1] !== k) throw new RangeError(`slice ${k} of the logits is not there`);
    }
    const [tx, ty] = this.#tables;
    const area = this.#to[0] * this.#to[1];
    const isAsItIs = tx.isSame && ty.isSame && low === high;
    if (isAsItIs) this.#kernel.copyLabels(this.#job, low & 1, this.#foundAt);
    else {
      this.#fractions.set(fractions);
      this.#kernel.labelSlices(this.#job, low & 1, high & 1, this.#fractionsAt, fractions.length, this.#foundAt);
    }
    for (let n = 0; n < fractions.length; n++) {
      const from = isAsItIs ? 0 : n * area;
      this.#labels.set(this.#found.subarray(from, from + area), (z + n) * area);
    }
  }
}

/** How many slices of the result lie between the same two slices at most. */
function mostBetween({ below, above }: AxisTable): number {
  let most = 0;
  let run = 0;
  for (let z = 0; z < below.length; z++) {
    run = z > 0 && below[z] === below[z - 1] && above[z] === above[z - 1] ? run + 1 : 1;
    most = Math.max(most, run);
  }
  return most;
}
