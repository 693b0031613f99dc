import type { Size3, Vec3 } from "#src/imaging/affine.js";
import { voxelCount } from "#src/imaging/volume.js";
import { type ClassicalMethod, labelsOfMethod, type MethodOf } from "#src/model/classical-method.js";

/** What a classical method takes. */
export interface MethodNeeds {
  /** Bytes that it holds beyond the image at most, its labels and probabilities included. */
  readonly bytes: number;
  /** Whether it may hold much less: that hangs on what is found. */
  readonly isAtMost: boolean;
  /** Of a processor; null for contours, which take as long as their outlines are. */
  readonly seconds: number | null;
}

const NANOSECOND = 1e-9;
/** Voxels from which clusters are found, and the seconds that takes. */
const FIT = { voxels: 200_000, "k-means": 0.3, "fuzzy-c-means": 0.75, "fuzzy-neuro": 0 } as const;
/** Of features, for each voxel: gathering it, dividing out the field, one weight of a Gaussian on one axis. */
const FEATURES = { each: 30, flatten: 170, weight: 2.8 } as const;

/**
 * What a method takes of an image: classifiers array by array as the code makes them, the others for each voxel as
 * measured, each by itself, on volumes of 1.6 and 5.3 million voxels (bench/preflight/step-rates.ts).
 *
 * @param channels images on the grid
 * @param spacingMm null where it is unknown
 */
export function methodNeeds(
  method: ClassicalMethod,
  { size, spacingMm }: { readonly size: Size3; readonly spacingMm: Vec3 | null },
  channels: number,
): MethodNeeds {
  const voxels = voxelCount(size);
  const of = (bytes: number, nanoseconds: number | null, isAtMost = true, start = 0): MethodNeeds => ({
    ...{ bytes: bytes * voxels, isAtMost },
    seconds: nanoseconds === null ? null : start + NANOSECOND * nanoseconds * voxels,
  });
  switch (method.kind) {
    case "k-means":
    case "fuzzy-c-means":
    case "fuzzy-neuro": {
      const start = FIT[method.kind] * Math.min(1, voxels / FIT.voxels);
      const features = channels * featureNanoseconds(method, spacingMm ?? [1, 1, 1]);
      const nanoseconds = features + classifierNanoseconds(method, channels);
      return of(classifierBytes(method, channels), nanoseconds, method.mask === "nonzero", start);
    }
    case "region-growing": {
      const rounds = method.accept.rule === "confidence" ? method.accept.iterations : 0;
      return of(34, 150 + 20 * rounds);
    }
    case "chan-vese":
      return of(isFlat(method, size) ? 12 : 100, null);
    case "geodesic-contour":
      return of(isFlat(method, size) ? 30 : 85, null);
    case "watershed":
      return of(33 + queueBytes(method, voxels) / voxels, 2000);
  }
}

/** The queue of a flood holds its first voxels and some more; it doubles, and the one before is not yet collected. */
function queueBytes({ backgroundPercentile, objectPercentile }: MethodOf<"watershed">, voxels: number): number {
  const share = Math.min(1, (1.25 * (backgroundPercentile + 100 - objectPercentile)) / 100);
  return 30 * 2 ** Math.ceil(Math.log2(Math.max(1, share * voxels)));
}

type Classifier = MethodOf<"k-means" | "fuzzy-c-means" | "fuzzy-neuro">;

/** Slices one by one. */
function isFlat({ dimensions }: { readonly dimensions: 2 | 3 }, size: Size3): boolean {
  return dimensions === 2 && size[2] > 1;
}

/** The larger of what is held while features are made, and while voxels are classified; two arrays not yet collected. */
function classifierBytes(method: Classifier, channels: number): number {
  const features = channels * method.smoothMm.length;
  // Mask and indices of its voxels.
  const always = 5 + 4 * features;
  const flattening = method.flattenMm === undefined ? 0 : 24;
  const smoothing = method.smoothMm.some((mm) => mm > 0) ? 20 : 0;
  const flat = method.flattenMm === undefined ? 0 : 4 * channels;
  const classes = method.labels.length;
  const probabilities = method.kind === "k-means" ? 1 : 4 * classes + 4 * labelsOfMethod(method).length;
  const labels = 2;
  return 8 + always + Math.max(flat + Math.max(flattening, smoothing), probabilities + labels);
}

/** Of one channel: the image and its mask are smoothed. */
function featureNanoseconds({ smoothMm, flattenMm }: Classifier, spacingMm: Vec3): number {
  const weights = smoothMm.flatMap((mm) => (mm === 0 ? [] : spacingMm.map((step) => 1 + 8 * (mm / step))));
  const smoothing = 2 * weights.reduce((sum, count) => sum + count, 0);
  return (
    FEATURES.each * smoothMm.length + (flattenMm === undefined ? 0 : FEATURES.flatten) + FEATURES.weight * smoothing
  );
}

function classifierNanoseconds(method: Classifier, channels: number): number {
  const features = channels * method.smoothMm.length;
  const classes = method.labels.length;
  if (method.kind === "k-means") return classes * (10 + 5 * features);
  if (method.kind === "fuzzy-c-means") return classes * (25 + 5 * features);
  const functions = method.memberships.reduce((sum, of) => sum + of.length, 0);
  const hidden = method.hidden.bias.length;
  const products = hidden * ((functions || features) + classes);
  return 30 * functions + 1.5 * products + 15 * (hidden + classes);
}
