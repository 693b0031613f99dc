import { z } from "zod";

const positive = z.number().positive().finite();
const finite = z.number().finite();
const iterations = (most: number) => z.int().min(0).max(most);
const dimensions = z.literal([2, 3]).default(3);
const labelValue = z.int().min(0).max(65_535);
/** Label of the object that a method of two classes finds. */
const label = z.int().min(1).max(65_535).default(1);

/** What a classifier of voxels reads. All features are scaled to mean 0 and deviation 1 of the (flattened) intensity. */
const voxelFeatures = {
  /** Voxels that take part: all, or those where the first channel is not 0 (an image cut to the brain). */
  mask: z.enum(["all", "nonzero"]).default("all"),
  /** Divides out slow changes of brightness: structures wider than about this many millimetres. Off when left out. */
  flattenMm: positive.optional(),
  /** Features of each channel: the intensity smoothed by Gaussians of these standard deviations; 0 is the voxel's own. */
  smoothMm: z.array(z.number().min(0).finite()).min(1).max(8).default([0]),
};

const clusters = {
  ...voxelFeatures,
  /** Label of each cluster, from the one with the lowest first feature to the one with the highest; 0 is background. */
  labels: z.array(labelValue).min(2).max(16),
  iterations: iterations(1000).default(100),
  /** Ends when no centre moves farther, in standard deviations of the intensity. */
  tolerance: z.number().min(0).finite().default(1e-4),
};

export const KMeansMethod = z.strictObject({ kind: z.literal("k-means"), ...clusters });

export const FuzzyCMeansMethod = z.strictObject({
  kind: z.literal("fuzzy-c-means"),
  ...clusters,
  /** Exponent m of the memberships. */
  fuzziness: z.number().gt(1).max(10).default(2),
});

const layer = z.strictObject({ weights: z.array(z.array(finite).min(1)).min(1), bias: z.array(finite).min(1) });

/** A small trained classifier of voxels; its parameters are part of the manifest. */
export const FuzzyNeuroMethod = z.strictObject({
  kind: z.literal("fuzzy-neuro"),
  ...voxelFeatures,
  /** Label of each class. */
  labels: z.array(labelValue).min(2).max(16),
  /** Gaussian membership functions of each feature; an empty list: the network reads the features (a plain network). */
  memberships: z.array(z.array(z.strictObject({ centre: finite, width: positive })).min(1)),
  hidden: layer,
  output: layer,
});

/** Voxels from which a region grows. */
const Seeds = z.discriminatedUnion("rule", [
  /** Voxels at or above a percentile of the image. */
  z.strictObject({ rule: z.literal("above-percentile"), percentile: z.number().min(0).max(100) }),
  z.strictObject({ rule: z.literal("below-percentile"), percentile: z.number().min(0).max(100) }),
  /** Positions in the patient, in millimetres, RAS. Those outside the image are left out. */
  z.strictObject({ rule: z.literal("points"), pointsRasMm: z.array(z.tuple([finite, finite, finite])).min(1) }),
]);

/** What values a region takes in. */
const Accept = z.discriminatedUnion("rule", [
  /** Image values, both included; one left out is open. */
  z.strictObject({ rule: z.literal("range"), low: finite.optional(), high: finite.optional() }),
  /** At most this far from the mean of the seeds. */
  z.strictObject({ rule: z.literal("tolerance"), tolerance: z.number().min(0).finite() }),
  /** From Otsu's threshold of the image upwards (or downwards). */
  z.strictObject({ rule: z.literal("otsu"), side: z.enum(["above", "below"]).default("above") }),
  /** Mean plus and minus a number of standard deviations, taken anew from the region (ITK's ConfidenceConnected). */
  z.strictObject({
    rule: z.literal("confidence"),
    multiplier: positive.default(2.5),
    iterations: iterations(100).default(4),
    radiusVox: z.int().min(0).max(10).default(1),
  }),
]);

export const RegionGrowingMethod = z.strictObject({
  kind: z.literal("region-growing"),
  label,
  dimensions,
  seeds: Seeds,
  accept: Accept,
  /** Face (6), edge (18) or corner (26) neighbours; a confidence range is always face-connected. */
  connectivity: z.literal([6, 18, 26]).default(6),
});

/**
 * Where a contour starts: brighter or darker than Otsu's threshold, brighter than midway between the darkest and the
 * brightest voxel (for an object that is a small part of the image), or a chessboard of squares of 5 voxels.
 */
const start = z.enum(["above-otsu", "below-otsu", "above-midrange", "checkerboard"]).default("above-otsu");

export const chanVeseOptions = {
  /** 2: each slice along z on its own. 3: the volume at once. */
  dimensions,
  iterations: iterations(1000).default(20),
  /** Curvature smoothings an iteration. */
  smoothing: z.int().min(0).max(10).default(1),
  /** Weight of the spread inside and outside. */
  lambdaInside: positive.default(1),
  lambdaOutside: positive.default(1),
};

export const geodesicOptions = {
  dimensions,
  iterations: iterations(1000).default(20),
  smoothing: z.int().min(0).max(10).default(1),
  /** Above 0 the contour swells, below 0 it shrinks, where the edge image is above the threshold. */
  balloon: finite.default(0),
  /** Of the edge image, in (0, 1); "auto": its 40th percentile. */
  threshold: z.union([z.literal("auto"), z.number().gt(0).lt(1)]).default("auto"),
  /** Width of the smoothing before edges are looked for. */
  sigmaMm: positive.default(1),
  /** Steepness of the edge image 1 / sqrt(1 + alpha g), g in standard deviations of the image a millimetre. */
  alpha: positive.default(10),
};

export const ChanVeseMethod = z.strictObject({ kind: z.literal("chan-vese"), label, start, ...chanVeseOptions });
export const GeodesicMethod = z.strictObject({ kind: z.literal("geodesic-contour"), label, start, ...geodesicOptions });

/** Marker-based watershed of the gradient: floods from what is surely object and from what is surely background. */
export const WatershedMethod = z.strictObject({
  kind: z.literal("watershed"),
  label,
  dimensions,
  /** Width of the derivative of a Gaussian whose length is flooded. */
  sigmaMm: positive.default(1),
  /** At or below this percentile of the image: background. */
  backgroundPercentile: z.number().min(0).max(100),
  /** At or above this percentile of the image: object. */
  objectPercentile: z.number().min(0).max(100),
  connectivity: z.literal([6, 18, 26]).default(6),
});

/** A method that segments without a network, as a manifest names it. */
export const ClassicalMethod = z.discriminatedUnion("kind", [
  KMeansMethod,
  FuzzyCMeansMethod,
  FuzzyNeuroMethod,
  RegionGrowingMethod,
  ChanVeseMethod,
  GeodesicMethod,
  WatershedMethod,
]);
export type ClassicalMethod = z.infer<typeof ClassicalMethod>;
/** One kind of method, by its name. */
export type MethodOf<Kind extends ClassicalMethod["kind"]> = Extract<ClassicalMethod, { kind: Kind }>;

/** Labels that a method can give, background (0) left out. */
export function labelsOfMethod(method: ClassicalMethod): number[] {
  return "labels" in method ? [...new Set(method.labels)].filter((value) => value > 0) : [method.label];
}

/** Whether a method says how probable a label is; the others decide without. */
export function givesProbabilities({ kind }: ClassicalMethod): boolean {
  return kind === "fuzzy-c-means" || kind === "fuzzy-neuro";
}
