import type { UncertaintyMap } from "#src/core/uncertainty-maps.js";
import type { Size3, Vec3 } from "#src/imaging/affine.js";
import { type Box, cropBox, pasteBox } from "#src/imaging/crop.js";
import { foregroundBox, growBox } from "#src/imaging/foreground-box.js";
import { invertReorientation, reorient } from "#src/imaging/orient.js";
import { type GridsMeet, resizeInSlabs } from "#src/imaging/slab-resize.js";
import { voxelCount } from "#src/imaging/volume.js";
import type { ModelManifest } from "#src/model/manifest.js";
import { LabelExport } from "./label-export.js";
import type { NetworkGrid } from "./network-grid.js";
import type { LogitsResize } from "./resized-argmax.js";

/** A segmentation on the source grid. */
export interface Segmentation {
  readonly labels: Uint8Array | Uint16Array;
  /** Probabilities of the labels asked for, inside the box where the network saw anything but background. */
  readonly probabilities: { readonly box: Box; readonly byLabel: ReadonlyMap<number, Float32Array> } | null;
  /** Maps asked for, on the whole source grid: 0 to 1, and 0 where the network did not look. */
  readonly maps: ReadonlyMap<UncertaintyMap, Float32Array>;
}

/** Probability of background below which a voxel belongs to the foreground box. */
const FOREGROUND_BELOW = 0.99;
/** Voxels that the foreground box is grown by, so that a step can move an outline outwards. */
const FOREGROUND_MARGIN_VOX = 5;

/**
 * Takes logits from the network's grid to labels on the source grid as they come, slice by slice and class by class:
 * resample, decide, and at the end paste into the uncropped volume (background outside) and turn back to the source's
 * axes.
 */
export class SourceGridExport {
  readonly #export: LabelExport;
  readonly #grid: NetworkGrid;
  readonly #manifest: ModelManifest;
  readonly #wanted: readonly number[];
  readonly #meet: GridsMeet;
  /** On the network's grid; null unless asked for. */
  readonly #disagreement: Float32Array | null;

  /**
   * @param wanted labels whose probabilities are needed
   * @param given what will be added: logits, or probabilities in single precision
   * @param maps maps that are needed; of "disagreement" `addDisagreement` must be called for every slice
   */
  constructor(
    grid: NetworkGrid,
    manifest: ModelManifest,
    wanted: readonly number[],
    given: "logits" | "probabilities" = "logits",
    maps: readonly UncertaintyMap[] = [],
  ) {
    this.#grid = grid;
    this.#manifest = manifest;
    this.#wanted = wanted;
    const resize = logitsResize(grid, manifest);
    this.#meet = resize.meet;
    this.#disagreement = maps.includes("disagreement") ? new Float32Array(voxelCount(grid.size)) : null;
    this.#export = new LabelExport({
      ...resize,
      of: manifest.resampling.of,
      given,
      classes: manifest.network.classes,
      activation:
        manifest.activation === "softmax"
          ? { kind: "softmax" }
          : { kind: "regions", values: manifest.activation.regions },
      precision: given === "logits" ? manifest.precision : "float32",
      withProbabilities: wanted.length > 0,
      withUncertainty: maps.includes("uncertainty"),
    });
  }

  /** Logits of a slice of the network's grid, one array a class, background first; slices come in their order. */
  addSlice(z: number, classes: readonly Float32Array[]): void {
    this.#export.addSlice(z, classes);
  }

  /**
   * Labels on the source grid of which so many voxels are done; null where they have to be pasted or turned back at the
   * end.
   */
  get labelsSoFar(): { readonly labels: Uint8Array | Uint16Array; readonly done: number } | null {
    const { labels, done } = this.#export;
    return isSame(this.#grid) ? { labels, done } : null;
  }

  /** Disagreement in a slice of the network's grid. */
  addDisagreement(z: number, values: Float32Array): void {
    this.#disagreement?.set(values, z * values.length);
  }

  /** The segmentation, once all slices were added. */
  finish(): Segmentation {
    const grid = this.#grid;
    const labels = back(this.#export.labels, 0, grid);
    const maps = this.#maps();
    if (this.#wanted.length === 0) return { labels, probabilities: null, maps };

    const background = back(this.#background(), 1, grid);
    const of = (label: number) => back(this.#probability(label), 0, grid);
    return { labels, probabilities: probabilitiesInBox(background, of, this.#wanted, grid.source.size), maps };
  }

  /**
   * Probabilities of one of the network's channels on the source grid, once all slices were added: outside the crop,
   * background is certain. Only where labels are wanted.
   */
  channel(channel: number): Float32Array {
    const isBackground = this.#manifest.activation === "softmax" && channel === 0;
    return back(this.#export.probability(channel), isBackground ? 1 : 0, this.#grid);
  }

  /** Disagreement is resampled linearly, as a value of its own. */
  #maps(): Segmentation["maps"] {
    const grid = this.#grid;
    const maps = new Map<UncertaintyMap, Float32Array>();
    const { uncertainty } = this.#export;
    if (uncertainty !== null) maps.set("uncertainty", back(uncertainty, 0, grid));
    if (this.#disagreement === null) return maps;
    const order = (axis: number) => (axis === grid.separate.logits ? 0 : 1);
    const orders = [order(0), order(1), order(2)] as const;
    const resized = resizeInSlabs(this.#disagreement, grid.size, grid.box.size, orders, this.#meet);
    return maps.set("disagreement", back(resized, 0, grid));
  }

  #probability(label: number): Float32Array {
    const { activation } = this.#manifest;
    return this.#export.probability(activation === "softmax" ? label : activation.regions.indexOf(label));
  }

  /** Of regions, what the likeliest of them leaves. */
  #background(): Float32Array {
    const { activation, network } = this.#manifest;
    if (activation === "softmax") return this.#export.probability(0);
    const out = new Float32Array(this.#export.labels.length).fill(1);
    for (let channel = 0; channel < network.classes; channel++) {
      const region = this.#export.probability(channel);
      for (let i = 0; i < out.length; i++) out[i] = Math.min(out[i] ?? 1, 1 - (region[i] ?? 0));
    }
    return out;
  }
}

/** How a network's logits are brought to the grid that was cut for it. */
export function logitsResize(
  { size, box, separate, steps }: NetworkGrid,
  { resampling: { logitsOrder } }: Pick<ModelManifest, "resampling">,
): LogitsResize {
  const order = (axis: number) => (axis === separate.logits ? 0 : logitsOrder);
  const meet = steps === null ? "extents" : (steps.map((step) => 1 / step) as unknown as Vec3);
  return { from: size, to: box.size, orders: [order(0), order(1), order(2)], meet };
}

/**
 * Probabilities of labels inside the box where anything but background is to be seen; null where nothing is.
 *
 * @param background probability of background on the source grid
 * @param of probability of a label on the source grid
 */
export function probabilitiesInBox(
  background: Float32Array,
  of: (label: number) => Float32Array,
  wanted: readonly number[],
  size: Size3,
): Segmentation["probabilities"] {
  const tight = foregroundBox(background, size, FOREGROUND_BELOW);
  if (tight === null) return null;
  const box = growBox(tight, size, FOREGROUND_MARGIN_VOX);
  return { box, byLabel: new Map(wanted.map((label) => [label, cropBox(of(label), size, box)])) };
}

/** From the box on the reoriented grid to the source grid: the same array where that is the same grid. */
function back<T extends Uint8Array | Uint16Array | Float32Array>(data: T, outside: number, grid: NetworkGrid): T {
  const { box, reorientation } = grid;
  const full: Size3 = reorientation.size;
  const pasted = isWhole(grid) ? data : pasteBox(data, box, full, outside);
  return isTurned(grid) ? reorient(pasted, full, invertReorientation(reorientation)) : pasted;
}

/** Whether the box is the source's grid, voxel for voxel. */
function isSame(grid: NetworkGrid): boolean {
  return isWhole(grid) && !isTurned(grid);
}

function isWhole({ box, reorientation }: NetworkGrid): boolean {
  return box.size.join() === reorientation.size.join();
}

function isTurned({ reorientation: { axes, flips } }: NetworkGrid): boolean {
  return axes.some((axis, n) => axis !== n) || flips.some((flip) => flip);
}
