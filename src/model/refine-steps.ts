import { z } from "zod";

/** Labels a step works on: values of the model's label map, background (0) excluded. */
const labels = z.array(z.int().min(1).max(65_535)).min(1);
const positive = z.number().positive().finite();
const weight = z.number().min(0).finite();

/** Keeps a label only where its probability reaches the threshold; elsewhere the voxel becomes background. */
export const ThresholdStep = z.strictObject({
  kind: z.literal("threshold"),
  labels,
  /** Lowest probability that is kept, in (0, 1]. */
  probability: z.number().gt(0).max(1),
});

/** Keeps the largest connected component of the union of `labels`; components as large as the largest stay too. */
export const LargestComponentStep = z.strictObject({
  kind: z.literal("largest-component"),
  labels,
  connectivity: z.literal([6, 18, 26]).default(26),
});

/** Removes the components of each label that are smaller than a volume. */
export const RemoveSmallStep = z.strictObject({
  kind: z.literal("remove-small"),
  labels,
  connectivity: z.literal([6, 18, 26]).default(26),
  minMm3: positive,
});

/** Fills background that a label encloses, in 3-D or in each slice (along z) on its own. */
export const FillHolesStep = z.strictObject({
  kind: z.literal("fill-holes"),
  labels,
  dimensions: z.literal([2, 3]).default(3),
});

/**
 * Fully connected CRF (Krähenbühl and Koltun 2011) with the arithmetic of pydensecrf: Potts model, a Gaussian
 * ("smoothness") and a bilateral ("appearance") kernel, symmetric normalisation.
 */
export const DenseCrfStep = z.strictObject({
  kind: z.literal("dense-crf"),
  /** 2: each slice along z on its own. 3: the volume at once. */
  dimensions: z.literal([2, 3]).default(3),
  iterations: z.int().min(0).max(100).default(5),
  smoothness: z.strictObject({ weight, widthMm: positive }).optional(),
  appearance: z
    .strictObject({
      weight,
      widthMm: positive,
      /** Width in units of the image's standard deviation inside the foreground box. */
      widthSd: positive,
    })
    .optional(),
});

/** One step after the network, as a manifest names it. */
export const RefineStep = z.discriminatedUnion("kind", [
  ThresholdStep,
  LargestComponentStep,
  RemoveSmallStep,
  FillHolesStep,
  DenseCrfStep,
]);
export type RefineStep = z.infer<typeof RefineStep>;
export type DenseCrfStep = z.infer<typeof DenseCrfStep>;

/** Steps that read probabilities; the others need labels alone. */
export function needsProbabilities(step: RefineStep): boolean {
  return step.kind === "threshold" || step.kind === "dense-crf";
}
