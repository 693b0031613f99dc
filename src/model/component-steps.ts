import { z } from "zod";
import { componentConnectivity, positiveSize, stepLabels } from "./step-fields.js";

/**
 * Keeps the largest connected component: with its defaults nnU-Net's rule; with `scope: "label"`, `connectivity: 6`
 * and `ties: "first"` TotalSegmentator's. Components of slices (4, 8) are compared within their slice.
 */
export const LargestComponentStep = z.strictObject({
  kind: z.literal("largest-component"),
  labels: stepLabels,
  connectivity: componentConnectivity(26),
  /** "union": of all labels together; "label": of each on its own. */
  scope: z.enum(["union", "label"]).default("union"),
  /** Of components as large as the largest, all stay, or the first (lowest x, then y, then z). */
  ties: z.enum(["all", "first"]).default("all"),
});

/** Removes the components that are smaller than a volume; with `connectivity: 6` and `atLimit: "remove"` TotalSegmentator's rule. */
export const RemoveSmallStep = z
  .strictObject({
    kind: z.literal("remove-small"),
    labels: stepLabels,
    connectivity: componentConnectivity(26),
    scope: z.enum(["union", "label"]).default("label"),
    minMm3: positiveSize.optional(),
    minVoxels: z.int().min(1).optional(),
    /** What becomes of a component of exactly that volume. */
    atLimit: z.enum(["keep", "remove"]).default("keep"),
  })
  .refine((step) => (step.minVoxels === undefined) !== (step.minMm3 === undefined), {
    path: ["minMm3"],
    message: "expected one of `minMm3` and `minVoxels`",
  });

/** Fills background that a label encloses, in 3-D or in each slice (along z) on its own. */
export const FillHolesStep = z
  .strictObject({
    kind: z.literal("fill-holes"),
    labels: stepLabels,
    dimensions: z.literal([2, 3]).default(3),
    /** Larger holes stay open. @default every hole is filled */
    maxMm3: positiveSize.optional(),
    maxVoxels: z.int().min(1).optional(),
  })
  .refine((step) => step.maxVoxels === undefined || step.maxMm3 === undefined, {
    path: ["maxMm3"],
    message: "expected at most one of `maxMm3` and `maxVoxels`",
  });

/** Dilation, erosion, opening or closing of each label with a ball (a disc where `dimensions` is 2). */
export const MorphologyStep = z.strictObject({
  kind: z.literal("morphology"),
  labels: stepLabels,
  operation: z.enum(["dilate", "erode", "open", "close"]),
  radiusMm: positiveSize,
  dimensions: z.literal([2, 3]).default(3),
});

/** Keeps the voxels of a label that are near others of the same map, or far from them. */
export const KeepNearStep = z
  .strictObject({
    kind: z.literal("keep-near"),
    labels: stepLabels,
    /** Labels whose union is measured to. Without a voxel of them, nothing is near. */
    anatomy: stepLabels,
    /** Straight distance between voxel centres. */
    withinMm: positiveSize.optional(),
    /** Steps from face to face, as scipy's `binary_dilation` counts its iterations. */
    withinSteps: z.int().min(1).max(10_000).optional(),
    keep: z.enum(["near", "far"]).default("near"),
  })
  .refine((step) => (step.withinMm === undefined) !== (step.withinSteps === undefined), {
    path: ["withinMm"],
    message: "expected one of `withinMm` and `withinSteps`",
  });

const quantity = z.number().min(0).finite();

/** Removes the components of each label that fail any of the tests named. */
export const ScreenComponentsStep = z
  .strictObject({
    kind: z.literal("screen-components"),
    labels: stepLabels,
    connectivity: componentConnectivity(26),
    /** Of the label's own probability over the component: mean or largest must reach `min`. */
    score: z.strictObject({ statistic: z.enum(["mean", "max"]), min: z.number().gt(0).max(1) }).optional(),
    /** Volume, ends included. */
    size: z
      .strictObject({
        minMm3: quantity.optional(),
        maxMm3: quantity.optional(),
        minVoxels: z.int().min(0).optional(),
        maxVoxels: z.int().min(0).optional(),
      })
      .optional(),
    /** See `ComponentShape`: elongation from 1, sphericity and extent in (0, 1]. */
    shape: z
      .strictObject({
        maxElongation: z.number().min(1).finite().optional(),
        minSphericity: quantity.max(1).optional(),
        minExtent: quantity.max(1).optional(),
      })
      .optional(),
    /** Straight distance from the component's nearest voxel centre to the nearest of these labels. */
    anatomy: z
      .strictObject({ labels: stepLabels, withinMm: positiveSize, keep: z.enum(["near", "far"]).default("near") })
      .optional(),
  })
  .refine((step) => step.score ?? step.size ?? step.shape ?? step.anatomy, {
    path: ["score"],
    message: "expected at least one of `score`, `size`, `shape` and `anatomy`",
  });
