import type { Size3 } from "#src/imaging/affine.js";
import type { Shape } from "#src/model/onnx/graph.js";
import { SLICES_A_BATCH } from "./cut-tiles.js";
import { freeArray } from "./free-array.js";
import type { Answer, Head, Tensor } from "./network-session.js";
import type { Slab } from "./slab.js";

/** Answers up to this size are made whole. */
export const WHOLE_BYTES = 2 ** 25;
/** Features are to be fewer than classes by so much: they are what is held in place of logits. */
const CLASSES_A_FEATURE = 2;
/** Logits that are made at once: they stay in a processor's caches, where they are read next. */
const SLAB_BYTES = 2 ** 23;

/**
 * Whether logits are made from features slab by slab, as less memory is held so.
 *
 * @param features shape of the features, [N, C, (Z,) Y, X]
 * @param logits shape of the logits
 * @param wholeBytes up to this size logits are made whole
 */
export function isMadeInSlabs(features: Shape, logits: Shape, wholeBytes: number = WHOLE_BYTES): boolean {
  const [tiles, classes, ...spatial] = logits;
  const [, channels] = features;
  if (!classes || !channels) return false;
  const voxels = spatial.reduce<number>((product, length) => product * (length ?? 0), 1);
  // A 2-D network takes as many slices as there is memory for, up to so many.
  const batch = tiles ?? (spatial.length === 2 ? SLICES_A_BATCH : 1);
  return 4 * batch * classes * voxels > wholeBytes && classes >= CLASSES_A_FEATURE * channels;
}

/** Whether the features of so many passes are no more than the logits of one. */
export function keepsFeatures(passes: number, channels: number, classes: number): boolean {
  return passes * channels <= classes;
}

/** The slices of a tile that are made at once, one slab after the other. */
export function slabsOf(classes: number, [x, y, z]: Size3): { readonly first: number; readonly slices: number }[] {
  const most = Math.min(z, Math.max(1, Math.floor(SLAB_BYTES / (4 * classes * x * y))));
  return Array.from({ length: Math.ceil(z / most) }, (_, n) => ({
    first: n * most,
    slices: Math.min(most, z - n * most),
  }));
}

/** Features of a batch of tiles, [tile, feature, (z,) y, x], and the head to them. */
export interface FeatureTile {
  readonly features: Tensor;
  readonly head: Head;
  /** Voxels of a tile along x, y, z. */
  readonly patch: Size3;
}

/** Logits of some slices of a tile, [1, class, (z,) y, x]. */
export async function logitsOfSlab(
  { features: { data, shape }, head, patch }: FeatureTile,
  { tile, first, slices }: Pick<Slab, "tile" | "first" | "slices">,
): Promise<Answer> {
  const [, channels = 0, ...spatial] = shape;
  const area = patch[0] * patch[1];
  const voxels = slices * area;
  const part = new Float32Array(channels * voxels);
  for (let c = 0; c < channels; c++) {
    const at = ((tile * channels + c) * patch[2] + first) * area;
    part.set(data.subarray(at, at + voxels), c * voxels);
  }
  const size = spatial.length === 3 ? [slices, ...spatial.slice(1)] : spatial;
  const answer = await head.run({ data: part, shape: [1, channels, ...size] });
  // There are many of them, and the garbage collector does not see how large they are.
  freeArray(part);
  return answer;
}
