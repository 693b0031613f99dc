import type { ResultId } from "#src/core/ids.js";
import type { Size3 } from "#src/imaging/affine.js";
import type { Volume } from "#src/imaging/volume.js";
import type { DicomSource } from "./scan.js";
import type { SegCode } from "./seg-codes.js";

/** One segment: a value of the label map and what it stands for. */
export interface SegSegment {
  readonly value: number;
  readonly name: string;
  readonly displayName: string;
  readonly category: SegCode;
  readonly type: SegCode;
  /** Modifier of the type, as a laterality. */
  readonly modifier?: SegCode | undefined;
  readonly colourRgb: readonly [number, number, number];
}

/** What made the labels. */
interface SegAlgorithm {
  readonly name: string;
  readonly version: string;
  /**
   * True: segments carry an algorithm identification of the family Artificial Intelligence. False: none, as a
   * method without a network has no one code of CID 7162.
   *
   * @default true
   */
  readonly isNetwork?: boolean;
}

interface SegCommon {
  readonly source: DicomSource;
  /** In the order of their segment numbers, which count from 1 (LABELMAP: which are their values). */
  readonly segments: readonly SegSegment[];
  readonly algorithm: SegAlgorithm;
  /** Every UID of the object is derived from this and its kind. */
  readonly identity: ResultId;
}

/** A segmentation of labels: each voxel one segment, or none. */
export interface SegLabels {
  /**
   * - binary: one bit a pixel, a frame for every slice of every segment, which every viewer reads.
   * - labelmap: one frame a slice, pixels hold segment numbers in 8 bits or, where one is above 255, in 16; RLE.
   *
   * @default "binary"
   */
  readonly kind?: "binary" | "labelmap";
  /** On the source's grid: x along rows, y along columns, z in the order of `source.slices`. */
  readonly labels: Volume<Uint8Array | Uint16Array>;
}

/** A segmentation of probabilities: segments may share voxels. */
export interface SegProbabilities {
  /** One byte a pixel, 255 for a probability of 1; frames of nothing but 0 are left out. */
  readonly kind: "fractional";
  /** Of the source's grid. */
  readonly size: Size3;
  /** Label value to probabilities on the source's grid; outside [0, 1] they are brought to it, NaN to 0. */
  readonly probabilities: ReadonlyMap<number, Float32Array>;
}

export type SegOptions = SegCommon & (SegLabels | SegProbabilities);
