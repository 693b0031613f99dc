/**
 * Running argmax over classes that arrive one at a time, so that only one class is held on the target grid.
 * The first maximum wins, as with numpy's argmax. Beside it the softmax denominator is kept (online softmax,
 * Milakov and Gimelshein 2018), so that any class's probability can be had by a second pass over that class alone.
 */
export class RunningArgmax {
  readonly labels: Uint8Array | Uint16Array;
  readonly #best: Float32Array;
  readonly #scaledSum: Float32Array | null;
  #next = 0;

  /**
   * @param classes number of classes that will be added, in the order of their values from 0
   * @param withProbabilities whether `probability` will be called: costs an exponential a voxel and class
   */
  constructor(voxels: number, classes: number, withProbabilities: boolean) {
    this.labels = classes <= 256 ? new Uint8Array(voxels) : new Uint16Array(voxels);
    this.#best = new Float32Array(voxels).fill(Number.NEGATIVE_INFINITY);
    this.#scaledSum = withProbabilities ? new Float32Array(voxels) : null;
  }

  /** Takes the logits of the next class. */
  add(logits: Float32Array): void {
    const label = this.#next++;
    const best = this.#best;
    const sum = this.#scaledSum;
    for (let i = 0; i < logits.length; i++) {
      const value = logits[i];
      const isBest = value > best[i];
      if (sum !== null) sum[i] = isBest ? sum[i] * Math.exp(best[i] - value) + 1 : sum[i] + Math.exp(value - best[i]);
      if (isBest) {
        best[i] = value;
        this.labels[i] = label;
      }
    }
  }

  /**
   * Softmax probability of a class whose logits are given again, after all were added.
   *
   * @throws {TypeError} when constructed without probabilities
   */
  probability(logits: Float32Array): Float32Array {
    const sum = this.#scaledSum;
    if (sum === null) throw new TypeError("probabilities were not asked for when this was constructed");
    const out = new Float32Array(logits.length);
    for (let i = 0; i < out.length; i++) out[i] = Math.exp(logits[i] - this.#best[i]) / sum[i];
    return out;
  }
}
