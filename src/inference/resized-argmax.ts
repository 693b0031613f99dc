import type { Size3 } from "#src/imaging/affine.js";
import { type AxisOrders, type AxisTable, axisTables, type GridsMeet } from "#src/imaging/slab-resize.js";
import { WINDOW_BYTES } from "./memory-terms.js";
import { type BandOptions, RowBand, rowBytes } from "./row-band.js";

/** How logits are brought to the grid of the labels. */
export interface LogitsResize {
  /** Grid of the logits. */
  readonly from: Size3;
  /** Grid of the labels. */
  readonly to: Size3;
  readonly orders: AxisOrders;
  readonly meet: GridsMeet;
}

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
 * Holds two slices of logits, in single precision, or one where no slice of the result lies between two; in as many
 * memories, a band of rows each, as large slices of many classes need.
 */
export class ResizedArgmax {
  readonly #to: Size3;
  readonly #slices: AxisTable;
  readonly #labels: Uint8Array | Uint16Array;
  readonly #bands: readonly RowBand[];
  /** The slice that each of the places holds. */
  readonly #held: number[];
  #next = 0;

  /**
   * @param labels where the labels go, on the new grid, x fastest
   * @param bandBytes how large a memory may be
   * @throws {PipelineError} `MemoryInsufficient` when there is none
   */
  constructor(
    { from, to, orders, meet }: LogitsResize,
    { classes, precision }: { classes: number; precision: "float16" | "float32" },
    labels: Uint8Array | Uint16Array,
    bandBytes: number = WINDOW_BYTES,
  ) {
    this.#to = to;
    this.#labels = labels;
    const [x, y, z] = axisTables(from, to, orders, meet);
    this.#slices = z;
    const places = placesOf(z);
    this.#held = new Array<number>(places).fill(-1);
    const options = { width: from[0], classes, precision, x, y, places, depth: mostBetween(z) };
    this.#bands = bandsOf(options, from[1], bandBytes);
  }

  /** Slices of the result that are done. */
  get done(): number {
    return this.#next;
  }

  /**
   * Takes a slice; slices come in their order.
   *
   * @param classes one array a class, of numbers that have the precision; they are copied
   */
  addSlice(z: number, classes: readonly Float32Array[]): void {
    const { below, above, fraction } = this.#slices;
    const end = this.#to[2];
    // A slice that lies between no two of the result.
    if (this.#next === end || (below[this.#next] ?? 0) > z) return;
    const place = z % this.#held.length;
    for (const band of this.#bands) band.add(place, classes);
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
    const places = this.#held.length;
    for (const k of [low, high]) {
      if (this.#held[k % places] !== k) throw new RangeError(`slice ${k} of the logits is not there`);
    }
    const labels = this.#labels.subarray(z * this.#to[0] * this.#to[1]);
    for (const band of this.#bands) band.label([low % places, high % places], fractions, labels);
  }
}

/** As few bands as there may be, alike. */
function bandsOf(options: BandOptions, rows: number, bandBytes: number): readonly RowBand[] {
  const { logits, result } = rowBytes(options);
  const end = options.y.below.length;
  const count = Math.min(end, Math.ceil((rows * logits + end * result) / bandBytes));
  const at = (n: number) => Math.floor((n * end) / count);
  return Array.from({ length: count }, (_, n) => new RowBand(options, at(n), at(n + 1)));
}

/** How many slices of logits are held at once. */
export function slicesHeld({ from, to, orders, meet }: LogitsResize): 1 | 2 {
  return placesOf(axisTables(from, to, orders, meet)[2]);
}

function placesOf({ below, above }: AxisTable): 1 | 2 {
  return below.some((slice, n) => slice !== above[n]) ? 2 : 1;
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
