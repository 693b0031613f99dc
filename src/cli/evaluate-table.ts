import { type Evaluation, unitOf } from "#src/evaluate/evaluation.js";
import { METRICS, type MetricKey } from "#src/evaluate/metrics.js";
import { table } from "./table.js";

/** What a reader looks at first; the files have everything. */
export const MAIN_METRICS: readonly MetricKey[] = [
  "dice",
  "iou",
  "sensitivity",
  "precision",
  "volumeError",
  "volumeErrorRelative",
  "hd95Monai",
  "hd95Medpy",
  "hd95Deepmind",
  "assd",
  "surfaceDiceDeepmind",
  "surfaceDiceMonai",
  "lesionSensitivity",
  "lesionsFalse",
  "lesionF1",
];

/** Mean, interval, median and quartiles of the main metrics, and the comparison, as text. */
export function evaluationTable({ settings, summary, comparison }: Evaluation): string {
  const rows = summary
    .filter(({ metric }) => MAIN_METRICS.includes(metric))
    .map(({ label, metric, cases, skipped, mean, interval, median, quartile1, quartile3 }) => [
      label,
      withUnit(metric, settings.unit),
      number(mean),
      range(interval),
      number(median),
      range(cases === 0 ? null : [quartile1, quartile3]),
      String(cases),
      String(skipped.truth + skipped.prediction + skipped.both),
    ]);
  const head = ["label", "metric", "mean", "95 % interval", "median", "quartiles", "cases", "without"];
  const scores = table(head, rows);
  if (comparison === null) return scores;
  const differences = comparison
    .filter(({ metric }) => MAIN_METRICS.includes(metric))
    .map(({ label, metric, pairs, meanDifference, interval, better, worse, p }) => [
      label,
      withUnit(metric, settings.unit),
      number(meanDifference),
      range(interval),
      String(better),
      String(worse),
      String(pairs),
      number(p),
    ]);
  const title = ["label", "metric", "difference", "95 % interval", "better", "worse", "pairs", "p"];
  return `${scores}\n\n  prediction - other prediction, Wilcoxon signed-rank, two-sided\n\n${table(title, differences)}`;
}

export function withUnit(metric: MetricKey, length: "mm" | "px"): string {
  const unit = unitOf(METRICS[metric], length);
  return unit === "" ? METRICS[metric].title : `${METRICS[metric].title}, ${unit}`;
}

/** Three digits after the point, more for small numbers; a dash for none. */
export function number(value: number): string {
  if (Number.isNaN(value)) return "-";
  return value !== 0 && Math.abs(value) < 0.01 ? value.toPrecision(2) : value.toFixed(3);
}

export function range(ends: readonly [number, number] | null): string {
  return ends === null ? "-" : `${number(ends[0])} to ${number(ends[1])}`;
}
