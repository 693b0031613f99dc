// Longer than other files: what a manifest may say is read in one place.
import { z } from "zod";
import { COLOUR_CHANNELS } from "#src/core/colour-channels.js";
import { SCHEMA_VERSION } from "#src/core/versions.js";
import { undescribedIssue } from "./described-labels.js";
import { misfitIssue, overlapIssue, RefineSteps } from "./refine-steps.js";

const sha256Hex = z.string().regex(/^[0-9a-f]{64}$/);
const fileName = z.string().regex(/^[a-z0-9][a-z0-9._-]*$/);
const text = z.string().min(1);

/** A coded term: value, scheme (SCT, DCM) and meaning, as DICOM PS3.3 8.8 has them. */
export const CodedTerm = z.strictObject({ value: text, scheme: z.enum(["SCT", "DCM"]), meaning: text });
export type CodedTerm = z.infer<typeof CodedTerm>;

const IntensityScheme = z.discriminatedUnion("kind", [
  /**
   * (v - mean) / max(sd, 1e-8); population standard deviation. With a mask, voxels outside it are neither used nor
   * changed: "nonzero" is where the channel is not zero; "foreground" is nnU-Net's `use_mask_for_norm`, where any
   * channel is not zero, with holes filled.
   */
  z.strictObject({ kind: z.literal("zscore"), mask: z.enum(["none", "nonzero", "foreground"]).default("none") }),
  /** nnU-Net's CT scheme: clip to [low, high], then (v - mean) / max(sd, 1e-8), all four from the training data. */
  z.strictObject({ kind: z.literal("ct"), low: z.number(), high: z.number(), mean: z.number(), sd: z.number() }),
  /** (v - min) / max(max - min, 1e-8). */
  z.strictObject({ kind: z.literal("rescale01") }),
  /** Percentiles `low` and `high` (0-100, linear interpolation) go to 0 and 1; values beyond are clipped. */
  z.strictObject({
    kind: z.literal("percentile"),
    low: z.number().min(0).max(100),
    high: z.number().min(0).max(100),
  }),
  /** Linear, so that `from` goes to `to` (MONAI's `ScaleIntensityRange`); `clip` holds the result inside `to`. */
  z.strictObject({
    kind: z.literal("range"),
    from: z.tuple([z.number(), z.number()]).refine(([low, high]) => low < high, "must ascend"),
    to: z.tuple([z.number(), z.number()]).refine(([low, high]) => low < high, "must ascend"),
    clip: z.boolean(),
  }),
  z.strictObject({ kind: z.literal("none") }),
]);

/** How one channel's intensities are brought to the network's scale, over the whole (cropped) volume. */
export const Normalisation = z.discriminatedUnion("kind", [
  IntensityScheme,
  /** One after the other. */
  z.strictObject({ kind: z.literal("chain"), steps: z.array(IntensityScheme).min(2) }),
]);
export type Normalisation = z.infer<typeof Normalisation>;

export const ModelLabel = z.strictObject({
  /** Value in the label map; background is 0 and not listed. Equals the network's channel index. */
  value: z.int().min(1).max(65_535),
  name: z.string().regex(/^[a-z0-9][a-z0-9-]*$/),
  displayName: text,
  /** Segmented property category (DICOM CID 7150). */
  category: CodedTerm,
  /** Segmented property type (DICOM CID 7151 and others). */
  type: CodedTerm,
  /** Modifier of the type, as a laterality. */
  modifier: CodedTerm.optional(),
  colourRgb: z.tuple([z.int().min(0).max(255), z.int().min(0).max(255), z.int().min(0).max(255)]),
});
export type ModelLabel = z.infer<typeof ModelLabel>;

const LabelList = z
  .array(ModelLabel)
  .min(1)
  .refine((labels) => new Set(labels.map(({ value }) => value)).size === labels.length, "two labels share a value")
  // Volumes of a result and segments of a SEG are told apart by it.
  .refine((labels) => new Set(labels.map(({ name }) => name)).size === labels.length, "two labels share a name");

const positive = z.number().positive().finite();
const count = z.int().min(1).max(4096);
const axis = z.enum(["x", "y", "z"]);

/** Whether intensities ask where nnU-Net's foreground is. */
export function needsForeground(normalisation: Normalisation): boolean {
  if (normalisation.kind === "chain") return normalisation.steps.some(needsForeground);
  return normalisation.kind === "zscore" && normalisation.mask === "foreground";
}

/** Whether a network works on the source's image itself, and not on its own grid alone: it asks other models first. */
export function asksOthers({ previous, region }: Pick<ModelManifest, "previous" | "region">): boolean {
  return previous !== undefined || region !== undefined;
}

const isSubset = (labels: readonly { readonly value: number }[], regions: readonly number[]) =>
  labels.every(({ value }) => regions.includes(value));

const modelId = z.string().regex(/^[a-z0-9][a-z0-9.-]{0,63}$/);
const labelSet = z
  .array(z.int().min(1).max(65_535))
  .min(1)
  .refine((labels) => new Set(labels).size === labels.length, "names a label twice");

/** Everything that running a model needs. One file, `manifest.json`, beside the weights it names. */
export const ModelManifest = z
  .strictObject({
    schemaVersion: z.literal(SCHEMA_VERSION),
    id: modelId,
    version: z.string().regex(/^\d+\.\d+\.\d+$/),
    title: text,
    description: text,
    network: z.strictObject({
      file: fileName,
      sha256: sha256Hex,
      /** Further networks of the same shape, as those trained on other folds: the mean of all logits decides. */
      folds: z.array(z.strictObject({ file: fileName, sha256: sha256Hex })).default([]),
      inputName: text,
      outputName: text,
      /** 2: every slice along z is an image of its own, tensor [N, C, Y, X]. 3: tensor [N, C, Z, Y, X]. */
      dimensions: z.literal([2, 3]),
      /**
       * "2.5-D": slices along z that a 2-D network reads for one slice of its answer, the one in the middle. Each is a
       * channel: of every channel of the image its slices in ascending order; beyond the volume its last slice again.
       */
      slices: z
        .int()
        .min(1)
        .max(63)
        .refine((slices) => slices % 2 === 1, "must be odd")
        .optional(),
      /** Slices that a 2-D network takes at once, where its file fixes that. @default as many as there is memory for */
      batch: z.literal(1).optional(),
      /** Output channels: with softmax, background included. */
      classes: z.int().min(1),
      /** Of all files together. */
      parameters: z.int().min(1),
      /** How the file keeps its weights; the choice is measured (models/README.md). For people: the file itself decides. */
      storage: z.enum(["float32", "float16", "int8"]).optional(),
    }),
    channels: z
      .array(
        z.strictObject({
          name: text,
          modalities: z.array(text),
          /** What is read of a colour image; of any other there is only its grey. @default brightness */
          colour: z.enum(COLOUR_CHANNELS).optional(),
          normalisation: Normalisation,
        }),
      )
      .min(1),
    /**
     * nnU-Net's cascade: the model that runs first, and which of its labels (before any postprocess step) are further
     * channels after the image's, one a label, ones where it is: resampled as label maps, never normalised.
     */
    previous: z.strictObject({ model: modelId, labels: labelSet }).optional(),
    /**
     * The model that finds where this one works: the box around its labels named here (before any postprocess step),
     * and so many millimetres more on each side, rounded up to whole voxels. Outside it everything is background; so
     * is all where there is no such label.
     */
    region: z.strictObject({ model: modelId, labels: labelSet, marginMm: z.number().min(0).finite() }).optional(),
    /**
     * Anatomical direction in which x, y and z grow on the network's grid. "source" leaves the voxels as they are
     * stored, as nnU-Net does.
     */
    orientation: z.literal(["RAS", "LPS", "LAS", "RPS", "source"]),
    /** Which axis of the oriented image the network's x, y and z are (nnU-Net's `transpose_forward`). */
    axes: z
      .tuple([axis, axis, axis])
      .refine((axes) => new Set(axes).size === 3, "must name x, y and z once each")
      .default(["x", "y", "z"]),
    /** Spacing of the network's grid along x, y, z; null keeps the source's (the slice axis of a 2-D model). */
    spacingMm: z.tuple([positive.nullable(), positive.nullable(), positive.nullable()]),
    /** "nonzero": nnU-Net's crop to the non-zero voxels of any channel. */
    crop: z.enum(["none", "nonzero"]),
    /** Grid on which intensities are normalised: "source" before resampling, as nnU-Net; "network" after it, as MONAI. */
    normaliseOn: z.enum(["source", "network"]).default("source"),
    resampling: z.strictObject({
      imageOrder: z.literal([0, 1, 3]),
      logitsOrder: z.literal([0, 1]),
      /**
       * "auto": an axis with more than three times the spacing of another is resampled apart from the others and by
       * nearest neighbours (nnU-Net's `force_separate_z: null` with `order_z: 0`). "never": all axes together; slices of
       * a 2-D model, which keep their spacing, each by itself.
       */
      separateZ: z.enum(["auto", "never"]).default("never"),
      /**
       * What of the two grids falls together. "extents": their outer borders, as in nnU-Net. "centres": the centres of
       * their first voxels, at exactly the spacing named, as in MONAI's `Spacingd`.
       */
      grid: z.enum(["extents", "centres"]).default("extents"),
      /** What is brought back to the source's grid and decided there. */
      of: z.enum(["logits", "probabilities"]).default("logits"),
    }),
    /**
     * Of the sums of blended tiles and of resampled logits: "float16" rounds where nnU-Net's half tensors do; sums beyond
     * it end the run.
     */
    precision: z.enum(["float16", "float32"]).default("float32"),
    tiles: z.strictObject({
      /** Tile length along x, y, z in voxels of the network's grid; z is 1 for a 2-D model. */
      patchVox: z.tuple([count, count, count]),
      /** Distance between tiles as a fraction of the tile. */
      stepFraction: z.number().gt(0).max(1),
      /**
       * "even": nnU-Net's, spread evenly over the volume. "shifted": MONAI's, at a fixed distance, the last one shifted
       * back to end with the volume.
       */
      placing: z.enum(["even", "shifted"]).default("even"),
      /**
       * Weights of a tile's voxels, with a standard deviation of an eighth of the tile. "gaussian": nnU-Net's, around
       * voxel n / 2, in half precision. "gaussian-symmetric": MONAI's, around the middle, at least 0.001.
       */
      blending: z.enum(["gaussian", "gaussian-symmetric", "constant"]),
      /** What surrounds a volume that is smaller than the tile: zeros, or its outermost voxels again. */
      padding: z.enum(["zero", "edge"]).default("zero"),
    }),
    /** Axes along which the input is mirrored for test-time augmentation; all their combinations are averaged. */
    mirrorAxes: z.array(axis),
    /**
     * "softmax": channel = label, the largest wins. Regions: each channel is a region of its own and writes the label
     * named here where its sigmoid is above 0.5, a later channel over an earlier one (nnU-Net's
     * `regions_class_order`).
     */
    activation: z.union([z.literal("softmax"), z.strictObject({ regions: labelSet })]),
    /** All that the network gives, each once. */
    labels: LabelList,
    postprocess: RefineSteps,
    licence: z.strictObject({ weights: text }),
    trainingData: z.array(z.strictObject({ name: text, licence: text })).min(1),
    scores: z.array(
      z.strictObject({
        dataset: text,
        split: text,
        label: text,
        metric: text,
        mean: z.number(),
        /** Bootstrap interval of the mean, 95 %. */
        interval: z.tuple([z.number(), z.number()]).optional(),
        cases: z.int().min(1),
      }),
    ),
    /** A made-up input, the labels that the reference gives for it before any postprocess step, and how far we may differ. */
    golden: z.strictObject({
      input: z.literal("golden/input.nii.gz"),
      labels: z.literal("golden/labels.nii.gz"),
      /** Largest share of voxels whose label may differ. */
      tolerance: z.number().min(0).max(1),
      /** Where that difference comes from. */
      reason: text,
    }),
  })
  .refine((m) => m.activation !== "softmax" || m.network.classes > 1, {
    path: ["network", "classes"],
    message: "softmax needs at least two channels",
  })
  .refine((m) => m.activation !== "softmax" || m.labels.every((label) => label.value < m.network.classes), {
    path: ["labels"],
    message: "a label's value is its channel and must be below network.classes",
  })
  .refine((m) => m.activation === "softmax" || m.activation.regions.length === m.network.classes, {
    path: ["activation", "regions"],
    message: "every channel writes one label: their number must be network.classes",
  })
  .refine((m) => m.activation === "softmax" || isSubset(m.labels, m.activation.regions), {
    path: ["labels"],
    message: "a label must be written by a region",
  })
  .refine(
    (m) => m.resampling.grid !== "centres" || (m.resampling.imageOrder < 3 && m.resampling.separateZ === "never"),
    {
      path: ["resampling", "grid"],
      message: "centres are resampled with imageOrder 0 or 1 and without separateZ",
    },
  )
  .refine((m) => m.previous === undefined || m.resampling.grid === "extents", {
    path: ["previous"],
    message: "labels of a previous stage are resampled by extents",
  })
  .refine((m) => m.previous?.model !== m.id && m.region?.model !== m.id, {
    path: ["id"],
    message: "a model cannot run before itself",
  })
  .refine(
    (m) => m.normaliseOn !== "network" || m.channels.every(({ normalisation }) => !needsForeground(normalisation)),
    {
      path: ["normaliseOn"],
      message: "the foreground of a zscore is found on the source's grid",
    },
  )
  .refine((m) => m.network.dimensions === 3 || m.tiles.patchVox[2] === 1, {
    path: ["tiles", "patchVox"],
    message: "a 2-D model has a tile of one slice: 1 along z",
  })
  .refine((m) => m.network.dimensions === 3 || m.spacingMm[2] === null, {
    path: ["spacingMm"],
    message: "a 2-D model keeps the source's slice spacing: null along z",
  })
  .refine((m) => m.network.dimensions === 3 || !m.mirrorAxes.includes("z"), {
    path: ["mirrorAxes"],
    message: "a 2-D network is mirrored along x and y alone: along z there is one slice",
  })
  .refine((m) => m.network.slices === undefined || m.network.dimensions === 2, {
    path: ["network", "slices"],
    message: "only a 2-D network reads neighbouring slices",
  })
  .superRefine((m, context) => {
    const labels = m.labels.map((label) => label.value);
    const regions = m.activation === "softmax" ? [] : m.activation.regions;
    for (const issue of [
      undescribedIssue(m),
      misfitIssue(m.postprocess, labels),
      overlapIssue(m.postprocess, regions),
    ]) {
      if (issue !== null) context.addIssue(issue);
    }
  });
export type ModelManifest = z.infer<typeof ModelManifest>;
