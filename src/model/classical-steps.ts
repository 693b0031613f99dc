import { z } from "zod";
import { chanVeseOptions, geodesicOptions } from "./classical-method.js";
import { positiveSize, stepLabels } from "./step-fields.js";

const dimensions = z.literal([2, 3]).default(3);

/**
 * Parts the image into superpixels (SLIC) and lets each decide as one: by the majority of its labels, or by the mean of
 * its probabilities, background being what is left to 1.
 */
export const SuperpixelVoteStep = z.strictObject({
  kind: z.literal("superpixel-vote"),
  use: z.enum(["labels", "probabilities"]).default("labels"),
  /** Edge of a superpixel. */
  edgeMm: positiveSize,
  /** Larger: more compact superpixels; smaller: outlines follow the image. For intensities scaled to [0, 1]. */
  compactness: positiveSize.default(0.1),
  iterations: z.int().min(1).max(100).default(10),
  dimensions,
});

/** Lets the outline of each label run over the image: to the closer of the mean inside and around it. */
export const ChanVeseStep = z.strictObject({
  kind: z.literal("chan-vese"),
  labels: stepLabels,
  /** How far around the label the image is looked at, and the outline can go. */
  marginMm: positiveSize.default(10),
  ...chanVeseOptions,
  iterations: chanVeseOptions.iterations.default(5),
});

/** Lets the outline of each label run to the edges of the image beside it. */
export const GeodesicContourStep = z.strictObject({
  kind: z.literal("geodesic-contour"),
  labels: stepLabels,
  marginMm: positiveSize.default(10),
  ...geodesicOptions,
  iterations: geodesicOptions.iterations.default(5),
});

/** Grows each label into the background beside it, where the image is as it is inside the label. */
export const RegionGrowStep = z.strictObject({
  kind: z.literal("region-grow"),
  labels: stepLabels,
  /** Values that are taken in: the mean inside the label plus and minus this many of its standard deviations. */
  deviations: positiveSize.default(2),
  /** No farther than this from the label. */
  withinMm: positiveSize,
  connectivity: z.literal([6, 18, 26]).default(6),
});

/** Decides anew which side voxels near an outline belong to: labels and background flood the image's gradient. */
export const WatershedStep = z.strictObject({
  kind: z.literal("watershed"),
  /** Voxels this close to an outline are decided anew. */
  bandMm: positiveSize,
  /** Width of the derivative of a Gaussian whose length is flooded. */
  sigmaMm: positiveSize.default(1),
  connectivity: z.literal([6, 18, 26]).default(6),
});
