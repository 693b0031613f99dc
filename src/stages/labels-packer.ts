import { GzipStream } from "#src/formats/gzip-stream.js";
import { niftiParts } from "#src/formats/nifti-write.js";
import type { Grid } from "#src/imaging/volume.js";

/** Packs the file of a label map (`labelsFile`) while the map is being made, slice after slice. */
export class LabelsPacker {
  readonly #grid: Grid;
  #labels: Uint8Array | Uint16Array | null = null;
  #gzip: GzipStream | null = null;
  #voxels: Uint8Array = new Uint8Array();
  #done = 0;

  constructor({ size, affineRas, spacingMm }: Grid) {
    this.#grid = { size, affineRas, spacingMm };
  }

  /** Takes a label map of which so many voxels will not change any more. */
  add(labels: Uint8Array | Uint16Array, count: number): void {
    if (this.#labels !== labels) this.#begin(labels);
    const end = count * labels.BYTES_PER_ELEMENT;
    if (end > this.#done) this.#gzip?.add(this.#voxels.subarray(this.#done, end));
    this.#done = end;
  }

  /** The file, once no voxel will change any more. */
  async finish(labels: Uint8Array | Uint16Array): Promise<Uint8Array> {
    this.add(labels, labels.length);
    return this.#gzip?.finish() ?? new Uint8Array();
  }

  /** Lets go of what was packed. */
  close(): void {
    this.#gzip?.close();
  }

  #begin(labels: Uint8Array | Uint16Array): void {
    this.close();
    const [header, voxels] = niftiParts({ ...this.#grid, data: labels });
    this.#gzip = new GzipStream();
    this.#gzip.add(header);
    this.#labels = labels;
    this.#voxels = voxels;
    this.#done = 0;
  }
}
