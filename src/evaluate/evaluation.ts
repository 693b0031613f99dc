import { csvCell } from "#src/core/csv-cell.js";
import { quantileInPlace } from "#src/imaging/order-statistics.js";
import { type BootstrapOptions, meanInterval } from "./bootstrap.js";
import type { Emptiness, ScoredLabel, ScoreOptions } from "./evaluate-case.js";
import { METRIC_KEYS, METRICS, type Metric, type MetricKey, type Scores } from "./metrics.js";
import { wilcoxonP } from "./wilcoxon.js";

/** One label in one case. */
export interface EvaluationRow {
  /** Number of the case, from 1. */
  readonly ordinal: number;
  readonly case: string;
  readonly label: string;
  readonly empty: Emptiness;
  readonly scores: Scores;
}

/** What a metric of a label comes to over the cases in which it has a value. */
export interface MetricSummary {
  readonly label: string;
  readonly metric: MetricKey;
  /** Cases that count. */
  readonly cases: number;
  /** Cases without a value, by which map lacks the label. */
  readonly skipped: Readonly<Record<Emptiness, number>>;
  readonly mean: number;
  /** 95 % interval of the mean; null for fewer than two cases. */
  readonly interval: readonly [number, number] | null;
  readonly median: number;
  readonly quartile1: number;
  readonly quartile3: number;
  readonly min: number;
  readonly max: number;
}

/** A metric of a label in two sets of predictions of the same cases. */
export interface MetricComparison {
  readonly label: string;
  readonly metric: MetricKey;
  /** Cases in which both have a value. */
  readonly pairs: number;
  /** Mean of prediction - other prediction; of a signed error, of their magnitudes. */
  readonly meanDifference: number;
  readonly interval: readonly [number, number] | null;
  /** Cases in which the prediction is better, as good, worse. */
  readonly better: number;
  readonly equal: number;
  readonly worse: number;
  /** Two-sided, Wilcoxon signed-rank; NaN when no pair differs. */
  readonly p: number;
}

export interface EvaluationSettings extends ScoreOptions {
  /** What lengths are in. */
  readonly unit: "mm" | "px";
  readonly bootstrap: BootstrapOptions;
}

/** All that an evaluation found. `toJson` is its form in a file. */
export interface Evaluation {
  readonly settings: EvaluationSettings;
  readonly labels: readonly ScoredLabel[];
  readonly rows: readonly EvaluationRow[];
  readonly summary: readonly MetricSummary[];
  /** Mean over the labels of each metric's mean; NaN where no label has one. */
  readonly meanOfLabels: Scores;
  readonly comparison: readonly MetricComparison[] | null;
  readonly warnings: readonly string[];
}

/** Version of the JSON document. */
export const EVALUATION_SCHEMA_VERSION = 1;

/**
 * Summarises the scores of all cases, and compares them with those of other predictions of the same cases.
 *
 * @param against null for no comparison
 */
export function summariseEvaluation(
  settings: EvaluationSettings,
  labels: readonly ScoredLabel[],
  rows: readonly EvaluationRow[],
  against: readonly EvaluationRow[] | null,
  warnings: readonly string[],
): Evaluation {
  const ofLabel = (all: readonly EvaluationRow[], name: string) => all.filter(({ label }) => label === name);
  const summary = labels.flatMap(({ name }) =>
    METRIC_KEYS.map((metric) => summarise(ofLabel(rows, name), name, metric, settings.bootstrap)),
  );
  const comparison =
    against === null
      ? null
      : labels.flatMap(({ name }) =>
          METRIC_KEYS.filter((metric) => METRICS[metric].better !== "none").map((metric) =>
            compare(ofLabel(rows, name), ofLabel(against, name), name, metric, settings.bootstrap),
          ),
        );
  const meanOfLabels = Object.fromEntries(
    METRIC_KEYS.map((metric) => [
      metric,
      meanOf(summary.filter((item) => item.metric === metric && item.cases > 0).map(({ mean }) => mean)),
    ]),
  ) as Record<MetricKey, number>;
  return { settings, labels, rows, summary, meanOfLabels, comparison, warnings };
}

/** The evaluation as a JSON document; what has no value is null. */
export function evaluationJson(evaluation: Evaluation): string {
  const { settings, labels, rows, summary, meanOfLabels, comparison, warnings } = evaluation;
  const document = {
    schemaVersion: EVALUATION_SCHEMA_VERSION,
    settings: {
      ...settings,
      bootstrap: { ...settings.bootstrap, method: "BCa", level: 0.95, over: "cases" },
    },
    metrics: Object.fromEntries(
      METRIC_KEYS.map((key) => [key, { ...METRICS[key], unit: unitOf(METRICS[key], settings.unit) }]),
    ),
    labels,
    warnings,
    meanOfLabels,
    summary,
    ...(comparison === null ? {} : { comparison }),
    cases: rows.map(({ ordinal, case: name, label, empty, scores }) => ({
      ordinal,
      case: name,
      label,
      empty,
      ...scores,
    })),
  };
  const plain = (_: string, value: unknown) => (typeof value === "number" && !Number.isFinite(value) ? null : value);
  return `${JSON.stringify(document, plain, 2)}\n`;
}

/** A row a case and label, a column a metric; what has no value is an empty cell. */
export function evaluationCsv({ rows }: Evaluation): string {
  const head = ["case", "label", "empty", ...METRIC_KEYS];
  const lines = rows.map(({ case: name, label, empty, scores }) =>
    [csvCell(name), csvCell(label), empty, ...METRIC_KEYS.map((key) => csvNumber(scores[key]))].join(","),
  );
  return `${[head.join(","), ...lines].join("\n")}\n`;
}

/** The unit that a metric is written with; empty for a share or count. */
export function unitOf({ unit }: Metric, length: "mm" | "px"): string {
  if (unit === "length") return length;
  if (unit === "volume") return length === "mm" ? "ml" : "px";
  return "";
}

function summarise(
  rows: readonly EvaluationRow[],
  label: string,
  metric: MetricKey,
  bootstrap: BootstrapOptions,
): MetricSummary {
  const values: number[] = [];
  const skipped: Record<Emptiness, number> = { none: 0, truth: 0, prediction: 0, both: 0 };
  for (const { scores, empty } of rows) {
    if (Number.isNaN(scores[metric])) skipped[empty]++;
    else values.push(scores[metric]);
  }
  const at = (share: number): number => quantileInPlace(Float64Array.from(values), share);
  return {
    label,
    metric,
    cases: values.length,
    skipped,
    mean: meanOf(values),
    interval: meanInterval(values, bootstrap),
    median: at(0.5),
    quartile1: at(0.25),
    quartile3: at(0.75),
    min: at(0),
    max: at(1),
  };
}

function compare(
  rows: readonly EvaluationRow[],
  others: readonly EvaluationRow[],
  label: string,
  metric: MetricKey,
  bootstrap: BootstrapOptions,
): MetricComparison {
  const byCase = new Map(others.map((row) => [row.ordinal, row.scores[metric]]));
  const rule: Metric["better"] = METRICS[metric].better;
  const differences: number[] = [];
  let [better, worse] = [0, 0];
  for (const { ordinal, scores } of rows) {
    const [own, other] = [scores[metric], byCase.get(ordinal) ?? Number.NaN];
    if (Number.isNaN(own) || Number.isNaN(other)) continue;
    const difference = rule === "zero" ? Math.abs(own) - Math.abs(other) : own - other;
    differences.push(difference);
    const gain = rule === "high" ? difference : -difference;
    if (gain > 0) better++;
    if (gain < 0) worse++;
  }
  return {
    label,
    metric,
    pairs: differences.length,
    meanDifference: meanOf(differences),
    interval: meanInterval(differences, bootstrap),
    better,
    equal: differences.length - better - worse,
    worse,
    p: wilcoxonP(differences),
  };
}

function meanOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function csvNumber(value: number): string {
  return Number.isNaN(value) ? "" : String(value);
}
