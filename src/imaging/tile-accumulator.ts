import type { Size3 } from "./affine.js";
import { voxelCount } from "./volume.js";

/**
 * Sums weighted tiles into one volume of `classes` channels; `finish` divides by the summed weights.
 * Memory: (classes + 1) x voxels x 4 bytes, whatever the number of tiles.
 */
export class TileAccumulator {
  readonly #size: Size3;
  readonly #patch: Size3;
  readonly #classes: number;
  readonly #weights: Float32Array;
  readonly #sum: Float32Array;
  readonly #weightSum: Float32Array;

  /**
   * @param size voxels of the whole volume along x, y, z
   * @param patch voxels of a tile along x, y, z
   * @param weights one weight a voxel of the tile, x fastest
   */
  constructor(size: Size3, patch: Size3, classes: number, weights: Float32Array) {
    this.#size = size;
    this.#patch = patch;
    this.#classes = classes;
    this.#weights = weights;
    this.#sum = new Float32Array(classes * voxelCount(size));
    this.#weightSum = new Float32Array(voxelCount(size));
  }

  /**
   * Adds one tile.
   *
   * @param start first voxel of the tile along x, y, z
   * @param logits the tile's values, [classes, z, y, x], from `offset` on
   */
  add(start: Size3, logits: Float32Array, offset: number): void {
    const [nx, ny] = this.#size;
    const [px, py, pz] = this.#patch;
    const voxels = voxelCount(this.#size);
    const tile = px * py * pz;
    const weights = this.#weights;
    for (let z = 0; z < pz; z++) {
      for (let y = 0; y < py; y++) {
        const from = px * (y + py * z);
        const to = start[0] + nx * (start[1] + y + ny * (start[2] + z));
        addRow(this.#weightSum, to, weights, from, px);
        for (let c = 0; c < this.#classes; c++) {
          addProduct(this.#sum, c * voxels + to, logits, offset + c * tile + from, weights, from, px);
        }
      }
    }
  }

  /** The blended volume, [classes, z, y, x]. The accumulator must not be used afterwards. */
  finish(): Float32Array {
    const voxels = this.#weightSum.length;
    for (let c = 0; c < this.#classes; c++) divide(this.#sum, c * voxels, this.#weightSum);
    return this.#sum;
  }
}

function addRow(target: Float32Array, to: number, source: Float32Array, from: number, length: number): void {
  for (let i = 0; i < length; i++) target[to + i] += source[from + i];
}

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
    target[to + i] += source[from + i] * weights[weightFrom + i];
  }
}

function divide(target: Float32Array, from: number, divisor: Float32Array): void {
  for (let i = 0; i < divisor.length; i++) target[from + i] /= divisor[i];
}
