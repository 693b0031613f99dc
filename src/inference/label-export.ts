import type { Size3 } from "#src/imaging/affine.js";
import { FLOAT16_VALUES, packFloat16 } from "#src/imaging/float16.js";
import { type AxisOrders, SlabResize } from "#src/imaging/slab-resize.js";
import { voxelCount } from "#src/imaging/volume.js";

/** What a network's output channels mean. */
export type Activation =
  /** Channel = label, background first; the largest wins, of equals the first. */
  | { readonly kind: "softmax" }
  /** Channel k is a region of its own and writes its value where it is above 0 (sigmoid above 0.5), later over earlier. */
  | { readonly kind: "regions"; readonly values: readonly number[] };

export interface LabelExportOptions {
  /** Grid of the logits. */
  readonly from: Size3;
  /** Grid of the labels. */
  readonly to: Size3;
  readonly orders: AxisOrders;
  readonly classes: number;
  readonly activation: Activation;
  /** float16: logits are kept, and resampled values rounded, in half precision, as nnU-Net's are. */
  readonly precision: "float16" | "float32";
  /** Whether `probability` will be called: keeps all logits and costs an exponential a voxel and class. */
  readonly withProbabilities: boolean;
}

/** Slices of the result that are worked on together at least: one slice in so many is resized twice. */
const SLAB_SLICES = 8;

/**
 * Labels from logits that arrive slice by slice, made as soon as the slices around them are there: nnU-Net's export
 * (`convert_predicted_logits_to_segmentation_with_correct_shape`) without ever holding the resampled logits. Class by
 * class, each slab is resampled, rounded and compared with the best so far, so that memory beyond the logits that wait
 * does not grow with the number of classes.
 */
export class LabelExport {
  /** On the grid of the labels, x fastest; complete after `finish`. */
  readonly labels: Uint8Array | Uint16Array;
  readonly #options: LabelExportOptions;
  readonly #resize: SlabResize;
  /** Packed logits of one source slice, class after class; taken away when no later slab needs them. */
  readonly #slices = new Map<number, Uint16Array | Float32Array>();
  readonly #slabDepth: number;
  readonly #values: Float32Array;
  readonly #bits: Uint32Array;
  readonly #best: Float32Array;
  readonly #unpacked: Float32Array;
  /** Largest logit and softmax denominator over it (online softmax, Milakov and Gimelshein 2018), a voxel each. */
  readonly #softmax: { readonly largest: Float32Array; readonly sum: Float32Array } | null;
  #next = 0;

  constructor(options: LabelExportOptions) {
    this.#options = options;
    const { from, to, orders, activation, classes } = options;
    this.#resize = new SlabResize(from, to, orders);
    const largestLabel = activation.kind === "softmax" ? classes - 1 : Math.max(...activation.values);
    this.labels = largestLabel < 256 ? new Uint8Array(voxelCount(to)) : new Uint16Array(voxelCount(to));
    this.#slabDepth = Math.min(to[2], Math.max(SLAB_SLICES, Math.ceil((SLAB_SLICES * to[2]) / from[2])));
    this.#values = new Float32Array(this.#slabDepth * to[0] * to[1]);
    this.#bits = new Uint32Array(this.#values.buffer);
    this.#best = new Float32Array(this.#values.length);
    this.#unpacked = new Float32Array(from[0] * from[1]);
    const keep = () => new Float32Array(voxelCount(to));
    this.#softmax =
      options.withProbabilities && activation.kind === "softmax" ? { largest: keep(), sum: keep() } : null;
  }

  /** Takes a slice of logits, one array a class; slices come in their order. The arrays are copied. */
  addSlice(z: number, classes: readonly Float32Array[]): void {
    const { from, to, precision, withProbabilities } = this.#options;
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
        out[at] =
          activation.kind === "softmax"
            ? Math.exp(logit - (this.#softmax?.largest[at] ?? 0)) / (this.#softmax?.sum[at] ?? 1)
            : 1 / (1 + Math.exp(-logit));
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
    const { to, classes, activation } = this.#options;
    const area = to[0] * to[1];
    const from = z * area;
    const count = depth * area;
    if (activation.kind === "regions") {
      for (let c = 0; c < classes; c++) {
        this.#resizeChannel(c, z, depth);
        writeWhereAbove(this.labels, from, this.#values, count, activation.values[c] ?? 0);
      }
      return;
    }
    const best = this.#best.fill(Number.NEGATIVE_INFINITY);
    for (let c = 0; c < classes; c++) {
      this.#resizeChannel(c, z, depth);
      if (this.#softmax !== null) addToSum(this.#softmax.sum, from, best, this.#values, count);
      takeLarger(this.labels, from, best, this.#values, count, c);
    }
    this.#softmax?.largest.set(best.subarray(0, count), from);
  }
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
): void {
  for (let i = 0; i < count; i++) if ((values[i] as number) > 0) labels[from + i] = label;
}
