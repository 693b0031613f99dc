import { PipelineError } from "#src/core/errors.js";
import type { Size3, Vec3 } from "#src/imaging/affine.js";
import { boxAround, type LabelPair, labelPairs, paddedMask } from "#src/imaging/label-pairs.js";
import { type Volume, voxelCount } from "#src/imaging/volume.js";
import { type LesionRule, lesionScores, lesionScoresOf } from "./lesion-scores.js";
import type { Scores } from "./metrics.js";
import { type SurfaceScores, surfaceScores } from "./surface-scores.js";

export type LabelVolume = Volume<Uint8Array | Uint16Array>;

/** A label that is scored: one value of the maps, or several that make up a region. */
export interface ScoredLabel {
  readonly name: string;
  readonly values: readonly number[];
  /** Every value from this one on is of it too, as where objects are numbered. */
  readonly from?: number;
}

/** Which values of a map a label has. */
function valuesIn({ values, from = 65_536 }: ScoredLabel): Uint8Array {
  const isOn = new Uint8Array(65_536).fill(1, from);
  for (const value of values) isOn[value] = 1;
  return isOn;
}

/** Its values as they are written on the command line: "1,4+". */
export function valuesText({ values, from }: ScoredLabel): string {
  return [...values, ...(from === undefined ? [] : [`${from}+`])].join(", ");
}

/** What scores are computed with. */
export interface ScoreOptions {
  /** Of the surface Dice, in mm (pixels where the voxel size is unknown). */
  readonly tolerance: number;
  readonly lesions: LesionRule;
  /** A label in neither map: no scores, or those of a perfect agreement. */
  readonly bothEmpty: "skip" | "perfect";
  /** Distances to a label that is in one map alone: none, or the diagonal of the image. */
  readonly oneEmpty: "skip" | "diagonal";
}

/** Which of the maps lack the label. */
export type Emptiness = "none" | "truth" | "prediction" | "both";

export interface LabelScores {
  readonly label: string;
  readonly empty: Emptiness;
  readonly scores: Scores;
}

/** A value that occurs in a map and is of no label that is scored. */
export interface UnscoredValue {
  readonly value: number;
  readonly where: "truth" | "prediction";
  readonly voxels: number;
}

export interface CaseScores {
  readonly labels: readonly LabelScores[];
  readonly unscored: readonly UnscoredValue[];
}

/**
 * Scores of every label of one case. The maps are passed over once for all counts and boxes; each label is then worked
 * on inside the box around it in both maps.
 *
 * @param labels those to score; null: every value that occurs in either map, named by its number
 * @param subject how messages name the case: "case 3 (liver-07)"
 * @throws {PipelineError} InputMismatch when the maps have not the same grid
 */
export function evaluateCase(
  truth: LabelVolume,
  prediction: LabelVolume,
  labels: readonly ScoredLabel[] | null,
  options: ScoreOptions,
  subject: string,
): CaseScores {
  assertSameGrid(truth, prediction, subject);
  const pairs = labelPairs(truth.data, prediction.data, truth.size);
  const scored: readonly ScoredLabel[] =
    labels ?? valuesOf(pairs).map((value) => ({ name: String(value), values: [value] }));
  const isKnown = (value: number) =>
    scored.some(({ values, from }) => values.includes(value) || (from !== undefined && value >= from));
  return {
    labels: scored.map((label) => scoreLabel(truth, prediction, label, pairs, options)),
    unscored: [
      ...unscored(pairs, "truth", isKnown, (pair) => pair.first),
      ...unscored(pairs, "prediction", isKnown, (pair) => pair.second),
    ],
  };
}

/** Scores of a label that occurs in neither map of a grid. */
export function absentScores(size: Size3, options: Pick<ScoreOptions, "bothEmpty">): Scores {
  const isPerfect = options.bothEmpty === "perfect";
  const share = isPerfect ? 1 : Number.NaN;
  return {
    ...overlapScores({ both: 0, truth: 0, prediction: 0, voxels: voxelCount(size) }, 1),
    ...lesionScoresOf({ lesionsTruth: 0, lesionsPred: 0, lesionsFound: 0, lesionsFalse: 0 }),
    ...surfaceConstant(isPerfect ? 0 : Number.NaN, share),
    ...(isPerfect ? { dice: 1, iou: 1, sensitivity: 1, precision: 1, lesionSensitivity: 1, lesionF1: 1 } : {}),
    ...(isPerfect ? { volumeErrorRelative: 0 } : {}),
  };
}

function scoreLabel(
  truth: LabelVolume,
  prediction: LabelVolume,
  label: ScoredLabel,
  pairs: readonly LabelPair[],
  options: ScoreOptions,
): LabelScores {
  const { name } = label;
  const isOn = valuesIn(label);
  const counts = { both: 0, truth: 0, prediction: 0, voxels: voxelCount(truth.size) };
  const boxes: LabelPair["box"][] = [];
  for (const { first, second, voxels, box } of pairs) {
    const [inTruth, inPrediction] = [isOn[first] === 1, isOn[second] === 1];
    if (inTruth) counts.truth += voxels;
    if (inPrediction) counts.prediction += voxels;
    if (inTruth && inPrediction) counts.both += voxels;
    if (inTruth || inPrediction) boxes.push(box);
  }
  const box = boxAround(boxes);
  if (box === null) return { label: name, empty: "both", scores: absentScores(truth.size, options) };

  const spacing = truth.spacingMm ?? ([1, 1, 1] as const);
  // A picture's area is in pixels, a volume in millilitres.
  const perVoxel = truth.spacingMm === null ? 1 : (spacing[0] * spacing[1] * spacing[2]) / 1000;
  const a = paddedMask(truth.data, truth.size, box, isOn);
  const b = paddedMask(prediction.data, truth.size, box, isOn);
  const empty = counts.truth === 0 ? "truth" : counts.prediction === 0 ? "prediction" : "none";
  const surface =
    empty === "none"
      ? surfaceScores(a.data, b.data, a.size, spacing, options.tolerance)
      : surfaceConstant(options.oneEmpty === "diagonal" ? diagonal(truth.size, spacing) : Number.NaN, 0);
  return {
    label: name,
    empty,
    scores: {
      ...overlapScores(counts, perVoxel),
      ...surface,
      ...lesionScores(a.data, b.data, a.size, options.lesions),
    },
  };
}

function overlapScores(
  { both, truth, prediction, voxels }: { both: number; truth: number; prediction: number; voxels: number },
  perVoxel: number,
) {
  const either = truth + prediction - both;
  // 0 / 0 is NaN, which is what is meant; a relative error over an empty reference would be infinite.
  return {
    dice: (2 * both) / (truth + prediction),
    iou: both / either,
    accuracy: (voxels - either + both) / voxels,
    sensitivity: both / truth,
    specificity: (voxels - either) / (voxels - truth),
    precision: both / prediction,
    volumeTruth: truth * perVoxel,
    volumePred: prediction * perVoxel,
    volumeError: (prediction - truth) * perVoxel,
    volumeErrorRelative: truth === 0 ? Number.NaN : (prediction - truth) / truth,
  };
}

function surfaceConstant(distance: number, share: number): SurfaceScores {
  return {
    hd: distance,
    hd95Monai: distance,
    hd95Medpy: distance,
    hdDeepmind: distance,
    hd95Deepmind: distance,
    asdTruthToPred: distance,
    asdPredToTruth: distance,
    assd: distance,
    asdTruthToPredDeepmind: distance,
    asdPredToTruthDeepmind: distance,
    surfaceDiceDeepmind: share,
    surfaceDiceMonai: share,
  };
}

/** From one outer corner of the image to the opposite one; of a picture, in its plane. */
function diagonal(size: Size3, spacing: Vec3): number {
  return Math.hypot(size[0] * spacing[0], size[1] * spacing[1], size[2] === 1 ? 0 : size[2] * spacing[2]);
}

function valuesOf(pairs: readonly LabelPair[]): number[] {
  const values = new Set(pairs.flatMap(({ first, second }) => [first, second]));
  values.delete(0);
  return [...values].sort((a, b) => a - b);
}

function unscored(
  pairs: readonly LabelPair[],
  where: UnscoredValue["where"],
  isKnown: (value: number) => boolean,
  labelOf: (pair: LabelPair) => number,
): UnscoredValue[] {
  const voxels = new Map<number, number>();
  for (const pair of pairs) {
    const value = labelOf(pair);
    if (value !== 0 && !isKnown(value)) voxels.set(value, (voxels.get(value) ?? 0) + pair.voxels);
  }
  return [...voxels].map(([value, count]) => ({ value, where, voxels: count })).sort((a, b) => a.value - b.value);
}

/** Same size, spacing and place: to a thousandth in spacing, and to a tenth of a millimetre at the far corners. */
function assertSameGrid(truth: LabelVolume, prediction: LabelVolume, subject: string): void {
  const refuse = (what: string, ofTruth: string, ofPrediction: string): never => {
    const message = `${subject}: the reference has ${what} ${ofTruth}, the prediction ${ofPrediction}, expected the same`;
    throw new PipelineError("InputMismatch", message);
  };
  if (truth.size.join() !== prediction.size.join()) {
    refuse("voxels", truth.size.join(" x "), prediction.size.join(" x "));
  }
  const [a, b] = [truth.spacingMm, prediction.spacingMm];
  const text = (spacing: Vec3 | null): string =>
    spacing === null ? "unknown" : `${spacing.map((mm) => Number(mm.toPrecision(6))).join(" x ")} mm`;
  const sameSpacing = a === null || b === null ? a === b : a.every((mm, n) => Math.abs(mm / (b[n] ?? 0) - 1) <= 1e-3);
  if (!sameSpacing) refuse("spacing", text(a), text(b));
  if (a === null) return;
  const apart = truth.affineRas.some((value, n) => {
    const reach = n % 4 === 3 ? 1 : (truth.size[n % 4] ?? 1);
    return Math.abs(value - (prediction.affineRas[n] ?? 0)) * reach > 0.1;
  });
  const affineText = (volume: LabelVolume): string =>
    `[${volume.affineRas.map((value) => Number(value.toPrecision(6))).join(" ")}]`;
  if (apart) refuse("affine", affineText(truth), affineText(prediction));
}
