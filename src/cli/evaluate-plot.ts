import type { EvaluationRow, MetricSummary } from "#src/evaluate/evaluation.js";
import type { MetricKey } from "#src/evaluate/metrics.js";
import { type Html, html } from "#src/report/html.js";
import { number, withUnit } from "./evaluate-table.js";

const WIDTH = 1080;
const LEFT = 190;
const RIGHT = 24;
const ROW = 46;
const TOP = 8;
const AXIS = 30;

/** A row a label: every case as a dot, quartiles as a box, median and mean as marks. Nothing needs a script. */
export function stripPlot(
  metric: MetricKey,
  unit: "mm" | "px",
  rows: readonly EvaluationRow[],
  summary: readonly MetricSummary[],
): Html {
  const shown = summary.filter((item) => item.metric === metric && item.cases > 0);
  const title = withUnit(metric, unit);
  if (shown.length === 0) return html`<p class="soft">${title}: no case has a value.</p>`;
  const [low, high, step] = axisOf(Math.min(...shown.map(({ min }) => min)), Math.max(...shown.map(({ max }) => max)));
  const x = (value: number): string => (LEFT + ((value - low) / (high - low)) * (WIDTH - LEFT - RIGHT)).toFixed(1);
  const height = TOP + shown.length * ROW + AXIS;
  const bottom = height - AXIS;
  const ticks = Array.from({ length: Math.round((high - low) / step) + 1 }, (_, n) => low + n * step);
  const axis = ticks.map(
    (value) => html`<line class="grid" x1="${x(value)}" x2="${x(value)}" y1="${TOP}" y2="${bottom}"/>
<text class="tick" x="${x(value)}" y="${bottom + 18}" text-anchor="middle">${Number(value.toPrecision(6))}</text>`,
  );
  const labels = shown.map((item, n) =>
    strip(
      item,
      rows.filter(({ label, scores }) => label === item.label && !Number.isNaN(scores[metric])),
      n,
      x,
    ),
  );
  const description = shown
    .map(({ label, median, min, max }) => `${label}: median ${number(median)}, ${number(min)} to ${number(max)}`)
    .join("; ");
  return html`<figure>
<svg viewBox="0 0 ${WIDTH} ${height}" role="img" aria-label="${title}. ${description}.">
${axis}
${labels}
</svg>
<figcaption>${title}. A dot a case; box: quartiles; line: median; diamond: mean with its 95 % interval.</figcaption>
</figure>`;
}

function strip(
  { metric, label, mean, interval, median, quartile1, quartile3 }: MetricSummary,
  rows: readonly EvaluationRow[],
  n: number,
  x: (value: number) => string,
): Html {
  const middle = TOP + n * ROW + ROW / 2;
  const dots = rows.map(({ case: name, ordinal, scores }) => {
    // Spread by the golden ratio, so that equal values lie side by side, the same on every run.
    const y = middle + (((ordinal * 0.618034) % 1) - 0.5) * 22;
    const value = scores[metric];
    return html`<circle cx="${x(value)}" cy="${y.toFixed(1)}" r="3"><title>${name}: ${number(value)}</title></circle>`;
  });
  const width = Math.max(0, Number(x(quartile3)) - Number(x(quartile1))).toFixed(1);
  const at = x(mean);
  const [from, to] = interval ?? [mean, mean];
  const shown = label.length > 24 ? `${label.slice(0, 23)}…` : label;
  return html`<text class="name" x="${LEFT - 14}" y="${middle + 4}" text-anchor="end">${shown}</text>
<rect class="box" x="${x(quartile1)}" y="${middle - 13}" width="${width}" height="26"/>
<line class="median" x1="${x(median)}" x2="${x(median)}" y1="${middle - 13}" y2="${middle + 13}"/>
<g class="dots">${dots}</g>
<line class="mean" x1="${x(from)}" x2="${x(to)}" y1="${middle + 18}" y2="${middle + 18}"/>
<path class="mean" d="M${at} ${middle + 13}l5 5l-5 5l-5 -5z"/>`;
}

/** Round ends and steps of 1, 2 or 5 around what is to be shown. */
function axisOf(least: number, most: number): readonly [low: number, high: number, step: number] {
  const span = most - least || Math.max(Math.abs(most), 1) / 10;
  const rough = span / 6;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * ([1, 2, 5, 10].find((factor) => factor * power >= rough) ?? 10);
  const low = Math.floor(least / step) * step;
  return [low, Math.max(Math.ceil(most / step) * step, low + step), step];
}
