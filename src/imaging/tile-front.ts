import type { Size3 } from "./affine.js";
import { roundRangeToFloat16 } from "./float16.js";
import { voxelCount } from "./volume.js";

/** Called with each slice that no later tile touches: one array a class, valid until the call ends. */
export type OnSlice = (z: number, classes: readonly Float32Array[]) => void;

export interface TileFrontOptions {
  /** Voxels of the whole volume along x, y, z. */
  readonly size: Size3;
  /** Voxels of a tile along x, y, z. */
  readonly patch: Size3;
  readonly classes: number;
  /** One weight a voxel of the tile, x fastest. */
  readonly weights: Float32Array;
  /**
   * float16: sums are rounded to half precision after every addition and so is the quotient, as nnU-Net's are
   * (`torch.half` accumulators). float32: neither is.
   */
  readonly precision: "float16" | "float32";
}

/**
 * Blends weighted tiles into one volume of `classes` channels and gives every slice away as soon as the window has
 * passed it. Memory: (classes + 1) x tile depth x slice x 4 bytes, whatever the volume's length.
 */
export class TileFront {
  readonly #options: TileFrontOptions;
  readonly #onSlice: OnSlice;
  /** Slices [front, front + tile depth) of each class, slice z at z modulo the depth; the weights come last. */
  readonly #planes: readonly { readonly values: Float32Array; readonly bits: Uint32Array }[];
  #front = 0;

  constructor(options: TileFrontOptions, onSlice: OnSlice) {
    this.#options = options;
    this.#onSlice = onSlice;
    const [nx, ny] = options.size;
    this.#planes = Array.from({ length: options.classes + 1 }, () => {
      const values = new Float32Array(nx * ny * options.patch[2]);
      return { values, bits: new Uint32Array(values.buffer) };
    });
  }

  /**
   * Adds one tile. Tiles come in ascending order of their first slice.
   *
   * @param start first voxel of the tile along x, y, z
   * @param logits the tile's values, [classes, z, y, x], from `offset` on
   * @throws {RangeError} when the tile starts before a slice that was given away
   */
  add(start: Size3, logits: Float32Array, offset: number): void {
    if (start[2] < this.#front) throw new RangeError(`tile starts at slice ${start[2]}, the front is ${this.#front}`);
    this.#giveAwayTo(start[2]);
    const { size, patch, classes, weights, precision } = this.#options;
    const [nx, ny] = size;
    const [px, py, pz] = patch;
    const tile = voxelCount(patch);
    const isHalf = precision === "float16";
    for (let c = 0; c <= classes; c++) {
      const plane = this.#planes[c];
      const isWeight = c === classes;
      for (let z = 0; z < pz; z++) {
        const slice = ((start[2] + z) % pz) * nx * ny;
        for (let y = 0; y < py; y++) {
          const from = px * (y + py * z);
          const to = slice + start[0] + nx * (start[1] + y);
          if (isWeight) addRow(plane.values, to, weights, from, px);
          else addProduct(plane.values, to, logits, offset + c * tile + from, weights, from, px);
          if (isHalf) roundRangeToFloat16(plane.values, plane.bits, to, to + px);
        }
      }
    }
  }

  /** Gives away what is left. */
  finish(): void {
    this.#giveAwayTo(this.#options.size[2]);
  }

  #giveAwayTo(end: number): void {
    const { size, patch, classes, precision } = this.#options;
    const area = size[0] * size[1];
    for (; this.#front < end; this.#front++) {
      const from = (this.#front % patch[2]) * area;
      const weight = this.#planes[classes].values;
      const slices = this.#planes.slice(0, classes).map(({ values, bits }) => {
        for (let i = from; i < from + area; i++) values[i] /= weight[i];
        if (precision === "float16") roundRangeToFloat16(values, bits, from, from + area);
        return values.subarray(from, from + area);
      });
      this.#onSlice(this.#front, slices);
      for (const { values } of this.#planes) values.fill(0, from, from + area);
    }
  }
}

function addRow(target: Float32Array, to: number, source: Float32Array, from: number, length: number): void {
  for (let i = 0; i < length; i++) target[to + i] += source[from + i];
}

/** Products are rounded to float32 before they are added, as those of a float32 tensor are. */
function addProduct(
  target: Float32Array,
  to: number,
  source: Float32Array,
  from: number,
  weights: Float32Array,
  weightFrom: number,
  length: number,
): void {
  for (let i = 0; i < length; i++) {
    target[to + i] += Math.fround(source[from + i] * weights[weightFrom + i]);
  }
}
