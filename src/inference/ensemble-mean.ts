import type { UncertaintyMap } from "#src/core/uncertainty-maps.js";
import type { Size3 } from "#src/imaging/affine.js";
import { addEntropyTerms, addRegionEntropy, raiseToShare } from "#src/imaging/entropy.js";
import { type ActivationKind, mutualInformation } from "#src/imaging/mutual-information.js";
import { voxelCount } from "#src/imaging/volume.js";
import type { ModelManifest } from "#src/model/manifest.js";
import { probabilitiesInBox, type Segmentation } from "./to-source-grid.js";

/**
 * Weighted mean of the probabilities of several models, in single precision: of equal weights the sum divided by their
 * number, as nnU-Net's `average_probabilities`. Holds one array a channel; for the disagreement of the models one more, of regions
 * one more a region.
 */
export class EnsembleMean {
  readonly #size: Size3;
  readonly #channels: readonly Float32Array[];
  readonly #kind: ActivationKind;
  readonly #maps: readonly UncertaintyMap[];
  /** Weighted sums, then means, of the models' own entropies in nats; none unless disagreement is asked for. */
  readonly #entropies: readonly Float32Array[];

  /** @param maps maps that will be asked for */
  constructor(size: Size3, channels: number, kind: ActivationKind, maps: readonly UncertaintyMap[] = []) {
    this.#size = size;
    this.#kind = kind;
    this.#maps = maps;
    const spreads = maps.includes("disagreement") ? (kind === "softmax" ? 1 : channels) : 0;
    this.#entropies = Array.from({ length: spreads }, () => new Float32Array(voxelCount(size)));
    this.#channels = Array.from({ length: channels }, () => new Float32Array(voxelCount(size)));
  }

  /** Takes a model's probabilities from `start` on along the flattened grid, one array a channel. */
  add(probabilities: readonly Float32Array[], weight: number, start = 0): void {
    for (const [c, values] of probabilities.entries()) this.addChannel(c, values, weight, start);
  }

  addChannel(channel: number, values: Float32Array, weight: number, start = 0): void {
    const sum = this.#channels[channel] ?? new Float32Array();
    for (let i = 0; i < values.length; i++) {
      sum[start + i] = (sum[start + i] as number) + weight * (values[i] as number);
    }
    const [first] = this.#entropies;
    if (first === undefined) return;
    if (this.#kind === "softmax") addEntropyTerms(first, start, values, values.length, weight);
    else addRegionEntropy(this.#entropies[channel] ?? first, start, values, values.length, weight);
  }

  /** Ends the mean. @param total sum of all weights */
  divide(total: number): void {
    for (const sum of [...this.#channels, ...this.#entropies])
      for (let i = 0; i < sum.length; i++) sum[i] = (sum[i] as number) / total;
  }

  /** Means of one slice, one array a channel. */
  slice(z: number): readonly Float32Array[] {
    const area = this.#size[0] * this.#size[1];
    return this.#channels.map((channel) => channel.subarray(z * area, (z + 1) * area));
  }

  /** Disagreement of the models in each voxel, once the mean has ended; null unless asked for. */
  disagreement(): Float32Array | null {
    return this.#entropies.length === 0 ? null : mutualInformation(this.#channels, this.#entropies, this.#kind);
  }

  /** Labels by the mean: the first of the largest, or each region above a half, later over earlier. */
  segmentation(activation: ModelManifest["activation"], wanted: readonly number[]): Segmentation {
    const labels = this.#decide(activation);
    const maps = this.#mapsOf();
    if (wanted.length === 0) return { labels, probabilities: null, maps };
    const channelOf = (label: number) => (activation === "softmax" ? label : activation.regions.indexOf(label));
    const of = (label: number) => this.#channels[channelOf(label)] ?? new Float32Array(labels.length);
    const probabilities = probabilitiesInBox(this.#background(activation), of, wanted, this.#size);
    return { labels, probabilities, maps };
  }

  #mapsOf(): Segmentation["maps"] {
    const maps = new Map<UncertaintyMap, Float32Array>();
    if (this.#maps.includes("uncertainty")) maps.set("uncertainty", this.#uncertainty());
    const disagreement = this.disagreement();
    return disagreement === null ? maps : maps.set("disagreement", disagreement);
  }

  /** Entropy of the mean; of regions that of the least certain. */
  #uncertainty(): Float32Array {
    const count = voxelCount(this.#size);
    const out = new Float32Array(count);
    const nats = new Float32Array(count);
    for (const values of this.#channels) {
      if (this.#kind === "softmax") {
        addEntropyTerms(nats, 0, values, count);
        continue;
      }
      nats.fill(0);
      addRegionEntropy(nats, 0, values, count);
      raiseToShare(out, 0, nats, count, 2);
    }
    if (this.#kind === "softmax") raiseToShare(out, 0, nats, count, this.#channels.length);
    return out;
  }

  #decide(activation: ModelManifest["activation"]): Uint8Array | Uint16Array {
    const largest = activation === "softmax" ? this.#channels.length - 1 : Math.max(...activation.regions);
    const count = voxelCount(this.#size);
    const labels = largest < 256 ? new Uint8Array(count) : new Uint16Array(count);
    if (activation !== "softmax") {
      for (const [c, values] of this.#channels.entries()) {
        const label = activation.regions[c] ?? 0;
        for (let i = 0; i < count; i++) if ((values[i] as number) > 0.5) labels[i] = label;
      }
      return labels;
    }
    const best = Float32Array.from(this.#channels[0] ?? []);
    for (const [c, values] of this.#channels.entries()) {
      for (let i = 0; i < count; i++) {
        if ((values[i] as number) <= (best[i] as number)) continue;
        best[i] = values[i] as number;
        labels[i] = c;
      }
    }
    return labels;
  }

  #background(activation: ModelManifest["activation"]): Float32Array {
    if (activation === "softmax") return this.#channels[0] ?? new Float32Array();
    const out = new Float32Array(voxelCount(this.#size)).fill(1);
    for (const values of this.#channels) {
      for (let i = 0; i < out.length; i++) out[i] = Math.min(out[i] as number, 1 - (values[i] as number));
    }
    return out;
  }
}
