import { z } from "zod";
import type { ModelManifest } from "#src/model/manifest.js";
import { unsupported } from "./bundle-transforms.js";

const count = z.int().min(1);

const SlidingWindow = z.looseObject({
  roi_size: z.array(count).min(2).max(3),
  overlap: z.union([z.number().min(0).lt(1), z.array(z.number().min(0).lt(1)).min(1)]).default(0.25),
  mode: z.enum(["constant", "gaussian"]).default("constant"),
  sigma_scale: z.literal(0.125).optional(),
  padding_mode: z.enum(["constant", "replicate"]).default("constant"),
  cval: z.literal(0).optional(),
  spatial_dim: z.literal(2).optional(),
});

/** Tiles of a bundle's inferer, along the axes of MONAI's arrays (the image's x first). */
export interface BundleTiles {
  readonly dimensions: 2 | 3;
  readonly roi: readonly number[];
  readonly tiles: Pick<ModelManifest["tiles"], "stepFraction" | "placing" | "blending" | "padding">;
}

/**
 * `SlidingWindowInferer`, or `SliceInferer` across the image's z.
 *
 * @throws {PipelineError} `ModelInvalid` naming the inferer, or its argument, that is not supported
 */
export function readInferer(inferer: unknown): BundleTiles {
  const { _target_: target } = z
    .looseObject({ _target_: z.string().default("") })
    .catch({ _target_: "" })
    .parse(inferer);
  const name = target.split(".").at(-1) ?? "";
  if (name !== "SlidingWindowInferer" && name !== "SliceInferer") throw unsupported(`the inferer ${name || "none"}`);
  const parsed = SlidingWindow.safeParse(inferer);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw unsupported(`${name} with ${issue?.path.join(".")}: ${issue?.message}`);
  }
  const { roi_size: roi, overlap, mode, padding_mode: padding, spatial_dim: across } = parsed.data;
  const dimensions = name === "SliceInferer" ? 2 : 3;
  if (roi.length !== dimensions) throw unsupported(`${name} with a roi_size of ${roi.length} lengths`);
  if (name === "SliceInferer" && across === undefined)
    throw unsupported(`${name} across another axis than spatial_dim 2`);
  const overlaps = new Set(typeof overlap === "number" ? [overlap] : overlap);
  if (overlaps.size !== 1) throw unsupported(`${name} with an overlap of its own for each axis`);
  return {
    dimensions,
    roi,
    tiles: {
      stepFraction: 1 - ([...overlaps][0] ?? 0.25),
      placing: "shifted",
      blending: mode === "gaussian" ? "gaussian-symmetric" : "constant",
      padding: padding === "replicate" ? "edge" : "zero",
    },
  };
}
