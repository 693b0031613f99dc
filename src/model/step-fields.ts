import { z } from "zod";

/** Labels a step works on: values of the model's label map, background (0) excluded. */
export const stepLabels = z
  .array(z.int().min(1).max(65_535))
  .min(1)
  .refine((labels) => new Set(labels).size === labels.length, { message: "a label is named twice" });

/** Which voxels hang together: by face (6), edge (18), corner (26); within each slice along z by edge (4), corner (8). */
export function componentConnectivity(value: 6 | 26) {
  return z.literal([4, 8, 6, 18, 26]).default(value);
}

/** A length, area or volume above zero. */
export const positiveSize = z.number().positive().finite();
