import { quantileInPlace } from "#src/imaging/order-statistics.js";
import {
  COMPARED_METRICS,
  type ComparedModel,
  type Comparison,
  mismatchedLabels,
  summaryOf,
  titleOf,
} from "./compare-models.js";
import { number, range, withUnit } from "./evaluate-table.js";
import { table } from "./table.js";

/** Version of the JSON document. */
const COMPARISON_SCHEMA_VERSION = 1;

/** Titles and cells of the table: a row a model. */
export function comparisonRows({ models, cases, bootstrap }: Comparison): { head: string[]; rows: string[][] } {
  const unit = models.flatMap(({ evaluation }) => evaluation?.settings.unit ?? [])[0];
  const head = [
    "model",
    ...COMPARED_METRICS.map((metric) => (unit === undefined ? titleOf(metric) : withUnit(metric, unit))),
    "parameters, M",
    "GFLOP a tile",
    "file, MB",
    "a scan, s",
    "in the network, s",
    "peak memory, MB",
  ];
  const rows = models.map(({ id, facts, time, evaluation, failed }) => [
    id,
    ...COMPARED_METRICS.map((metric) => {
      if (evaluation === null) return `${failed.length} failed`;
      const summary = summaryOf(evaluation, metric, bootstrap);
      if (summary === null) return `none of ${cases}`;
      const share = summary.cases < cases ? `, ${summary.cases} of ${cases}` : "";
      return `${number(summary.mean)} (${range(summary.interval)}${share})`;
    }),
    facts.parameters === 0 ? "-" : (facts.parameters / 1e6).toFixed(2),
    facts.flopsATile === 0 ? "-" : (facts.flopsATile / 1e9).toFixed(1),
    facts.bytes === 0 ? "-" : (facts.bytes / 1e6).toFixed(1),
    spread(time?.scan),
    spread(time?.network),
    time === null || time.peakBytes === 0 ? "-" : (time.peakBytes / 1e6).toFixed(0),
  ]);
  return { head, rows };
}

/** Titles and cells of the comparison of every two models. */
export function pairRows({ pairs }: Comparison): { head: string[]; rows: string[][] } {
  const head = ["pair", "difference of Dice", "95 % interval", "cases", "p", "p, Holm"];
  const rows = pairs.map(({ first, second, meanDifference, interval, cases, p, pHolm }) => [
    `${first} - ${second}`,
    number(meanDifference),
    range(interval),
    String(cases),
    number(p),
    number(pHolm),
  ]);
  return { head, rows };
}

export function comparisonText(comparison: Comparison): string {
  const [models, pairs] = [comparisonRows(comparison), pairRows(comparison)];
  const parts = [table(models.head, models.rows)];
  if (pairs.rows.length > 0) parts.push(table(pairs.head, pairs.rows));
  return parts.join("\n\n");
}

export function comparisonMarkdown(comparison: Comparison): string {
  const lines = ({ head, rows }: { head: readonly string[]; rows: readonly (readonly string[])[] }) =>
    [head, head.map(() => "---"), ...rows].map((cells) => `| ${cells.join(" | ")} |`).join("\n");
  const pairs = pairRows(comparison);
  return `${[lines(comparisonRows(comparison)), ...(pairs.rows.length > 0 ? [lines(pairs)] : []), explanation(comparison)].join("\n\n")}\n`;
}

/** What the figures are. */
export function explanation({ cases, bootstrap, models, processor }: Comparison): string {
  const timed = Math.max(0, ...models.map(({ time }) => time?.scan.length ?? 0));
  return [
    `${cases} case${cases === 1 ? "" : "s"}; each case counts as the mean over its labels, which are those of the references unless others were asked for. In brackets: 95 % interval of the mean (BCa bootstrap, ${bootstrap.resamples} resamples, seed ${bootstrap.seed}), and of how many cases where some have no value, as the distance to an empty map has none.`,
    "Pairs: first - second, Wilcoxon signed-rank, two-sided, and corrected for the number of pairs (Holm).",
    "GFLOP: two a product of convolutions and matrix products, one tile, one pass.",
    timed === 0
      ? "Nothing was timed."
      : `Time: ${timed} scan${timed === 1 ? "" : "s"} one at a time on ${processor}, the models by turns, each in a warm process of its own; median (quartiles) of the whole workflow, and of the network alone. Memory: the most that this process held.`,
    `Models: ${models.map(({ id, version }) => `${id} ${version}`).join(", ")}.`,
  ].join(" ");
}

/** A line a failed scan, a model with labels that are not scored, and a value that means two things. */
export function warningsOf({ models }: Comparison): readonly string[] {
  const ofModels = models.flatMap(({ id, failed, evaluation }) => {
    const [first, ...more] = evaluation?.warnings ?? [];
    const count = more.length > 0 ? ` (${more.length + 1} such warnings)` : "";
    return [
      ...failed.map(({ case: name, code }) => `${id} on ${name}: ${code}`),
      ...(first === undefined ? [] : [`${id}: ${first}${count}`]),
    ];
  });
  return [...ofModels, ...mismatchedLabels(models)];
}

/** A line a model and metric. */
export function comparisonCsv({ models, bootstrap }: Comparison): string {
  const lines = models.flatMap((model) => [
    ...COMPARED_METRICS.map((metric) => {
      const summary = model.evaluation === null ? null : summaryOf(model.evaluation, metric, bootstrap);
      return [model.id, titleOf(metric), summary?.mean ?? "", ...(summary?.interval ?? ["", ""])];
    }),
    ...factsOf(model).map(([name, value]) => [model.id, name, value, "", ""]),
  ]);
  return `${[["model", "what", "value", "low", "high"], ...lines].map((cells) => cells.join(",")).join("\n")}\n`;
}

function factsOf({ facts, time }: ComparedModel): [string, number | string][] {
  return [
    ["parameters", facts.parameters],
    ["FLOP a tile", facts.flopsATile],
    ["bytes", facts.bytes],
    ["seconds a scan (median)", time === null || time.scan.length === 0 ? "" : quantile(time.scan, 0.5)],
    ["seconds in the network (median)", time === null || time.network.length === 0 ? "" : quantile(time.network, 0.5)],
    ["peak bytes", time?.peakBytes ?? ""],
  ];
}

export function comparisonJson({ models, ...comparison }: Comparison): string {
  const rounded = models.map(({ evaluation, ...model }) => ({
    ...model,
    warnings: evaluation?.warnings ?? [],
    scores:
      evaluation === null
        ? null
        : Object.fromEntries(
            COMPARED_METRICS.map((metric) => [metric, summaryOf(evaluation, metric, comparison.bootstrap)]),
          ),
    cases: evaluation?.rows ?? [],
  }));
  const document = { schemaVersion: COMPARISON_SCHEMA_VERSION, ...comparison, models: rounded };
  return `${JSON.stringify(document, (_, value) => (Number.isNaN(value) ? null : value), 2)}\n`;
}

/** Median and quartiles. */
function spread(values: readonly number[] | undefined): string {
  if (values === undefined || values.length === 0) return "-";
  return `${quantile(values, 0.5).toFixed(2)} (${quantile(values, 0.25).toFixed(2)} to ${quantile(values, 0.75).toFixed(2)})`;
}

function quantile(values: readonly number[], share: number): number {
  return quantileInPlace(Float64Array.from(values), share);
}
