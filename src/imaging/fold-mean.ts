import { roundRangeToFloat16 } from "./float16.js";

/** Called with each slice of logits in their order: one array a class, valid until the call ends. */
export type OnSlice = (z: number, classes: readonly Float32Array[]) => void;

/**
 * Mean of the logits of several networks (folds) that are run side by side, slice by slice, in the order of the
 * networks. In half precision every sum and the quotient are rounded, as nnU-Net's are
 * (`predict_logits_from_preprocessed_data`).
 */
export class FoldMean {
  readonly #folds: number;
  readonly #precision: "float16" | "float32";
  readonly #onSlice: OnSlice;
  /** Sums of the slices that not every network has come to. */
  readonly #sums = new Map<number, Float32Array[]>();

  constructor(folds: number, precision: "float16" | "float32", onSlice: OnSlice) {
    this.#folds = folds;
    this.#precision = precision;
    this.#onSlice = onSlice;
  }

  /** Takes a slice of one network, one array a class; each network's slices come in the order of the networks. */
  add(fold: number, z: number, classes: readonly Float32Array[]): void {
    if (this.#folds === 1) {
      this.#onSlice(z, classes);
      return;
    }
    if (fold === 0) {
      this.#sums.set(
        z,
        classes.map((values) => values.slice()),
      );
      return;
    }
    const sums = this.#sums.get(z);
    if (sums === undefined) throw new RangeError(`slice ${z} of network ${fold} comes before that of the first`);
    for (const [c, values] of classes.entries()) {
      const sum = sums[c];
      for (let i = 0; i < sum.length; i++) sum[i] += values[i];
      this.#round(sum);
    }
    if (fold < this.#folds - 1) return;
    for (const sum of sums) {
      for (let i = 0; i < sum.length; i++) sum[i] /= this.#folds;
      this.#round(sum);
    }
    this.#sums.delete(z);
    this.#onSlice(z, sums);
  }

  #round(values: Float32Array): void {
    if (this.#precision === "float16") roundRangeToFloat16(values, new Uint32Array(values.buffer), 0, values.length);
  }
}
