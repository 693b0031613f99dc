import type { RefineStep } from "#src/model/refine-steps.js";

/** One validation case: probabilities of one label, and where the truth has it. */
export interface TuningCase {
  readonly probability: Float32Array;
  /** Ones and zeros, on the same grid. */
  readonly truth: Uint8Array;
  /** Voxels of one slice along z. */
  readonly sliceVoxels: number;
}

/** What is searched. Thresholds ascending. */
export type TuningRule =
  | { readonly kind: "threshold"; readonly probability: readonly number[] }
  | {
      readonly kind: "score-triplet";
      readonly topScore: readonly number[];
      readonly minVoxels: readonly number[];
      readonly bottomScore: readonly number[];
      readonly scope: "volume" | "slice";
    };

export interface TunedStep {
  /** The step with the largest mean Dice; of equals the first: lowest thresholds, then smallest area. */
  readonly step: Extract<RefineStep, { kind: "threshold" | "score-triplet" }>;
  /** Mean over cases; a case in which both sides are empty counts as 1, as in SIIM-ACR's score. */
  readonly meanDice: number;
  /** The same for a threshold of 0.5. */
  readonly meanDiceAtHalf: number;
  /** Combinations tried. */
  readonly tried: number;
}

/**
 * Searches a grid of thresholds for one label. Each case is read once: how many voxels lie above each threshold, inside
 * the truth and outside, tells the Dice of every combination, so the grid's size hardly matters.
 *
 * @throws {RangeError} without cases or with an empty grid
 */
export function tuneThresholds(cases: readonly TuningCase[], label: number, rule: TuningRule): TunedStep {
  if (cases.length === 0) throw new RangeError("tuning needs at least one case");
  const half = meanOf(cases.map((one) => diceAt(countsAbove(one, [0.5], one.probability.length, "reach"), 0)));
  const tuned = rule.kind === "threshold" ? tuneThreshold(cases, label, rule) : tuneTriplet(cases, label, rule);
  return { ...tuned, meanDiceAtHalf: half };
}

type Rule<Kind> = Extract<TuningRule, { kind: Kind }>;
type Tuned = Omit<TunedStep, "meanDiceAtHalf">;

function tuneThreshold(cases: readonly TuningCase[], label: number, rule: Rule<"threshold">): Tuned {
  const counts = cases.map((one) => countsAbove(one, rule.probability, one.probability.length, "reach"));
  const best = bestOf(rule.probability.map((probability, n) => [probability, meanOf(counts.map((c) => diceAt(c, n)))]));
  return {
    step: { kind: "threshold", labels: [label], probability: best.choice, from: "probabilities" },
    meanDice: best.meanDice,
    tried: rule.probability.length,
  };
}

function tuneTriplet(cases: readonly TuningCase[], label: number, rule: Rule<"score-triplet">): Tuned {
  const grid = rule.bottomScore.flatMap((bottomScore, b) =>
    rule.topScore.flatMap((topScore, t) =>
      topScore < bottomScore ? [] : rule.minVoxels.map((minVoxels) => ({ bottomScore, topScore, minVoxels, b, t })),
    ),
  );
  const sums = new Float64Array(grid.length);
  for (const one of cases) {
    const part = rule.scope === "slice" ? one.sliceVoxels : one.probability.length;
    const bottom = countsAbove(one, rule.bottomScore, part, "exceed");
    const top = countsAbove(one, rule.topScore, part, "exceed");
    for (const [n, { b, t, minVoxels }] of grid.entries()) {
      const isKept = (at: number): boolean => (top.predicted[at]?.[t] ?? 0) >= minVoxels;
      sums[n] = (sums[n] ?? 0) + diceAt(bottom, b, isKept);
    }
  }
  const best = bestOf(grid.map((choice, n) => [choice, (sums[n] ?? 0) / cases.length]));
  const { topScore, minVoxels, bottomScore } = best.choice;
  return {
    step: {
      kind: "score-triplet",
      labels: [label],
      topScore,
      minVoxels,
      bottomScore,
      scope: rule.scope,
      connectivity: 26,
    },
    meanDice: best.meanDice,
    tried: grid.length,
  };
}

/** Of every part of a case (its slices, or all of it), voxels above each threshold. */
interface CountsAbove {
  readonly predicted: readonly Float64Array[];
  readonly overlap: readonly Float64Array[];
  readonly truth: number;
}

/** @param mode whether a value equal to the threshold counts ("reach") or not ("exceed"), as the step has it */
function countsAbove(
  { probability, truth }: TuningCase,
  thresholds: readonly number[],
  part: number,
  mode: "reach" | "exceed",
): CountsAbove {
  const limits = Float32Array.from(thresholds);
  const predicted: Float64Array[] = [];
  const overlap: Float64Array[] = [];
  let truths = 0;
  for (let from = 0; from < probability.length; from += part) {
    const all = new Float64Array(limits.length);
    const inside = new Float64Array(limits.length);
    for (let i = from; i < from + part; i++) {
      const value = probability[i] ?? 0;
      const isTrue = truth[i] === 1 ? 1 : 0;
      truths += isTrue;
      for (let n = 0; n < limits.length; n++) {
        const limit = limits[n] ?? 1;
        if (mode === "reach" ? value < limit : value <= limit) break;
        all[n] = (all[n] ?? 0) + 1;
        inside[n] = (inside[n] ?? 0) + isTrue;
      }
    }
    predicted.push(all);
    overlap.push(inside);
  }
  return { predicted, overlap, truth: truths };
}

function diceAt(counts: CountsAbove, n: number, isKept: (part: number) => boolean = () => true): number {
  let predicted = 0;
  let overlap = 0;
  for (let part = 0; part < counts.predicted.length; part++) {
    if (!isKept(part)) continue;
    predicted += counts.predicted[part]?.[n] ?? 0;
    overlap += counts.overlap[part]?.[n] ?? 0;
  }
  return predicted + counts.truth === 0 ? 1 : (2 * overlap) / (predicted + counts.truth);
}

function bestOf<Choice>(scored: readonly (readonly [Choice, number])[]): { choice: Choice; meanDice: number } {
  const [first, ...others] = scored;
  if (first === undefined) throw new RangeError("tuning needs at least one combination of thresholds");
  const [choice, meanDice] = others.reduce((best, one) => (one[1] > best[1] + 1e-12 ? one : best), first);
  return { choice, meanDice };
}

function meanOf(numbers: readonly number[]): number {
  return numbers.reduce((sum, value) => sum + value, 0) / numbers.length;
}
