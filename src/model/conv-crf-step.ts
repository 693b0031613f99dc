import { z } from "zod";
import { positiveSize } from "./step-fields.js";

const weight = z.number().min(0).finite();

/**
 * The dense CRF with a truncated window (ConvCRF, Teichmann and Cipolla 2018): a voxel hears those around it only. The
 * energy is that of `dense-crf` with its defaults; it runs as a graph on the device of the networks, a GPU where there
 * is one.
 */
export const ConvCrfStep = z
  .strictObject({
    kind: z.literal("conv-crf"),
    /** 2: each slice along z on its own. 3: the volume at once. */
    dimensions: z.literal([2, 3]).default(3),
    iterations: z.int().min(1).max(100).default(5),
    /** Half the edge of the window along each axis. Twice the wider of the kernels is nearly all of them. */
    radiusMm: positiveSize,
    smoothness: z.strictObject({ weight, widthMm: positiveSize }).optional(),
    appearance: z
      .strictObject({
        weight,
        widthMm: positiveSize,
        /** Width in units of the image's standard deviation inside the foreground box. */
        widthSd: positiveSize,
      })
      .optional(),
  })
  .refine((step) => step.smoothness ?? step.appearance, {
    path: ["smoothness"],
    message: "expected at least one of `smoothness` and `appearance`",
  });
export type ConvCrfStep = z.infer<typeof ConvCrfStep>;
