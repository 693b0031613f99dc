// Shannon entropies as shares of the largest that there can be, so that 0 is certain and 1 knows nothing: of C classes
// over ln C, of a region that is there or not over ln 2.

/**
 * Entropy of the softmax over classes whose logits come one class after another, for many voxels at once and without
 * ever holding more than one class. With m the largest logit, S = sum of e^(z - m) and U = sum of (z - m) e^(z - m),
 * it is ln S - U / S. A larger logit rescales both sums, as in the online softmax (Milakov and Gimelshein 2018): with
 * d = m_old - m_new, U becomes e^d (U + d S) and S becomes e^d S.
 */
export class SoftmaxEntropy {
  readonly #largest: Float32Array;
  readonly #sum: Float32Array;
  readonly #moment: Float32Array;
  #classes = 0;

  /** @param voxels how many there are at once at most */
  constructor(voxels: number) {
    this.#largest = new Float32Array(voxels);
    this.#sum = new Float32Array(voxels);
    this.#moment = new Float32Array(voxels);
  }

  /** Forgets all classes. */
  clear(): void {
    this.#classes = 0;
  }

  /** Takes the logits of the next class in the first `count` voxels. */
  add(logits: Float32Array, count: number): void {
    const [largest, sum, moment] = [this.#largest, this.#sum, this.#moment];
    this.#classes++;
    if (this.#classes === 1) {
      largest.set(logits.subarray(0, count));
      sum.fill(1, 0, count);
      moment.fill(0, 0, count);
      return;
    }
    for (let i = 0; i < count; i++) {
      const z = logits[i];
      const top = largest[i];
      // Equal ones may both be infinite, which half precision makes of a large logit.
      const below = z === top ? 0 : -Math.abs(z - top);
      const term = Math.exp(below);
      if (z > top) {
        moment[i] = term === 0 ? 0 : term * (moment[i] + below * sum[i]);
        sum[i] = sum[i] * term + 1;
        largest[i] = z;
      } else if (term > 0) {
        moment[i] += below * term;
        sum[i] += term;
      }
    }
  }

  /** Writes the entropy of all classes that were added. */
  write(out: Float32Array, from: number, count: number): void {
    const scale = 1 / Math.log(this.#classes);
    const [sum, moment] = [this.#sum, this.#moment];
    for (let i = 0; i < count; i++) out[from + i] = share((Math.log(sum[i]) - moment[i] / sum[i]) * scale);
  }
}

/** Adds each probability's own part of the entropy in nats, -p ln p, times a weight. */
export function addEntropyTerms(
  out: Float32Array,
  from: number,
  probabilities: Float32Array,
  count: number,
  weight = 1,
): void {
  for (let i = 0; i < count; i++) out[from + i] += weight * term(probabilities[i]);
}

/** Adds the entropy in nats of a region that is there with these probabilities, times a weight. */
export function addRegionEntropy(
  out: Float32Array,
  from: number,
  probabilities: Float32Array,
  count: number,
  weight = 1,
): void {
  for (let i = 0; i < count; i++) out[from + i] += weight * (term(probabilities[i]) + term(1 - probabilities[i]));
}

/** Raises each value to the entropy of a region with these logits where that is larger. */
export function raiseToLogitEntropy(out: Float32Array, from: number, logits: Float32Array, count: number): void {
  for (let i = 0; i < count; i++) {
    const a = Math.abs(logits[i]);
    const e = Math.exp(-a);
    const entropy = e === 0 ? 0 : Math.log1p(e) + (a * e) / (1 + e);
    out[from + i] = Math.max(out[from + i], share(entropy / Math.LN2));
  }
}

/** Divides sums of entropies in nats by the largest one of so many classes, and raises each value to it. */
export function raiseToShare(
  out: Float32Array,
  from: number,
  nats: Float32Array,
  count: number,
  classes: number,
): void {
  const scale = 1 / Math.log(classes);
  for (let i = 0; i < count; i++) out[from + i] = Math.max(out[from + i], share(nats[i] * scale));
}

/** Of no probability, and of one that a spline took below 0, nothing. */
function term(p: number): number {
  return p > 0 ? -p * Math.log(p) : 0;
}

/** Rounding can lead a little out of the range. */
function share(value: number): number {
  return Math.min(1, Math.max(0, value));
}
