import { type BootstrapOptions, meanInterval } from "#src/evaluate/bootstrap.js";
import type { Evaluation } from "#src/evaluate/evaluation.js";
import { METRICS, type MetricKey } from "#src/evaluate/metrics.js";
import { wilcoxonP } from "#src/evaluate/wilcoxon.js";
import type { ModelFacts } from "./compare-facts.js";
import type { FailedScan, ModelTimes } from "./compare-runs.js";

/** One model of a comparison. */
export interface ComparedModel {
  readonly id: string;
  readonly version: string;
  /** What the values of its label maps are, as its manifest names them. */
  readonly labels: readonly { readonly value: number; readonly name: string }[];
  readonly facts: ModelFacts;
  /** Null when nothing was timed. */
  readonly time: ModelTimes | null;
  /** Null when a scan failed: leaving it out would flatter. */
  readonly evaluation: Evaluation | null;
  readonly failed: readonly FailedScan[];
}

/** Two models on the same cases: difference of their Dice, the mean over the labels of each case. */
export interface ModelPair {
  readonly first: string;
  readonly second: string;
  readonly cases: number;
  /** First - second. */
  readonly meanDifference: number;
  readonly interval: readonly [number, number] | null;
  /** Two-sided, Wilcoxon signed-rank; NaN when no case differs. */
  readonly p: number;
  /** The same corrected for the number of pairs (Holm 1979). */
  readonly pHolm: number;
}

export interface Comparison {
  readonly cases: number;
  /** What the scans were timed on. */
  readonly processor: string;
  readonly bootstrap: BootstrapOptions;
  readonly models: readonly ComparedModel[];
  readonly pairs: readonly ModelPair[];
}

/** What stands in the table. */
export const COMPARED_METRICS = [
  "dice",
  "iou",
  "sensitivity",
  "specificity",
  "hd95Monai",
] as const satisfies MetricKey[];

/** A metric over the cases, each the mean over its labels; null where no case has a value. */
export function summaryOf(
  evaluation: Evaluation,
  metric: MetricKey,
  bootstrap: BootstrapOptions,
): { readonly mean: number; readonly interval: readonly [number, number] | null; readonly cases: number } | null {
  const values = [...byCase(evaluation, metric).values()];
  if (values.length === 0) return null;
  return { mean: mean(values), interval: meanInterval(values, bootstrap), cases: values.length };
}

/** Values that mean one thing to a model and another to the next; label maps are compared by value. */
export function mismatchedLabels(models: readonly Pick<ComparedModel, "id" | "labels">[]): readonly string[] {
  const names = new Map<number, { readonly id: string; readonly name: string }>();
  const said: string[] = [];
  for (const { id, labels } of models) {
    for (const { value, name } of labels) {
      const known = names.get(value);
      if (known === undefined) names.set(value, { id, name });
      else if (known.name !== name)
        said.push(`${id}: its label ${value} is ${name}, that of ${known.id} is ${known.name}`);
    }
  }
  return said;
}

/** Every two models whose scans all came out, in the order of the models. */
export function pairsOf(models: readonly ComparedModel[], bootstrap: BootstrapOptions): readonly ModelPair[] {
  const pairs = models.flatMap((first, n) =>
    models.slice(n + 1).flatMap((second) => {
      if (first.evaluation === null || second.evaluation === null) return [];
      const theirs = byCase(second.evaluation, "dice");
      const differences = [...byCase(first.evaluation, "dice")].flatMap(([ordinal, dice]) => {
        const other = theirs.get(ordinal);
        return other === undefined ? [] : [dice - other];
      });
      return [
        {
          first: first.id,
          second: second.id,
          cases: differences.length,
          meanDifference: mean(differences),
          interval: meanInterval(differences, bootstrap),
          p: wilcoxonP(differences),
        },
      ];
    }),
  );
  const corrected = holm(pairs.map(({ p }) => p));
  return pairs.map((pair, n) => ({ ...pair, pHolm: corrected[n] ?? Number.NaN }));
}

/** Holm's step-down correction (Holm 1979); what has no p-value is not counted and keeps none. */
export function holm(values: readonly number[]): readonly number[] {
  const order = values
    .map((p, index) => ({ p, index }))
    .filter(({ p }) => !Number.isNaN(p))
    .sort((a, b) => a.p - b.p);
  const corrected = values.map(() => Number.NaN);
  let least = 0;
  for (const [rank, { p, index }] of order.entries()) {
    least = Math.max(least, Math.min(1, (order.length - rank) * p));
    corrected[index] = least;
  }
  return corrected;
}

/** Of each case the mean over the labels that have a value. */
function byCase({ rows }: Evaluation, metric: MetricKey): ReadonlyMap<number, number> {
  const values = new Map<number, number[]>();
  for (const { ordinal, scores } of rows) {
    const value = scores[metric];
    if (Number.isNaN(value)) continue;
    values.set(ordinal, [...(values.get(ordinal) ?? []), value]);
  }
  return new Map([...values].map(([ordinal, of]) => [ordinal, mean(of)]));
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

export function titleOf(metric: MetricKey): string {
  return METRICS[metric].title;
}
