import type { Size3 } from "#src/imaging/affine.js";
import type { OnSlice } from "./fold-mean.js";
import { type OpenKernel, openKernel } from "./logits-kernel.js";
import { WINDOW_BYTES } from "./memory-terms.js";
import type { Slab } from "./slab.js";

export interface TileFrontOptions {
  /** Voxels of the whole volume along x, y, z. */
  readonly size: Size3;
  /** Voxels of a tile along x, y, z. */
  readonly patch: Size3;
  readonly classes: number;
  /** One weight a voxel of the tile, x fastest. */
  readonly weights: Float32Array;
  /**
   * float16: sums are kept in half precision, rounded after every addition, and so is the quotient, as nnU-Net's are
   * (`torch.half` accumulators). float32: single precision.
   */
  readonly precision: "float16" | "float32";
}

/** What lies together in a memory: so many classes, and of a window so many slices. */
export interface WindowShare {
  readonly classes: number;
  readonly slices: number;
}

/**
 * Classes share a memory as long as there is room for their whole windows; a window that none has room for is spread
 * over several.
 *
 * @param windowBytes how large the sums in a memory may be
 */
export function windowShare(
  { size, patch, classes, precision }: Omit<TileFrontOptions, "weights">,
  windowBytes: number = WINDOW_BYTES,
): WindowShare {
  const slice = size[0] * size[1] * (precision === "float16" ? 2 : 4);
  const slices = Math.min(patch[2], Math.max(1, Math.floor(windowBytes / slice)));
  return { slices, classes: Math.min(classes, Math.max(1, Math.floor(windowBytes / (slice * patch[2])))) };
}

/**
 * Blends weighted tiles into one volume of `classes` channels and gives every slice away as soon as the window has
 * passed it. Memory: (classes + 1) x tile depth x slice x 2 or 4 bytes, by the precision, whatever the volume's length.
 */
export class TileFront {
  readonly #options: TileFrontOptions;
  readonly #onSlice: OnSlice;
  readonly #windows: readonly ClassWindow[];
  #front = 0;
  #areMeansFinite = true;

  /**
   * @param onSlice gets each slice that no later tile touches
   * @param windowBytes how large the sums in a memory may be
   * @throws {PipelineError} `MemoryInsufficient` when the window's memory is not to be had
   */
  constructor(options: TileFrontOptions, onSlice: OnSlice, windowBytes: number = WINDOW_BYTES) {
    this.#options = options;
    this.#onSlice = onSlice;
    const { patch, classes } = options;
    const share = windowShare(options, windowBytes);
    this.#windows = cuts(classes, share.classes).flatMap((its) =>
      cuts(patch[2], share.slices).map((slices) => new ClassWindow(options, its, slices)),
    );
  }

  /**
   * Adds some slices of a tile. Tiles come in ascending order of their first slice, each slice of them once.
   *
   * @param start first voxel of the tile along x, y, z
   * @returns whether all values are finite
   * @throws {RangeError} when the tile starts before a slice that was given away
   */
  add(start: Size3, slab: Omit<Slab, "tile">): boolean {
    if (start[2] < this.#front) throw new RangeError(`tile starts at slice ${start[2]}, the front is ${this.#front}`);
    this.#giveAwayTo(start[2]);
    let areFinite = true;
    for (const window of this.#windows) areFinite = window.add(start, slab) && areFinite;
    return areFinite;
  }

  /** Whether every number that was given away is finite: sums of finite values may go beyond their precision. */
  get areMeansFinite(): boolean {
    return this.#areMeansFinite;
  }

  /** Gives away what is left. */
  finish(): void {
    this.#giveAwayTo(this.#options.size[2]);
  }

  #giveAwayTo(end: number): void {
    for (; this.#front < end; this.#front++) {
      const z = this.#front;
      const taken = this.#windows.map((window) => window.take(z));
      if (taken.some(({ areFinite }) => !areFinite)) this.#areMeansFinite = false;
      this.#onSlice(
        z,
        taken.flatMap(({ means }) => means),
      );
    }
  }
}

/** From a number on, before another one. */
type Range = readonly [first: number, end: number];

/** Ranges of so many at most that all together are [0, count). */
function cuts(count: number, most: number): readonly Range[] {
  return Array.from({ length: Math.ceil(count / most) }, (_, n) => [n * most, Math.min(count, (n + 1) * most)]);
}

/**
 * Sums of some classes and of weights: of slices [front, front + tile depth), of which slice z is that of z modulo the
 * depth, those of some.
 */
class ClassWindow {
  readonly #options: TileFrontOptions;
  readonly #first: number;
  readonly #slices: Range;
  readonly #kernel: OpenKernel["kernel"];
  /** Addresses: of the sums, those of weights first; of the tile's weights; of a slice of answers, and of sums of weights. */
  readonly #sums: number;
  readonly #weights: number;
  readonly #answers: number;
  readonly #divisors: number;
  readonly #slice: Float32Array;
  readonly #means: readonly Float32Array[];
  readonly #bytes: 2 | 4;

  constructor(options: TileFrontOptions, [first, end]: Range, slices: Range) {
    this.#options = options;
    this.#first = first;
    this.#slices = slices;
    const { size, patch, precision, weights } = options;
    this.#bytes = precision === "float16" ? 2 : 4;
    const classes = end - first;
    const area = size[0] * size[1];
    const answer = patch[0] * patch[1];
    const sums = (1 + classes) * area * (slices[1] - slices[0]) * this.#bytes;
    const { kernel, memory, places } = openKernel(() => [
      ...[sums, 4 * weights.length, 4 * answer],
      ...[4 * area, 4 * classes * area],
    ]);
    const [atSums = 0, atWeights = 0, atAnswers = 0, atDivisors = 0, atMeans = 0] = places;
    this.#kernel = kernel;
    this.#sums = atSums;
    this.#weights = atWeights;
    this.#answers = atAnswers;
    this.#divisors = atDivisors;
    new Float32Array(memory, atWeights, weights.length).set(weights);
    this.#slice = new Float32Array(memory, atAnswers, answer);
    this.#means = Array.from({ length: classes }, (_, c) => new Float32Array(memory, atMeans + 4 * c * area, area));
  }

  add(start: Size3, { first, slices, logits, offset, stride }: Omit<Slab, "tile">): boolean {
    const { patch } = this.#options;
    const area = patch[0] * patch[1];
    this.#slice.fill(1);
    const own = Array.from({ length: slices }, (_, n) => first + n).filter((z) => this.#holds(start[2] + z));
    for (const z of own) this.#addSlice(0, start, z);
    let areFinite = true;
    for (let c = 0; c < this.#means.length; c++) {
      for (const z of own) {
        const from = offset + (this.#first + c) * stride + (z - first) * area;
        this.#slice.set(logits.subarray(from, from + area));
        if (!this.#addSlice(1 + c, start, z)) areFinite = false;
      }
    }
    return areFinite;
  }

  /** Adds what lies in the slice of answers to plane `n`. */
  #addSlice(n: number, start: Size3, z: number): boolean {
    const { size, patch, precision } = this.#options;
    const { addHalf, addSingle } = this.#kernel;
    const add = precision === "float16" ? addHalf : addSingle;
    const to = this.#place(n, start[2] + z) + this.#bytes * (start[0] + size[0] * start[1]);
    const weights = this.#weights + 4 * z * patch[0] * patch[1];
    return add(to, size[0], this.#answers, weights, patch[0], patch[1]) === 1;
  }

  /** Means of a slice by class, none of one that it does not hold, and whether all are finite; its sums become zero. */
  take(z: number): { readonly means: readonly Float32Array[]; readonly areFinite: boolean } {
    if (!this.#holds(z)) return { means: [], areFinite: true };
    const area = this.#options.size[0] * this.#options.size[1];
    const isHalf = this.#options.precision === "float16";
    const { takeHalf, takeSingle, unpackHalf, memory } = this.#kernel;
    const weights = this.#place(0, z);
    if (isHalf) unpackHalf(weights, this.#divisors, area);
    let areFinite = true;
    for (const [c, { byteOffset: means }] of this.#means.entries()) {
      const sums = this.#place(1 + c, z);
      const taken = isHalf ? takeHalf(sums, this.#divisors, means, area) : takeSingle(sums, weights, means, area);
      if (taken !== 1) areFinite = false;
    }
    new Uint8Array(memory.buffer, weights, this.#bytes * area).fill(0);
    return { means: this.#means, areFinite };
  }

  #holds(z: number): boolean {
    const [first, end] = this.#slices;
    const slice = z % this.#options.patch[2];
    return slice >= first && slice < end;
  }

  /** Address of a slice of plane `n`. */
  #place(n: number, z: number): number {
    const { size, patch } = this.#options;
    const [first, end] = this.#slices;
    return this.#sums + this.#bytes * size[0] * size[1] * (n * (end - first) + (z % patch[2]) - first);
  }
}
