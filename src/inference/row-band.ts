import type { AxisTable } from "#src/imaging/slab-resize.js";
import { type OpenKernel, openKernel } from "./logits-kernel.js";

/** What a band is part of. */
export interface BandOptions {
  /** Voxels of a row of the logits. */
  readonly width: number;
  readonly classes: number;
  readonly precision: "float16" | "float32";
  readonly x: AxisTable;
  readonly y: AxisTable;
  /** How many slices of logits are held: 2, or 1 where no slice of the result lies between two. */
  readonly places: 1 | 2;
  /** Slices of the result that are labelled at once at most. */
  readonly depth: number;
}

/** Bytes that a row of logits and a row of the result take of a band's memory. */
export function rowBytes({ width, classes, x, places, depth }: BandOptions): {
  readonly logits: number;
  readonly result: number;
} {
  return { logits: 4 * (places * (classes + 3) * strideOf(width) + width), result: 2 * depth * x.below.length };
}

/**
 * Rows [from, end) of the result of `ResizedArgmax`, and the rows of logits that they are made of, in a memory of their
 * own.
 */
export class RowBand {
  readonly #options: BandOptions;
  readonly #isAsItIs: boolean;
  /** First row of the logits that is held. */
  readonly #first: number;
  readonly #from: number;
  readonly #kernel: OpenKernel["kernel"];
  /** Addresses: of what the kernel works with; of fractions and labels of the slices of the result. */
  readonly #job: number;
  readonly #fractionsAt: number;
  readonly #foundAt: number;
  readonly #given: Float32Array;
  readonly #fractions: Float64Array;
  readonly #found: Uint16Array;

  /** @throws {PipelineError} `MemoryInsufficient` when there is none */
  constructor(options: BandOptions, from: number, end: number) {
    this.#options = options;
    this.#from = from;
    const { width, classes, precision, x, places: held, depth } = options;
    const y = part(options.y, from, end);
    this.#isAsItIs = x.isSame && y.isSame;
    this.#first = y.first;
    const stride = strideOf(width);
    const area = stride * y.rows;
    const found = depth * x.below.length * (end - from);
    const { kernel, memory, places } = openKernel(({ jobSize }) => [
      ...[jobSize(), 4 * width * y.rows, 8 * depth, 2 * found],
      ...[4 * stride, 2 * stride * classes, 4 * stride * classes, 4 * stride, 16 * classes],
      ...[x, y].flatMap(({ below, above, fraction }) => [below.byteLength, above.byteLength, fraction.byteLength]),
      ...Array.from({ length: held }, () => [4 * area * classes, 4 * area, 4 * area, 4 * area]).flat(),
    ]);
    const at = places[Symbol.iterator]();
    const next = (): number => at.next().value ?? 0;
    this.#kernel = kernel;
    this.#job = next();
    this.#given = new Float32Array(memory, next(), width * y.rows);
    this.#fractionsAt = next();
    this.#fractions = new Float64Array(memory, this.#fractionsAt, depth);
    this.#foundAt = next();
    this.#found = new Uint16Array(memory, this.#foundAt, found);
    kernel.setGrid(this.#job, width, y.rows, stride, classes, precision === "float16" ? 1 : 0);
    kernel.setRow(this.#job, next(), next(), next(), next(), next());
    for (const [axis, { below, above, fraction }] of [x, y].entries()) {
      const [belowAt, aboveAt, fractionAt] = [next(), next(), next()];
      new Int32Array(memory, belowAt, below.length).set(below);
      new Int32Array(memory, aboveAt, above.length).set(above);
      new Float64Array(memory, fractionAt, fraction.length).set(fraction);
      kernel.setAxis(this.#job, axis === 0 ? 0 : 1, belowAt, aboveAt, fractionAt, below.length);
    }
    for (let n = 0; n < held; n++) kernel.setSlice(this.#job, n, next(), next(), next(), next());
  }

  /** Takes its rows of a slice of logits, one array a class, to a place. */
  add(place: number, classes: readonly Float32Array[]): void {
    const start = this.#first * this.#options.width;
    for (const [c, values] of classes.entries()) {
      this.#given.set(values.subarray(start, start + this.#given.length));
      this.#kernel.placeClass(this.#job, place, c, this.#given.byteOffset);
    }
    this.#kernel.rankSlice(this.#job, place);
  }

  /**
   * Labels of slices that lie between those of two places, or on that of one, each at its fraction of the way.
   *
   * @param labels of whole slices, the first one's first
   */
  label([low, high]: readonly [number, number], fractions: Float64Array, labels: Uint8Array | Uint16Array): void {
    const isAsItIs = this.#isAsItIs && low === high;
    if (isAsItIs) this.#kernel.copyLabels(this.#job, low, this.#foundAt);
    else {
      this.#fractions.set(fractions);
      this.#kernel.labelSlices(this.#job, low, high, this.#fractionsAt, fractions.length, this.#foundAt);
    }
    const { x, y, depth } = this.#options;
    const width = x.below.length;
    const band = this.#found.length / depth;
    for (let n = 0; n < fractions.length; n++) {
      const from = isAsItIs ? 0 : n * band;
      labels.set(this.#found.subarray(from, from + band), width * (n * y.below.length + this.#from));
    }
  }
}

/** Whole vectors, and another one for the neighbours of the last voxels. */
function strideOf(width: number): number {
  return 4 * Math.ceil(width / 4) + 4;
}

/** Of an axis the voxels [from, end) of the result, and as if the old axis had but those that they are made of. */
function part({ below, above, fraction, isSame }: AxisTable, from: number, end: number) {
  const first = below[from] ?? 0;
  const shifted = (neighbours: Int32Array) => neighbours.subarray(from, end).map((voxel) => voxel - first);
  return {
    first,
    rows: (above[end - 1] ?? 0) - first + 1,
    ...{ below: shifted(below), above: shifted(above), fraction: fraction.slice(from, end), isSame },
  };
}
