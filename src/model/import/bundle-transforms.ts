import { z } from "zod";
import { PipelineError } from "#src/core/errors.js";
import type { ModelManifest, Normalisation } from "#src/model/manifest.js";
import type { RefineStep } from "#src/model/refine-steps.js";

/** One entry of a bundle's list of transforms, resolved. */
const Transform = z.looseObject({ _target_: z.string(), _disabled_: z.boolean().optional() });
type Transform = z.infer<typeof Transform>;

/** What a bundle's preprocessing says. */
export interface BundlePreprocessing {
  readonly orientation: ModelManifest["orientation"];
  /** Along the image's x, y, z; null keeps the image's. */
  readonly pixdim: readonly [number, number, number] | null;
  readonly imageOrder: 0 | 1;
  readonly normalisation: Normalisation;
  readonly normaliseOn: ModelManifest["normaliseOn"];
}

/** What a bundle's postprocessing says. */
export interface BundlePostprocessing {
  readonly activation: "softmax" | "sigmoid";
  readonly of: "logits" | "probabilities";
  readonly logitsOrder: 0 | 1;
  readonly steps: readonly RefineStep[];
}

/** Change types and places, never values that the engine would see. */
const WITHOUT_EFFECT = [
  "LoadImaged",
  "EnsureChannelFirstd",
  "EnsureTyped",
  "CastToTyped",
  "ToTensord",
  "ToDeviced",
  "SaveImaged",
  "DeleteItemsd",
  "SelectItemsd",
];

const Spacing = z.looseObject({
  pixdim: z.union([z.number().positive(), z.array(z.number().positive()).min(1).max(3)]),
  mode: z.unknown().optional(),
  padding_mode: z.literal("border").optional(),
  diagonal: z.literal(false).optional(),
  align_corners: z.literal(false).nullish(),
  scale_extent: z.literal(false).optional(),
  recompute_affine: z.literal(false).optional(),
  min_pixdim: z.null().optional(),
  max_pixdim: z.null().optional(),
});
const Orientation = z.looseObject({
  axcodes: z.literal(["RAS", "LPS", "LAS", "RPS"]),
  as_closest_canonical: z.literal(false).optional(),
});
const ScaleRange = z.looseObject({
  a_min: z.number(),
  a_max: z.number(),
  b_min: z.number().nullish(),
  b_max: z.number().nullish(),
  clip: z.boolean().default(false),
});
const Scale = z.looseObject({
  minv: z.number().nullable().default(0),
  maxv: z.number().nullable().default(1),
  factor: z.null().optional(),
  channel_wise: z.boolean().default(false),
});
const Normalize = z.looseObject({
  subtrahend: z.null().optional(),
  divisor: z.null().optional(),
  nonzero: z.boolean().default(false),
  channel_wise: z.boolean().default(false),
});
const Percentiles = z.looseObject({
  lower: z.number(),
  upper: z.number(),
  b_min: z.number(),
  b_max: z.number(),
  clip: z.literal(true),
  relative: z.literal(false).optional(),
  channel_wise: z.boolean().default(false),
});
const Activations = z.looseObject({
  softmax: z.boolean().default(false),
  sigmoid: z.boolean().default(false),
  other: z.null().optional(),
});
const Invert = z.looseObject({ nearest_interp: z.boolean().default(true), post_func: z.null().optional() });
const Discrete = z.looseObject({
  argmax: z.boolean().default(false),
  threshold: z.number().nullish(),
  to_onehot: z.null().optional(),
  rounding: z.null().optional(),
});
const KeepLargest = z.looseObject({
  applied_labels: z.union([z.int(), z.array(z.int())]).nullish(),
  is_onehot: z.boolean().nullish(),
  independent: z.boolean().default(true),
  connectivity: z.int().min(1).max(3).nullish(),
  num_components: z.literal(1).optional(),
});

/**
 * What a list of MONAI transforms does before the network.
 *
 * @param channels channels of the image: a transform over all of them at once is read for one alone
 * @throws {PipelineError} `ModelInvalid` naming the transform, or its argument, that is not supported
 */
export function readPreprocessing(list: unknown, channels: number): BundlePreprocessing {
  let orientation: ModelManifest["orientation"] = "source";
  let spacing: z.infer<typeof Spacing> | null = null;
  const schemes: Normalisation[] = [];
  let normaliseOn: ModelManifest["normaliseOn"] = "source";
  for (const transform of transformsOf(list, "preprocessing")) {
    const name = nameOf(transform);
    if (name === "Orientationd") {
      if (spacing !== null || schemes.length > 0) throw unsupported(`${name} after Spacingd or intensities`);
      orientation = argumentsOf(Orientation, transform).axcodes;
    } else if (name === "Spacingd") {
      if (spacing !== null) throw unsupported("two Spacingd");
      if (schemes.length > 0) throw unsupported("intensities before Spacingd");
      spacing = argumentsOf(Spacing, transform);
      normaliseOn = "network";
    } else {
      schemes.push(...intensityOf(name, transform, channels));
    }
  }
  const [first, ...others] = schemes;
  return {
    orientation,
    pixdim: spacing === null ? null : threeOf(spacing.pixdim),
    imageOrder: spacing === null ? 1 : orderOf(spacing.mode),
    normalisation:
      first === undefined
        ? { kind: "none" }
        : others.length === 0
          ? first
          : ({ kind: "chain", steps: schemes } as Normalisation),
    normaliseOn,
  };
}

/**
 * What a list of MONAI transforms does after the network.
 *
 * @param isResampled whether `Invertd` has anything to undo but the order of axes
 * @throws {PipelineError} `ModelInvalid` naming the transform, or its place, that is not supported
 */
export function readPostprocessing(
  list: unknown,
  labels: readonly number[],
  isResampled: boolean,
): BundlePostprocessing {
  const transforms = transformsOf(list, "postprocessing");
  const placeOf = (name: string) => transforms.findIndex((transform) => nameOf(transform) === name);
  const [activated, inverted, decided] = [placeOf("Activationsd"), placeOf("Invertd"), placeOf("AsDiscreted")];
  if (decided < 0) throw unsupported("postprocessing without AsDiscreted");
  if (inverted < 0 && isResampled) throw unsupported("postprocessing without Invertd after Spacingd");
  const isNearest = inverted >= 0 && argumentsOf(Invert, transforms[inverted]).nearest_interp;
  if (isResampled && decided < inverted && !isNearest) throw unsupported("Invertd that interpolates a label map");
  if (activated > decided) throw unsupported("Activationsd after AsDiscreted");

  const steps: RefineStep[] = [];
  for (const [place, transform] of transforms.entries()) {
    const name = nameOf(transform);
    if (name === "KeepLargestConnectedComponentd") {
      if (place < decided) throw unsupported(`${name} before AsDiscreted`);
      if (isResampled && place < inverted) throw unsupported(`${name} before Invertd`);
      steps.push(keepLargest(argumentsOf(KeepLargest, transform), labels));
    } else if (!["Activationsd", "Invertd", "AsDiscreted"].includes(name)) throw unsupported(name);
  }
  return {
    activation: activationOf(transforms[activated], transforms[decided]),
    of: activated >= 0 && activated < inverted && decided > inverted ? "probabilities" : "logits",
    logitsOrder: isNearest ? 0 : 1,
    steps,
  };
}

function activationOf(activated: Transform | undefined, decided: Transform | undefined): "softmax" | "sigmoid" {
  const { softmax, sigmoid } = activated ? argumentsOf(Activations, activated) : { softmax: false, sigmoid: false };
  const { argmax, threshold } = argumentsOf(Discrete, decided);
  if (argmax && !sigmoid) return "softmax";
  if (sigmoid && !softmax && !argmax && threshold === 0.5) return "sigmoid";
  throw unsupported(`AsDiscreted (argmax ${argmax}, threshold ${threshold}) of ${sigmoid ? "sigmoid" : "softmax"}`);
}

/** MONAI's rule, each label on its own unless `independent` is false. Which of equals stays is chance there; here the first. */
function keepLargest(given: z.infer<typeof KeepLargest>, labels: readonly number[]): RefineStep {
  const applied = given.applied_labels ?? [...labels];
  const connectivity = ([6, 18, 26] as const)[(given.connectivity ?? 3) - 1] ?? 26;
  return {
    kind: "largest-component",
    labels: (typeof applied === "number" ? [applied] : applied).filter((value) => value > 0),
    connectivity,
    scope: given.independent ? "label" : "union",
    ties: "first",
  };
}

function intensityOf(name: string, transform: Transform, channels: number): Normalisation[] {
  switch (name) {
    case "ScaleIntensityRanged": {
      const { a_min, a_max, b_min, b_max, clip } = argumentsOf(ScaleRange, transform);
      return [{ kind: "range", from: [a_min, a_max], to: [b_min ?? 0, b_max ?? 1], clip }];
    }
    case "ScaleIntensityd": {
      const { minv, maxv, channel_wise } = argumentsOf(Scale, transform);
      if (!channel_wise && channels > 1) throw unsupported(`${name} over all channels at once`);
      if (minv === null || maxv === null) throw unsupported(`${name} without minv and maxv`);
      return [{ kind: "rescale01" }, ...linearTo(minv, maxv)];
    }
    case "NormalizeIntensityd": {
      const { nonzero, channel_wise } = argumentsOf(Normalize, transform);
      if (!channel_wise && channels > 1) throw unsupported(`${name} over all channels at once`);
      return [{ kind: "zscore", mask: nonzero ? "nonzero" : "none" }];
    }
    case "ScaleIntensityRangePercentilesd": {
      const { lower, upper, b_min, b_max, channel_wise } = argumentsOf(Percentiles, transform);
      if (!channel_wise && channels > 1) throw unsupported(`${name} over all channels at once`);
      return [{ kind: "percentile", low: lower, high: upper }, ...linearTo(b_min, b_max)];
    }
    default:
      throw unsupported(name);
  }
}

/** From [0, 1]. */
function linearTo(low: number, high: number): Normalisation[] {
  return low === 0 && high === 1 ? [] : [{ kind: "range", from: [0, 1], to: [low, high], clip: false }];
}

/** The transforms that do something, those that are switched off left out. */
function transformsOf(list: unknown, subject: string): Transform[] {
  const composed = z.looseObject({ transforms: z.array(z.unknown()) }).safeParse(list);
  const parsed = z.array(Transform).safeParse(composed.success ? composed.data.transforms : list);
  if (!parsed.success) throw unsupported(`${subject} that is no list of transforms`);
  return parsed.data.filter((one) => one._disabled_ !== true && !WITHOUT_EFFECT.includes(nameOf(one)));
}

const nameOf = (transform: Transform): string => transform._target_.split(".").at(-1) ?? "";

function argumentsOf<T extends z.ZodType>(schema: T, transform: Transform | undefined): z.infer<T> {
  const parsed = schema.safeParse(transform);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw unsupported(
    `${transform ? nameOf(transform) : "a transform"} with ${issue?.path.join(".")}: ${issue?.message}`,
  );
}

/** The last value counts for the axes beyond it. */
function threeOf(pixdim: number | readonly number[]): readonly [number, number, number] {
  const list = typeof pixdim === "number" ? [pixdim] : pixdim;
  const last = list.at(-1) ?? 1;
  return [list[0] ?? last, list[1] ?? last, list[2] ?? last];
}

function orderOf(mode: unknown): 0 | 1 {
  const [one, ...others] = Array.isArray(mode) ? mode : [mode];
  if (others.length === 0 && (one === undefined || one === "bilinear" || one === 1)) return 1;
  if (others.length === 0 && (one === "nearest" || one === 0)) return 0;
  throw unsupported(`Spacingd with mode ${JSON.stringify(mode)}`);
}

export function unsupported(what: string): PipelineError {
  return new PipelineError("ModelInvalid", `the bundle has ${what}, which is not supported`);
}
