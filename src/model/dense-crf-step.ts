import { z } from "zod";
import { positiveSize } from "./step-fields.js";

const weight = z.number().min(0).finite();

/** Width of a kernel in millimetres: one for all axes, or along x, y, z. */
const widthMm = z.union([positiveSize, z.tuple([positiveSize, positiveSize, positiveSize])]);

/** pydensecrf's normalisations of a kernel K by n = K 1: K; K 1/n; 1/n K; 1/sqrt(n) K 1/sqrt(n). */
const normalisation = z.enum(["none", "before", "after", "symmetric"]).default("symmetric");

/**
 * A fully connected CRF on probabilities and image: voxels that lie together, and those that also look alike, pull each
 * other to the same label.
 */
export const DenseCrfStep = z
  .strictObject({
    kind: z.literal("dense-crf"),
    /** 2: each slice along z on its own. 3: the volume at once. */
    dimensions: z.literal([2, 3]).default(3),
    /** Mean-field updates, at most. */
    iterations: z.int().min(0).max(100).default(5),
    /** Stops when no marginal changes by more than this. 0: all iterations are made. */
    tolerance: z.number().min(0).lt(1).default(0),
    /**
     * What a voxel holds to by itself. "labels": the label it has, with the confidence given, and every other with an
     * equal share of the rest.
     */
    unary: z
      .union([
        z.literal("probabilities"),
        z.strictObject({ from: z.literal("labels"), confidence: z.number().gt(0).lt(1) }),
      ])
      .default("probabilities"),
    /** Pulls voxels together that lie together. */
    smoothness: z.strictObject({ weight, widthMm, normalisation }).optional(),
    /** Pulls voxels together that lie together and look alike. */
    appearance: z
      .strictObject({
        weight,
        widthMm,
        normalisation,
        /** Channels of the image that are looked at. */
        channels: z.array(z.int().min(0).max(3)).min(1).max(4).default([0]),
        /** Width in units of each channel's standard deviation inside the box of the probabilities. */
        widthSd: positiveSize.optional(),
        /** Width in the image's own units. */
        width: positiveSize.optional(),
        /** Width in units of each channel's noise, estimated from the differences of neighbours along x. */
        widthNoise: positiveSize.optional(),
      })
      .refine(
        (kernel) => [kernel.widthSd, kernel.width, kernel.widthNoise].filter((w) => w !== undefined).length === 1,
        {
          path: ["widthSd"],
          message: "expected one of `widthSd`, `width` and `widthNoise`",
        },
      )
      .refine((kernel) => new Set(kernel.channels).size === kernel.channels.length, {
        path: ["channels"],
        message: "a channel is named twice",
      })
      .optional(),
    /**
     * What it costs that two labels are neighbours, by row and column: background first, then the labels in ascending
     * order. Times the kernel's weight. Default: nothing for a label and itself, one for any other.
     */
    penalties: z.array(z.array(z.number().finite())).min(2).optional(),
    /**
     * Only voxels whose likeliest label is less probable than `below`, and those within `marginMm` of one, take part;
     * the others keep their label and are not heard.
     */
    uncertainOnly: z.strictObject({ below: z.number().gt(0).max(1), marginMm: z.number().min(0).finite() }).optional(),
  })
  .refine(({ penalties }) => penalties === undefined || penalties.every((row) => row.length === penalties.length), {
    path: ["penalties"],
    message: "expected as many columns as rows",
  })
  .refine(({ penalties }) => penalties?.every((row, a) => row.every((cost, b) => cost === penalties[b]?.[a])) ?? true, {
    path: ["penalties"],
    message: "expected the same cost whichever of two labels comes first",
  })
  .refine(({ unary, uncertainOnly }) => unary === "probabilities" || uncertainOnly === undefined, {
    path: ["uncertainOnly"],
    message: "needs probabilities, but `unary` is labels, which are all as certain",
  });
export type DenseCrfStep = z.infer<typeof DenseCrfStep>;

/** Whether a kernel takes part. */
export function weighs(kernel: { readonly weight: number } | undefined): boolean {
  return kernel !== undefined && kernel.weight > 0;
}

/** Whether a step changes anything: one of no iteration, or of kernels without weight, leaves all as it is. */
export function isActive({ iterations, smoothness, appearance }: DenseCrfStep): boolean {
  return iterations > 0 && (weighs(smoothness) || weighs(appearance));
}
