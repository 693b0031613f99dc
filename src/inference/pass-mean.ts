import type { Size3 } from "#src/imaging/affine.js";
import { addMirrored, type Flips, mirrorTiles } from "#src/imaging/mirror.js";
import { voxelCount } from "#src/imaging/volume.js";
import { freeArray } from "./free-array.js";
import { type FeatureTile, keepsFeatures, logitsOfSlab, slabsOf } from "./head-slabs.js";
import type { Answer } from "./network-session.js";
import { type Slab, wholeTile } from "./slab.js";

/** What the mean is of. */
interface Passes {
  readonly count: number;
  /** Voxels of a tile along x, y, z. */
  readonly patch: Size3;
  /** Tiles of a batch. */
  readonly tiles: number;
  readonly classes: number;
}

/** A pass over a batch whose logits are made slab by slab. */
interface Kept extends Omit<FeatureTile, "patch"> {
  readonly features: Answer;
  readonly flips: Flips;
}

/**
 * Mean of the logits of some passes over a batch of tiles, turned back, and given away slab by slab. The first pass is not
 * mirrored.
 *
 * Logits are added to those of the first pass. Of features there are as many as passes until the slabs are made, or, where
 * that would be more than one array of logits, such an array.
 */
export class PassMean {
  readonly #passes: Passes;
  readonly #onPass: ((slab: Slab) => void) | undefined;
  readonly #kept: Kept[] = [];
  #sum: Answer | null = null;

  /** @param onPass gets what each pass says, turned back; valid until the call ends */
  constructor(passes: Passes, onPass?: (slab: Slab) => void) {
    this.#passes = passes;
    this.#onPass = onPass;
  }

  /** Takes the answer of a pass, which belongs to the mean from now on. */
  async add(answer: Answer, flips: Flips): Promise<void> {
    const { head } = answer;
    if (head === undefined) {
      this.#addWhole(answer, flips);
    } else if (keepsFeatures(this.#passes.count, answer.shape[1] ?? 0, head.classes)) {
      this.#kept.push({ features: answer, head, flips });
    } else {
      await this.#addSlabs({ features: answer, head, flips });
      answer.free?.();
    }
  }

  /** The mean, once every pass was added: each slab is valid until the next one is asked for. */
  async *slabs(): AsyncGenerator<Slab> {
    const { count } = this.#passes;
    if (this.#sum !== null) {
      divide(this.#sum.data, count);
      yield* this.#wholeTiles(this.#sum.data);
      this.#sum.free?.();
      return;
    }
    const [first, ...others] = this.#kept;
    if (first === undefined) throw new RangeError("the mean of no passes was asked for");
    for (const slab of this.#slabsOfTiles()) {
      const { logits, free } = await this.#made(first, slab);
      for (const kept of others) {
        const other = await this.#made(kept, slab);
        addMirrored(logits, other.logits, this.#sizeOf(slab), this.#passes.classes, kept.flips);
        other.free?.();
      }
      divide(logits, count);
      yield { ...slab, logits, offset: 0, stride: this.#areaOf(slab) };
      free?.();
    }
    for (const { features } of this.#kept) features.free?.();
  }

  #addWhole(answer: Answer, flips: Flips): void {
    const { patch, tiles, classes } = this.#passes;
    if (this.#onPass !== undefined) {
      const turned = flips.includes(true) ? mirrorTiles(answer.data, patch, tiles * classes, flips) : answer.data;
      for (const slab of this.#wholeTiles(turned)) this.#onPass(slab);
    }
    if (this.#sum === null) {
      this.#sum = answer;
      return;
    }
    addMirrored(this.#sum.data, answer.data, patch, tiles * classes, flips);
    answer.free?.();
  }

  async #addSlabs(kept: Kept): Promise<void> {
    const { patch, tiles, classes } = this.#passes;
    const tile = voxelCount(patch);
    const isFirst = this.#sum === null;
    const data = this.#sum?.data ?? new Float32Array(tiles * classes * tile);
    this.#sum ??= { data, shape: [], free: () => freeArray(data) };
    for (const slab of this.#slabsOfTiles()) {
      const { logits, free } = await this.#made(kept, slab);
      const voxels = this.#areaOf(slab);
      for (let c = 0; c < classes; c++) {
        const to = (slab.tile * classes + c) * tile + slab.first * patch[0] * patch[1];
        const sums = data.subarray(to, to + voxels);
        const own = logits.subarray(c * voxels, (c + 1) * voxels);
        if (isFirst) sums.set(own);
        else addMirrored(sums, own, this.#sizeOf(slab), 1, kept.flips);
      }
      free?.();
    }
  }

  /** What a pass says of a slab, still mirrored. */
  async #made({ features, head, flips }: Kept, slab: Pick<Slab, "tile" | "first" | "slices">) {
    const { patch, classes } = this.#passes;
    const first = flips[2] ? patch[2] - slab.first - slab.slices : slab.first;
    const { data: logits, free } = await logitsOfSlab({ features, head, patch }, { ...slab, first });
    if (this.#onPass !== undefined) {
      const turned = flips.includes(true) ? mirrorTiles(logits, this.#sizeOf(slab), classes, flips) : logits;
      this.#onPass({ ...slab, logits: turned, offset: 0, stride: this.#areaOf(slab) });
    }
    return { logits, free };
  }

  *#slabsOfTiles() {
    const { patch, tiles, classes } = this.#passes;
    for (let tile = 0; tile < tiles; tile++) {
      for (const { first, slices } of slabsOf(classes, patch)) yield { tile, first, slices };
    }
  }

  *#wholeTiles(logits: Float32Array): Generator<Slab> {
    const { patch, tiles, classes } = this.#passes;
    for (let tile = 0; tile < tiles; tile++) yield wholeTile(logits, patch, classes, tile);
  }

  #sizeOf({ slices }: Pick<Slab, "slices">): Size3 {
    const [x, y] = this.#passes.patch;
    return [x, y, slices];
  }

  #areaOf(slab: Pick<Slab, "slices">): number {
    return voxelCount(this.#sizeOf(slab));
  }
}

function divide(values: Float32Array, by: number): void {
  if (by > 1) for (let i = 0; i < values.length; i++) values[i] = (values[i] as number) / by;
}
