import { addRegionEntropy } from "#src/imaging/entropy.js";
import { type ActivationKind, mutualInformation } from "#src/imaging/mutual-information.js";
import { type OpenKernel, openKernel } from "./logits-kernel.js";

/** Voxels that go through the kernel together: rows of a power of two would meet in the same places of a cache. */
const BLOCK = 1000;

/** Logits of voxels [first, first + count): those of a class begin at `offset`, those of the next `stride` further. */
export interface AnswerPart {
  readonly logits: Float32Array;
  readonly offset: number;
  readonly stride: number;
  readonly first: number;
  readonly count: number;
}

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
  #adder: SoftmaxAdder | null = null;

  constructor(classes: number, kind: ActivationKind, voxels: number) {
    this.#classes = classes;
    this.#kind = kind;
    this.#voxels = voxels;
    this.#mean = new Float32Array(classes * voxels);
    this.#entropy = new Float32Array((kind === "softmax" ? 1 : classes) * voxels);
  }

  /** Takes what one answer says of some voxels. */
  add(part: AnswerPart): void {
    if (this.#kind === "softmax") this.#addClasses(part);
    else this.#addRegions(part);
  }

  /** One logarithm a voxel, not one a class: the entropy is ln S - U / S, as in `SoftmaxEntropy`. */
  #addClasses(part: AnswerPart): void {
    const { first, count: voxels } = part;
    const entropy = this.#entropy;
    this.#adder ??= new SoftmaxAdder(this.#classes, this.#mean);
    for (let start = 0; start < voxels; start += BLOCK) {
      const count = Math.min(BLOCK, voxels - start);
      const { sum, moment } = this.#adder.add(part, start, count);
      for (let i = 0; i < count; i++) {
        const [s, to] = [sum[i] as number, first + start + i];
        entropy[to] = (entropy[to] as number) + (Math.log(s) - (moment[i] as number) / s);
      }
    }
  }

  #addRegions({ logits, offset, stride, first, count }: AnswerPart): void {
    const [p, mean] = [new Float32Array(count), this.#mean];
    for (let c = 0; c < this.#classes; c++) {
      const [from, to] = [offset + c * stride, c * this.#voxels + first];
      for (let i = 0; i < count; i++) p[i] = 1 / (1 + Math.exp(-(logits[from + i] as number)));
      for (let i = 0; i < count; i++) mean[to + i] = (mean[to + i] as number) + (p[i] as number);
      addRegionEntropy(this.#entropy, to, p, count);
    }
  }

  /**
   * The disagreement of all answers taken, a voxel each; they are forgotten.
   *
   * @param answers how many were taken, each of every voxel
   */
  take(answers: number): Float32Array {
    const [sum, entropy, voxels] = [this.#mean, this.#entropy, this.#voxels];
    for (const sums of [sum, entropy]) {
      for (let i = 0; i < sums.length; i++) sums[i] = (sums[i] as number) / answers;
    }
    const channels = Array.from({ length: this.#classes }, (_, c) => sum.subarray(c * voxels, (c + 1) * voxels));
    const own = Array.from({ length: entropy.length / voxels }, (_, c) =>
      entropy.subarray(c * voxels, (c + 1) * voxels),
    );
    const out = mutualInformation(channels, own, this.#kind);
    sum.fill(0);
    entropy.fill(0);
    return out;
  }
}

/** Adds probabilities of softmax to their sums in the kernel, block by block. */
class SoftmaxAdder {
  readonly #classes: number;
  readonly #mean: Float32Array;
  readonly #kernel: OpenKernel["kernel"];
  readonly #logitsIn: Float32Array;
  readonly #meanIn: Float32Array;
  readonly #sum: Float64Array;
  readonly #moment: Float64Array;
  readonly #terms: number;

  /** @param mean sums of probabilities, class after class, which are added to */
  constructor(classes: number, mean: Float32Array) {
    this.#classes = classes;
    this.#mean = mean;
    const { kernel, memory, places } = openKernel(() => [
      ...[4 * BLOCK * classes, 4 * BLOCK * classes],
      ...[8 * BLOCK, 8 * BLOCK, 16 * classes],
    ]);
    const [logits = 0, means = 0, sum = 0, moment = 0, terms = 0] = places;
    this.#kernel = kernel;
    this.#logitsIn = new Float32Array(memory, logits, BLOCK * classes);
    this.#meanIn = new Float32Array(memory, means, BLOCK * classes);
    this.#sum = new Float64Array(memory, sum, BLOCK);
    this.#moment = new Float64Array(memory, moment, BLOCK);
    this.#terms = terms;
  }

  /**
   * Takes so many voxels, from the part's voxel `start` on.
   *
   * @returns of each of its voxels S and U, valid until the next call
   */
  add({ logits, offset, stride, first }: AnswerPart, start: number, count: number) {
    const voxels = this.#mean.length / this.#classes;
    // The kernel takes two voxels at a time; what the second one of the last two holds is not looked at.
    const room = count + (count & 1);
    for (let c = 0; c < this.#classes; c++) {
      const [from, at] = [offset + c * stride + start, c * voxels + first + start];
      this.#logitsIn.set(logits.subarray(from, from + count), c * room);
      this.#meanIn.set(this.#mean.subarray(at, at + count), c * room);
    }
    this.#kernel.addSoftmax(
      ...([this.#logitsIn.byteOffset, this.#classes, room, this.#meanIn.byteOffset] as const),
      ...([this.#sum.byteOffset, this.#moment.byteOffset, this.#terms] as const),
    );
    for (let c = 0; c < this.#classes; c++) {
      this.#mean.set(this.#meanIn.subarray(c * room, c * room + count), c * voxels + first + start);
    }
    return { sum: this.#sum, moment: this.#moment };
  }
}
