import type { DicomInstance } from "./dicom-instance.js";
import { rescaleInto, rescaleIntoIntegers, type StoredPixels } from "./dicom-pixels.js";

/**
 * The voxels of a series while its slices come in, in any order: float32, or 16-bit integers for as long as no slice
 * has a value that they cannot hold.
 */
export class SeriesVoxels {
  #data: Float32Array | Int16Array;

  /** @param integers whether 16-bit integers will do */
  constructor(voxels: number, integers: boolean) {
    this.#data = integers ? new Int16Array(voxels) : new Float32Array(voxels);
  }

  /** Voxel after voxel, slice after slice. */
  get data(): Float32Array | Int16Array {
    return this.#data;
  }

  /** Puts the real values of a slice at number `z`. All slices are of one size. */
  place(z: number, pixels: StoredPixels, slice: DicomInstance): void {
    const voxels = slice.size[0] * slice.size[1];
    if (this.#data instanceof Int16Array) {
      const own = this.#data.subarray(z * voxels, (z + 1) * voxels);
      if (isWholeFrame(slice) && rescaleIntoIntegers(own, pixels, slice.pixels)) return;
      this.#data = new Float32Array(this.#data);
    }
    placeSlice(this.#data.subarray(z * voxels, (z + 1) * voxels), pixels, slice);
  }
}

function isWholeFrame({ size, pixels }: DicomInstance): boolean {
  return size[0] === pixels.columns && size[1] === pixels.rows;
}

/** Real values of a slice: a whole stored frame, or a tile of one. */
function placeSlice(target: Float32Array, pixels: StoredPixels, slice: DicomInstance): void {
  const { pixels: format, size, tileStart } = slice;
  if (isWholeFrame(slice)) {
    rescaleInto(target, 0, pixels, format);
    return;
  }
  const frame = new Float32Array(format.columns * format.rows);
  rescaleInto(frame, 0, pixels, format);
  for (let j = 0; j < size[1]; j++) {
    const from = (tileStart[1] + j) * format.columns + tileStart[0];
    target.set(frame.subarray(from, from + size[0]), j * size[0]);
  }
}
