/** A quantity of one label in one case. */
export interface Metric {
  readonly title: string;
  /** Length and volume are in pixels where the voxel size is unknown. */
  readonly unit: "share" | "length" | "volume" | "count";
  /** What is better; "zero": near zero, on both sides. */
  readonly better: "high" | "low" | "zero" | "none";
  readonly definition: string;
}

/** Every quantity, in the order in which tables show them. `docs/evaluate.md` has the sources. */
export const METRICS = {
  dice: { title: "Dice", unit: "share", better: "high", definition: "2 TP / (2 TP + FP + FN)" },
  iou: { title: "IoU", unit: "share", better: "high", definition: "TP / (TP + FP + FN)" },
  accuracy: { title: "Accuracy", unit: "share", better: "high", definition: "(TP + TN) / all voxels" },
  sensitivity: { title: "Sensitivity", unit: "share", better: "high", definition: "TP / (TP + FN)" },
  specificity: { title: "Specificity", unit: "share", better: "high", definition: "TN / (TN + FP)" },
  precision: { title: "Precision", unit: "share", better: "high", definition: "TP / (TP + FP)" },
  volumeTruth: { title: "Volume, reference", unit: "volume", better: "none", definition: "voxels of the reference" },
  volumePred: { title: "Volume, prediction", unit: "volume", better: "none", definition: "voxels of the prediction" },
  volumeError: { title: "Volume error", unit: "volume", better: "zero", definition: "prediction - reference" },
  volumeErrorRelative: {
    title: "Volume error, relative",
    unit: "share",
    better: "zero",
    definition: "(prediction - reference) / reference",
  },
  hd: {
    title: "HD",
    unit: "length",
    better: "low",
    definition: "largest distance between edge voxels, both directions (MONAI and MedPy)",
  },
  hd95Monai: {
    title: "HD95, MONAI",
    unit: "length",
    better: "low",
    definition: "larger of the two directed 95th percentiles over edge voxels",
  },
  hd95Medpy: {
    title: "HD95, MedPy",
    unit: "length",
    better: "low",
    definition: "95th percentile of both directions pooled, over edge voxels",
  },
  hdDeepmind: {
    title: "HD, DeepMind",
    unit: "length",
    better: "low",
    definition: "largest distance between surface elements, both directions",
  },
  hd95Deepmind: {
    title: "HD95, DeepMind",
    unit: "length",
    better: "low",
    definition: "larger of the two directed 95th percentiles over surface elements weighted by area",
  },
  surfaceDiceDeepmind: {
    title: "Surface Dice, DeepMind",
    unit: "share",
    better: "high",
    definition: "share of both surfaces, by area, within the tolerance of the other",
  },
  surfaceDiceMonai: {
    title: "Surface Dice, MONAI",
    unit: "share",
    better: "high",
    definition: "share of the edge voxels of both within the tolerance of the other",
  },
  assd: {
    title: "ASSD",
    unit: "length",
    better: "low",
    definition: "mean distance over the edge voxels of both (MONAI symmetric, MedPy assd)",
  },
  asdTruthToPred: {
    title: "ASD, reference to prediction",
    unit: "length",
    better: "low",
    definition: "mean distance from edge voxels of the reference",
  },
  asdPredToTruth: {
    title: "ASD, prediction to reference",
    unit: "length",
    better: "low",
    definition: "mean distance from edge voxels of the prediction (MONAI and MedPy asd)",
  },
  asdTruthToPredDeepmind: {
    title: "ASD, reference to prediction, DeepMind",
    unit: "length",
    better: "low",
    definition: "mean distance from the reference's surface elements weighted by area",
  },
  asdPredToTruthDeepmind: {
    title: "ASD, prediction to reference, DeepMind",
    unit: "length",
    better: "low",
    definition: "mean distance from the prediction's surface elements weighted by area",
  },
  lesionsTruth: { title: "Lesions, reference", unit: "count", better: "none", definition: "connected pieces" },
  lesionsPred: { title: "Lesions, prediction", unit: "count", better: "none", definition: "connected pieces" },
  lesionsFound: { title: "Lesions found", unit: "count", better: "high", definition: "pieces of the reference found" },
  lesionsMissed: {
    title: "Lesions missed",
    unit: "count",
    better: "low",
    definition: "pieces of the reference missed",
  },
  lesionsFalse: {
    title: "False lesions",
    unit: "count",
    better: "low",
    definition: "pieces of the prediction on nothing",
  },
  lesionSensitivity: { title: "Lesion sensitivity", unit: "share", better: "high", definition: "found / reference" },
  lesionF1: {
    title: "Lesion F1",
    unit: "share",
    better: "high",
    definition: "2 found / (2 found + missed + false)",
  },
} as const satisfies Record<string, Metric>;

export type MetricKey = keyof typeof METRICS;
/** NaN where a quantity has no value. */
export type Scores = Readonly<Record<MetricKey, number>>;

// The keys of an object are strings to TypeScript; those of a constant are known.
export const METRIC_KEYS: readonly MetricKey[] = Object.keys(METRICS) as MetricKey[];
