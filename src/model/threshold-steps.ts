import { z } from "zod";
import { componentConnectivity, stepLabels } from "./step-fields.js";

const probability = z.number().gt(0).max(1);
const score = z.number().min(0).lt(1);

/**
 * Fixed thresholds on probabilities: a label is kept where its own probability reaches the threshold. `from: "labels"`
 * can only take voxels away; `from: "probabilities"` decides anew, so that a threshold below a half adds voxels.
 */
export const ThresholdStep = z
  .strictObject({
    kind: z.literal("threshold"),
    labels: stepLabels,
    /** Lowest probability that is kept, in (0, 1]: one for all labels, or one a label in the order of `labels`. */
    probability: z.union([probability, z.array(probability).min(1)]),
    from: z.enum(["labels", "probabilities"]).default("labels"),
  })
  .refine((step) => !Array.isArray(step.probability) || step.probability.length === step.labels.length, {
    path: ["probability"],
    message: "expected one probability, or as many as labels",
  });

/** Decides by the threshold that separates best (Otsu), as scikit-image finds it. */
export const OtsuStep = z
  .strictObject({
    kind: z.literal("otsu"),
    labels: stepLabels,
    /** What is thresholded: each label's own probability, or the image's intensity. */
    source: z.enum(["probability", "image"]).default("probability"),
    /** "volume": all of the image (or of the box of the probabilities); "labels": the voxels that hold the label. */
    over: z.enum(["volume", "labels"]).default("volume"),
    /** 2 is `threshold_otsu`, more are `threshold_multiotsu`. 5 take seconds. */
    classes: z.int().min(2).max(5).default(2),
    /** Classes that become the label, from 0 for the lowest. @default the highest alone */
    keep: z.array(z.int().min(0).max(4)).min(1).optional(),
  })
  .refine((step) => (step.keep ?? []).every((kept) => kept < step.classes), {
    path: ["keep"],
    message: "a class to keep must be below `classes`",
  });

/** Keeps what is above `low` and hangs together with something above `high`: scikit-image's hysteresis threshold. */
export const HysteresisStep = z
  .strictObject({
    kind: z.literal("hysteresis"),
    labels: stepLabels,
    low: score,
    high: score,
    connectivity: componentConnectivity(6),
  })
  .refine((step) => step.low <= step.high, { path: ["low"], message: "expected at most `high`" });

/**
 * The triplet rule of the winning solutions of SIIM-ACR Pneumothorax 2019: nothing, unless at least `minVoxels` (or
 * `minMm3`) have a probability above `topScore`; then everything above `bottomScore`.
 */
export const ScoreTripletStep = z
  .strictObject({
    kind: z.literal("score-triplet"),
    labels: stepLabels,
    topScore: score,
    minVoxels: z.int().min(1).optional(),
    minMm3: z.number().positive().finite().optional(),
    bottomScore: score,
    /** What is judged at once: the volume, each slice along z, or each component of what is above `bottomScore`. */
    scope: z.enum(["volume", "slice", "component"]).default("volume"),
    /** Of components, where `scope` is "component". */
    connectivity: componentConnectivity(26),
  })
  .refine((step) => step.bottomScore <= step.topScore, {
    path: ["bottomScore"],
    message: "expected at most `topScore`",
  })
  .refine((step) => (step.minVoxels === undefined) !== (step.minMm3 === undefined), {
    path: ["minVoxels"],
    message: "expected one of `minVoxels` and `minMm3`",
  });
export type ScoreTripletStep = z.infer<typeof ScoreTripletStep>;
