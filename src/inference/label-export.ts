import type { Size3 } from "#src/imaging/affine.js";
import {
  addEntropyTerms,
  addRegionEntropy,
  raiseToLogitEntropy,
  raiseToShare,
  SoftmaxEntropy,
} from "#src/imaging/entropy.js";
import { FLOAT16_VALUES, packFloat16, roundRangeToFloat16 } from "#src/imaging/float16.js";
import { type AxisOrders, type GridsMeet, SlabResize } from "#src/imaging/slab-resize.js";
import { voxelCount } from "#src/imaging/volume.js";
import { activated } from "./activated.js";
import { ResizedArgmax } from "./resized-argmax.js";

/** What a network's output channels mean. */
export type Activation =
  /** Channel = label, background first; the largest wins, of equals the first. */
  | { readonly kind: "softmax" }
  /**
   * Channel k is a region of its own and writes its value where it is above 0 (sigmoid above 0.5), later over earlier.
   * Where the model's own probabilities are resampled, 0.5 itself belongs to it.
   */
  | { readonly kind: "regions"; readonly values: readonly number[] };

export interface LabelExportOptions {
  /** Grid of the logits. */
  readonly from: Size3;
  /** Grid of the labels. */
  readonly to: Size3;
  readonly orders: AxisOrders;
  /** @default extents */
  readonly meet?: GridsMeet;
  /** What is resampled: the logits, or what the activation makes of them. @default logits */
  readonly of?: "logits" | "probabilities";
  /** What is added: logits, or probabilities, which are then resampled. @default logits */
  readonly given?: "logits" | "probabilities";
  readonly classes: number;
  readonly activation: Activation;
  /** float16: logits are kept, and resampled values rounded, in half precision, as nnU-Net's are. */
  readonly precision: "float16" | "float32";
  /** Whether `probability` will be called: keeps all logits and costs an exponential a voxel and class. */
  readonly withProbabilities: boolean;
  /** Whether `uncertainty` is filled: the entropy of the probabilities in each voxel. @default false */
  readonly withUncertainty?: boolean;
}

/** Slices of the result that are worked on together at least: one slice in so many is resized twice. */
const SLAB_SLICES = 8;

/**
 * Labels from logits that arrive slice by slice, made as soon as the slices around them are there: nnU-Net's export
 * (`convert_predicted_logits_to_segmentation_with_correct_shape`) without ever holding the resampled logits. Where
 * labels alone are wanted, only values that may decide are made (`ResizedArgmax`). Else class by class each slab is
 * resampled, rounded and compared with the best so far. Either way memory beyond the logits that wait does not grow with
 * the number of classes.
 */
export class LabelExport {
  /** On the grid of the labels, x fastest; complete after `finish`. */
  readonly labels: Uint8Array | Uint16Array;
  /**
   * Entropy of the probabilities as a share of the largest one, of regions that of the least certain; beside the
   * labels. Null unless asked for.
   */
  readonly uncertainty: Float32Array | null;
  readonly #options: LabelExportOptions;
  readonly #resize: SlabResize;
  /** Packed logits of one source slice, class after class; taken away when no later slab needs them. */
  readonly #slices = new Map<number, Uint16Array | Float32Array>();
  /** Where nothing but labels of classes is asked for. */
  readonly #argmax: ResizedArgmax | null;
  readonly #slabDepth: number;
  readonly #values: Float32Array;
  readonly #bits: Uint32Array;
  readonly #best: Float32Array;
  readonly #unpacked: Float32Array;
  /** Largest logit and softmax denominator over it (online softmax, Milakov and Gimelshein 2018), a voxel each. */
  readonly #softmax: { readonly largest: Float32Array; readonly sum: Float32Array } | null;
  readonly #entropy: { readonly ofLogits: SoftmaxEntropy; readonly nats: Float32Array } | null;
  #next = 0;

  constructor(options: LabelExportOptions) {
    const of = options.given === "probabilities" ? "probabilities" : options.of;
    this.#options = of === undefined ? options : { ...options, of };
    const { from, to, orders, activation, classes } = options;
    this.#resize = new SlabResize(from, to, orders, options.meet);
    const largestLabel = activation.kind === "softmax" ? classes - 1 : Math.max(...activation.values);
    this.labels = largestLabel < 256 ? new Uint8Array(voxelCount(to)) : new Uint16Array(voxelCount(to));
    const isLabelsAlone = activation.kind === "softmax" && !options.withProbabilities && !options.withUncertainty;
    this.#argmax = isLabelsAlone
      ? new ResizedArgmax({ from, to, orders, meet: options.meet ?? "extents" }, options, this.labels)
      : null;
    this.#slabDepth = Math.min(to[2], Math.max(SLAB_SLICES, Math.ceil((SLAB_SLICES * to[2]) / from[2])));
    this.#values = new Float32Array(isLabelsAlone ? 0 : this.#slabDepth * to[0] * to[1]);
    this.#bits = new Uint32Array(this.#values.buffer);
    this.#best = new Float32Array(this.#values.length);
    this.#unpacked = new Float32Array(from[0] * from[1]);
    const keep = () => new Float32Array(voxelCount(to));
    this.#softmax =
      options.withProbabilities && activation.kind === "softmax" && of !== "probabilities"
        ? { largest: keep(), sum: keep() }
        : null;
    this.uncertainty = options.withUncertainty === true ? keep() : null;
    const slab = this.#values.length;
    this.#entropy =
      this.uncertainty === null ? null : { ofLogits: new SoftmaxEntropy(slab), nats: new Float32Array(slab) };
  }

  /** Voxels of the labels, from the first on, that no slice will change any more. */
  get done(): number {
    const [x, y] = this.#options.to;
    return x * y * (this.#argmax?.done ?? this.#next);
  }

  /** Takes a slice of logits, one array a class; slices come in their order. The arrays are copied. */
  addSlice(z: number, logits: readonly Float32Array[]): void {
    const { from, to, precision, withProbabilities, activation, of, given } = this.#options;
    const isActivated = of === "probabilities" && given !== "probabilities";
    const classes = isActivated ? activated(logits, activation.kind) : logits;
    if (this.#argmax !== null) {
      // Logits are in the precision already; what the activation makes of them is not.
      if (isActivated && precision === "float16") for (const values of classes) roundToFloat16(values);
      this.#argmax.addSlice(z, classes);
      return;
    }
    const area = from[0] * from[1];
    const packed =
      precision === "float16" ? new Uint16Array(classes.length * area) : new Float32Array(classes.length * area);
    for (const [c, values] of classes.entries()) {
      if (packed instanceof Float32Array) packed.set(values, c * area);
      else {
        const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
        packFloat16(bits, 0, area, packed, c * area);
      }
    }
    this.#slices.set(z, packed);
    while (this.#next < to[2]) {
      const depth = Math.min(this.#slabDepth, to[2] - this.#next);
      const [, last] = this.#resize.sourceSlices(this.#next, depth);
      if (last > z) break;
      this.#exportSlab(this.#next, depth);
      this.#next += depth;
      if (withProbabilities) continue;
      const [needed] = this.#next < to[2] ? this.#resize.sourceSlices(this.#next, 1) : [from[2]];
      for (const known of this.#slices.keys()) if (known < needed) this.#slices.delete(known);
    }
  }

  /** Probability of a channel: softmax over all of them, or its own sigmoid. Only when asked for at construction. */
  probability(channel: number): Float32Array {
    const { to, activation } = this.#options;
    const area = to[0] * to[1];
    const out = new Float32Array(voxelCount(to));
    for (let z = 0; z < to[2]; z += this.#slabDepth) {
      const depth = Math.min(this.#slabDepth, to[2] - z);
      this.#resizeChannel(channel, z, depth);
      for (let i = 0; i < depth * area; i++) {
        const at = z * area + i;
        const logit = this.#values[i] ?? 0;
        if (this.#options.of === "probabilities") out[at] = logit;
        else if (activation.kind === "regions") out[at] = 1 / (1 + Math.exp(-logit));
        else out[at] = Math.exp(logit - (this.#softmax?.largest[at] ?? 0)) / (this.#softmax?.sum[at] ?? 1);
      }
    }
    return out;
  }

  #resizeChannel(channel: number, z: number, depth: number): void {
    const area = this.#unpacked.length;
    const sliceOf = (k: number): Float32Array => {
      const packed = this.#slices.get(k);
      if (packed === undefined) throw new RangeError(`slice ${k} of the logits is not there`);
      if (packed instanceof Float32Array) return packed.subarray(channel * area, (channel + 1) * area);
      unpack(packed, channel * area, this.#unpacked);
      return this.#unpacked;
    };
    this.#resize.resize(sliceOf, z, depth, this.#options.precision, this.#values, this.#bits);
  }

  #exportSlab(z: number, depth: number): void {
    const { to, classes, activation, of, given } = this.#options;
    const area = to[0] * to[1];
    const from = z * area;
    const count = depth * area;
    if (activation.kind === "regions") {
      for (let c = 0; c < classes; c++) {
        this.#resizeChannel(c, z, depth);
        const value = activation.values[c] ?? 0;
        if (of !== "probabilities") writeWhereAbove(this.labels, from, this.#values, count, value, 0);
        else if (given === "probabilities") writeWhereAbove(this.labels, from, this.#values, count, value, 0.5);
        else writeWhereHalf(this.labels, from, this.#values, count, value);
        this.#addEntropy(from, count);
      }
      return;
    }
    this.#entropy?.ofLogits.clear();
    this.#entropy?.nats.fill(0);
    const best = this.#best.fill(Number.NEGATIVE_INFINITY);
    for (let c = 0; c < classes; c++) {
      this.#resizeChannel(c, z, depth);
      if (this.#softmax !== null) addToSum(this.#softmax.sum, from, best, this.#values, count);
      takeLarger(this.labels, from, best, this.#values, count, c);
      this.#addEntropy(from, count);
    }
    this.#softmax?.largest.set(best.subarray(0, count), from);
    if (this.#entropy === null || this.uncertainty === null) return;
    if (of === "probabilities") raiseToShare(this.uncertainty, from, this.#entropy.nats, count, classes);
    else this.#entropy.ofLogits.write(this.uncertainty, from, count);
  }

  /** Takes the channel that was just resized. */
  #addEntropy(from: number, count: number): void {
    if (this.#entropy === null || this.uncertainty === null) return;
    const { ofLogits, nats } = this.#entropy;
    const { activation, of } = this.#options;
    if (activation.kind === "softmax") {
      if (of === "probabilities") addEntropyTerms(nats, 0, this.#values, count);
      else ofLogits.add(this.#values, count);
      return;
    }
    if (of !== "probabilities") {
      raiseToLogitEntropy(this.uncertainty, from, this.#values, count);
      return;
    }
    nats.fill(0);
    addRegionEntropy(nats, 0, this.#values, count);
    raiseToShare(this.uncertainty, from, nats, count, 2);
  }
}

function roundToFloat16(values: Float32Array): void {
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
  roundRangeToFloat16(values, bits, 0, values.length);
}

function unpack(packed: Uint16Array, from: number, out: Float32Array): void {
  for (let i = 0; i < out.length; i++) out[i] = FLOAT16_VALUES[packed[from + i] ?? 0] ?? 0;
}

function takeLarger(
  labels: Uint8Array | Uint16Array,
  from: number,
  best: Float32Array,
  values: Float32Array,
  count: number,
  label: number,
): void {
  for (let i = 0; i < count; i++) {
    const value = values[i] as number;
    if (value > (best[i] as number)) {
      best[i] = value;
      labels[from + i] = label;
    }
  }
}

function addToSum(sum: Float32Array, from: number, best: Float32Array, values: Float32Array, count: number): void {
  for (let i = 0; i < count; i++) {
    const value = values[i] as number;
    const top = best[i] as number;
    const old = sum[from + i] as number;
    sum[from + i] = value > top ? old * Math.exp(top - value) + 1 : old + Math.exp(value - top);
  }
}

function writeWhereAbove(
  labels: Uint8Array | Uint16Array,
  from: number,
  values: Float32Array,
  count: number,
  label: number,
  limit: number,
): void {
  for (let i = 0; i < count; i++) if ((values[i] as number) > limit) labels[from + i] = label;
}

/** MONAI's `AsDiscrete(threshold=0.5)`, for one model's resampled probabilities: the half itself belongs to it. */
function writeWhereHalf(
  labels: Uint8Array | Uint16Array,
  from: number,
  values: Float32Array,
  count: number,
  label: number,
): void {
  for (let i = 0; i < count; i++) if ((values[i] as number) >= 0.5) labels[from + i] = label;
}
