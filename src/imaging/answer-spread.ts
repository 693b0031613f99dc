import { addEntropyTerms, addRegionEntropy, raiseToShare } from "./entropy.js";

/** Classes that exclude each other, or regions each of which is there or not. */
export type ActivationKind = "softmax" | "regions";

/**
 * How far several answers about the same voxels disagree: the mutual information of answer and answerer, H(mean p) -
 * mean H(p) (Houlsby et al. 2011, Gal et al. 2017), as a share of the largest entropy; of regions the largest of theirs.
 * 0 where all say the same, however unsure they are; 1 where each is certain of something else and that evenly. The
 * mean is that of probabilities, not of logits.
 */
export class AnswerSpread {
  readonly #classes: number;
  readonly #kind: ActivationKind;
  readonly #voxels: number;
  /** Sums of probabilities, class after class. */
  readonly #mean: Float32Array;
  /** Sums of entropies in nats: of all classes together, or of each region. */
  readonly #entropy: Float32Array;
  #answers = 0;

  constructor(classes: number, kind: ActivationKind, voxels: number) {
    this.#classes = classes;
    this.#kind = kind;
    this.#voxels = voxels;
    this.#mean = new Float32Array(classes * voxels);
    this.#entropy = new Float32Array((kind === "softmax" ? 1 : classes) * voxels);
  }

  /** Takes one answer. @param logits [classes, voxels], from `offset` on */
  add(logits: Float32Array, offset: number): void {
    this.#answers++;
    if (this.#kind === "softmax") this.#addClasses(logits, offset);
    else this.#addRegions(logits, offset);
  }

  /** One logarithm a voxel, not one a class: the entropy is ln S - U / S, as in `SoftmaxEntropy`. */
  #addClasses(logits: Float32Array, offset: number): void {
    const [classes, voxels, mean, entropy] = [this.#classes, this.#voxels, this.#mean, this.#entropy];
    const terms = new Float64Array(classes);
    for (let i = 0; i < voxels; i++) {
      let largest = Number.NEGATIVE_INFINITY;
      for (let c = 0; c < classes; c++) largest = Math.max(largest, logits[offset + c * voxels + i]);
      let sum = 0;
      let moment = 0;
      for (let c = 0; c < classes; c++) {
        const below = logits[offset + c * voxels + i] - largest;
        const term = Math.exp(below);
        terms[c] = term;
        sum += term;
        moment += below * term;
      }
      for (let c = 0; c < classes; c++) mean[c * voxels + i] += terms[c] / sum;
      entropy[i] += Math.log(sum) - moment / sum;
    }
  }

  #addRegions(logits: Float32Array, offset: number): void {
    const p = new Float32Array(this.#mean.length);
    for (let i = 0; i < p.length; i++) p[i] = 1 / (1 + Math.exp(-logits[offset + i]));
    for (let i = 0; i < p.length; i++) this.#mean[i] += p[i];
    addRegionEntropy(this.#entropy, 0, p, p.length);
  }

  /** The disagreement of all answers taken, a voxel each; they are forgotten. */
  take(): Float32Array {
    const [sum, entropy, voxels] = [this.#mean, this.#entropy, this.#voxels];
    for (let i = 0; i < sum.length; i++) sum[i] /= this.#answers;
    for (let i = 0; i < entropy.length; i++) entropy[i] /= this.#answers;
    const channels = Array.from({ length: this.#classes }, (_, c) => sum.subarray(c * voxels, (c + 1) * voxels));
    const own = Array.from({ length: entropy.length / voxels }, (_, c) =>
      entropy.subarray(c * voxels, (c + 1) * voxels),
    );
    const out = mutualInformation(channels, own, this.#kind);
    sum.fill(0);
    entropy.fill(0);
    this.#answers = 0;
    return out;
  }
}

/**
 * H(mean p) - mean H(p) as a share of the largest entropy.
 *
 * @param mean mean probabilities, one array a class or region
 * @param entropies mean entropies in nats: one array for all classes, or one a region
 */
export function mutualInformation(
  mean: readonly Float32Array[],
  entropies: readonly Float32Array[],
  kind: ActivationKind,
): Float32Array {
  const voxels = mean[0]?.length ?? 0;
  const out = new Float32Array(voxels);
  const groups = kind === "softmax" ? [mean] : mean.map((region) => [region]);
  for (const [n, group] of groups.entries()) {
    const nats = entropies[n].map((entropy) => -entropy);
    for (const p of group) {
      if (kind === "softmax") addEntropyTerms(nats, 0, p, voxels);
      else addRegionEntropy(nats, 0, p, voxels);
    }
    raiseToShare(out, 0, nats, voxels, kind === "softmax" ? mean.length : 2);
  }
  return out;
}
