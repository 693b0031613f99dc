/** How well a label of a prediction agrees with the reference, voxel by voxel. NaN where a quotient has no meaning. */
export interface Overlap {
  readonly label: number;
  readonly truePositives: number;
  readonly falsePositives: number;
  readonly falseNegatives: number;
  /** 2 TP / (2 TP + FP + FN); NaN when neither map has the label, as in nnU-Net. */
  readonly dice: number;
  /** TP / (TP + FP + FN); NaN when neither map has the label. */
  readonly iou: number;
  /** TP / (TP + FN); NaN when the reference lacks the label. */
  readonly sensitivity: number;
  /** TP / (TP + FP); NaN when the prediction lacks the label. */
  readonly precision: number;
  /** (predicted - reference) / reference volume; NaN when the reference lacks the label. */
  readonly volumeError: number;
}

type LabelMap = Uint8Array | Uint16Array;

/**
 * Overlap of each label asked for, in one pass.
 *
 * @param prediction label of every voxel
 * @param reference label of every voxel of the same grid
 */
export function overlapOfLabels(prediction: LabelMap, reference: LabelMap, labels: readonly number[]): Overlap[] {
  if (prediction.length !== reference.length) {
    throw new RangeError(`prediction has ${prediction.length} voxels, reference ${reference.length}`);
  }
  const predicted = new Float64Array(65_536);
  const expected = new Float64Array(65_536);
  const both = new Float64Array(65_536);
  for (let i = 0; i < prediction.length; i++) {
    const p = prediction[i] ?? 0;
    const r = reference[i] ?? 0;
    predicted[p] = (predicted[p] ?? 0) + 1;
    expected[r] = (expected[r] ?? 0) + 1;
    if (p === r) both[p] = (both[p] ?? 0) + 1;
  }
  return labels.map((label) => overlapFrom(label, predicted[label] ?? 0, expected[label] ?? 0, both[label] ?? 0));
}

/** Dice of one label; NaN when neither map has it. */
export function dice(prediction: LabelMap, reference: LabelMap, label: number): number {
  return overlapOfLabels(prediction, reference, [label])[0]?.dice ?? Number.NaN;
}

function overlapFrom(label: number, predicted: number, expected: number, truePositives: number): Overlap {
  const falsePositives = predicted - truePositives;
  const falseNegatives = expected - truePositives;
  // 0 / 0 is NaN, which is what is meant; a volume error over an empty reference would be infinite.
  return {
    label,
    truePositives,
    falsePositives,
    falseNegatives,
    dice: (2 * truePositives) / (predicted + expected),
    iou: truePositives / (truePositives + falsePositives + falseNegatives),
    sensitivity: truePositives / expected,
    precision: truePositives / predicted,
    volumeError: expected === 0 ? Number.NaN : (predicted - expected) / expected,
  };
}
