import { type OpenKernel, openKernel } from "./logits-kernel.js";

/** Called with each slice of logits in their order: one array a class, valid until the call ends. */
export type OnSlice = (z: number, classes: readonly Float32Array[]) => void;

/**
 * Mean of the logits of several networks (folds) that are run side by side, slice by slice, in the order of the
 * networks. In half precision every sum and the quotient are rounded, as nnU-Net's are
 * (`predict_logits_from_preprocessed_data`), and sums take two bytes.
 */
export class FoldMean {
  readonly #folds: number;
  readonly #onSlice: OnSlice;
  readonly #adder: Adder | null;
  readonly #means: readonly Float32Array[];
  /** Sums of the slices that not every network has come to, class after class. */
  readonly #sums = new Map<number, Uint8Array>();
  #areMeansFinite = true;

  /**
   * @param area voxels of a slice
   * @throws {PipelineError} `MemoryInsufficient`
   */
  constructor(
    folds: number,
    { area, classes, precision }: { area: number; classes: number; precision: "float16" | "float32" },
    onSlice: OnSlice,
  ) {
    this.#folds = folds;
    this.#onSlice = onSlice;
    this.#adder = folds === 1 ? null : new Adder(area, precision, folds);
    this.#means = Array.from({ length: folds === 1 ? 0 : classes }, () => new Float32Array(area));
  }

  /** Whether every mean of several networks is finite: sums of finite logits may go beyond their precision. */
  get areMeansFinite(): boolean {
    return this.#areMeansFinite;
  }

  /** Takes a slice of one network, one array a class; each network's slices come in the order of the networks. */
  add(fold: number, z: number, classes: readonly Float32Array[]): void {
    const adder = this.#adder;
    if (adder === null) {
      this.#onSlice(z, classes);
      return;
    }
    if (fold === 0) this.#sums.set(z, new Uint8Array(classes.length * adder.bytes));
    const sums = this.#sums.get(z);
    if (sums === undefined) throw new RangeError(`slice ${z} of network ${fold} comes before that of the first`);
    const isLast = fold === this.#folds - 1;
    for (const [c, values] of classes.entries()) {
      const own = sums.subarray(c * adder.bytes, (c + 1) * adder.bytes);
      adder.add(own, values);
      if (!isLast) {
        own.set(adder.sums);
        continue;
      }
      const { mean, areFinite } = adder.take();
      this.#means[c]?.set(mean);
      if (!areFinite) this.#areMeansFinite = false;
    }
    if (!isLast) return;
    this.#sums.delete(z);
    this.#onSlice(z, this.#means);
  }
}

/** Adds one class of a slice at a time in the kernel, which adds answers times weights: here each weight is 1. */
class Adder {
  /** Bytes of the sums of a class. */
  readonly bytes: number;
  /** Of the class that was added last. */
  readonly sums: Uint8Array;
  readonly #kernel: OpenKernel["kernel"];
  readonly #isHalf: boolean;
  readonly #values: Float32Array;
  readonly #ones: Float32Array;
  readonly #folds: Float32Array;
  readonly #mean: Float32Array;

  constructor(area: number, precision: "float16" | "float32", folds: number) {
    this.#isHalf = precision === "float16";
    this.bytes = (this.#isHalf ? 2 : 4) * area;
    const { kernel, memory, places } = openKernel(() => [this.bytes, ...new Array<number>(4).fill(4 * area)]);
    const [sums = 0, values = 0, ones = 0, divisors = 0, mean = 0] = places;
    this.#kernel = kernel;
    this.sums = new Uint8Array(memory, sums, this.bytes);
    this.#values = new Float32Array(memory, values, area);
    this.#ones = new Float32Array(memory, ones, area).fill(1);
    this.#folds = new Float32Array(memory, divisors, area).fill(folds);
    this.#mean = new Float32Array(memory, mean, area);
  }

  add(sums: Uint8Array, values: Float32Array): void {
    this.sums.set(sums);
    this.#values.set(values);
    const { addHalf, addSingle } = this.#kernel;
    const add = this.#isHalf ? addHalf : addSingle;
    const area = values.length;
    add(this.sums.byteOffset, area, this.#values.byteOffset, this.#ones.byteOffset, area, 1);
  }

  /** Mean of the sums that are there, valid until the next one. */
  take(): { readonly mean: Float32Array; readonly areFinite: boolean } {
    const { takeHalf, takeSingle } = this.#kernel;
    const take = this.#isHalf ? takeHalf : takeSingle;
    const mean = this.#mean;
    const taken = take(this.sums.byteOffset, this.#folds.byteOffset, mean.byteOffset, mean.length);
    return { mean, areFinite: taken === 1 };
  }
}
