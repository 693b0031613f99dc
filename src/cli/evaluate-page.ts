import { valuesText } from "#src/evaluate/evaluate-case.js";
import type { Evaluation, EvaluationRow } from "#src/evaluate/evaluation.js";
import { METRIC_KEYS, METRICS, type MetricKey } from "#src/evaluate/metrics.js";
import { type Html, html } from "#src/report/html.js";
import { stripPlot } from "./evaluate-plot.js";
import { MAIN_METRICS, number, range, withUnit } from "./evaluate-table.js";
import { page } from "./page.js";

const PLOTTED: readonly MetricKey[] = ["dice", "surfaceDiceDeepmind", "hd95Monai", "volumeErrorRelative", "lesionF1"];
const OF_A_CASE: readonly MetricKey[] = [
  "dice",
  "surfaceDiceDeepmind",
  "hd95Monai",
  "assd",
  "volumeError",
  "lesionsMissed",
  "lesionsFalse",
];
/** The page stays readable; the CSV has all rows. */
const MOST_ROWS = 500;

const STYLE = `
svg { display: block; width: 100%; height: auto; }
svg text { fill: var(--ink); font-size: 13px; }
svg .tick { fill: var(--soft); font-size: 12px; }
svg .grid { stroke: var(--line); }
svg .box { fill: var(--box); stroke: var(--soft); }
svg .median { stroke: var(--ink); stroke-width: 2; }
svg .dots { fill: var(--dot); fill-opacity: .75; }
svg line.mean { stroke: var(--alert); stroke-width: 2; }
svg path.mean { fill: var(--alert); }
:root { --dot: #2563a8; }
@media (prefers-color-scheme: dark) { :root { --dot: #7db6f0; } }
@media print { :root { --dot: #2563a8; } svg { print-color-adjust: exact; -webkit-print-color-adjust: exact; } tr { break-inside: avoid; } table { break-inside: auto; font-size: 12px; } th, td { padding-right: 8px; } .scroll { overflow: visible; } h2, h3 { break-after: avoid; } }
`;

/** An evaluation for people: one HTML file that needs nothing else, no script and no network. */
export function evaluationPage(evaluation: Evaluation): string {
  const { settings, labels, rows, summary, warnings } = evaluation;
  const cases = new Set(rows.map(({ ordinal }) => ordinal)).size;
  const heading = `Evaluation of ${cases} ${cases === 1 ? "case" : "cases"}, ${labels.length} ${labels.length === 1 ? "label" : "labels"}`;
  return page(`Evaluation of ${cases} cases`, STYLE, heading, [
    warningsSection(warnings),
    html`<section id="plots"><h2>Every case</h2>
${PLOTTED.map((metric) => stripPlot(metric, settings.unit, rows, summary))}
</section>`,
    casesSection(evaluation),
    summarySection(evaluation),
    comparisonSection(evaluation),
    settingsSection(evaluation),
    definitionsSection(evaluation),
  ]);
}

function warningsSection(warnings: readonly string[]): Html {
  if (warnings.length === 0) return html`<p id="warnings">No warnings.</p>`;
  return html`<section id="warnings" class="warnings"><h2>Warnings</h2>
<ul>${warnings.map((warning) => html`<li>${warning}</li>`)}</ul>
</section>`;
}

function summarySection({ settings, labels, summary }: Evaluation): Html {
  const parts = labels.map((label) => {
    const { name, values, from } = label;
    const rows = summary
      .filter((row) => row.label === name && MAIN_METRICS.includes(row.metric))
      .map(
        ({ metric, mean, interval, median, quartile1, quartile3, min, max, cases, skipped }) => html`<tr>
<th scope="row">${withUnit(metric, settings.unit)}</th>
<td class="number">${number(mean)}</td>
<td class="number">${range(interval)}</td>
<td class="number">${number(median)}</td>
<td class="number">${range(cases === 0 ? null : [quartile1, quartile3])}</td>
<td class="number">${range(cases === 0 ? null : [min, max])}</td>
<td class="number">${cases}</td>
<td class="number">${skipped.both} / ${skipped.truth} / ${skipped.prediction}</td>
</tr>`,
      );
    return html`<h3>${name} (${values.length === 1 && from === undefined ? "value" : "values"} ${valuesText(label)})</h3>
${table(["Metric", "Mean", "95 % interval", "Median", "Quartiles", "Range", "Cases", "Without a value*"], rows, 1)}`;
  });
  return html`<section id="summary"><h2>Summary</h2>
${parts}
<p class="soft">* Cases left out of the line: the label in neither map / not in the reference / not in the prediction.</p>
</section>`;
}

function comparisonSection({ settings, comparison }: Evaluation): Html {
  if (comparison === null) return html``;
  const rows = comparison
    .filter(({ metric }) => MAIN_METRICS.includes(metric))
    .map(
      ({ label, metric, meanDifference, interval, better, equal, worse, pairs, p }) => html`<tr>
<th scope="row">${label}</th>
<td>${withUnit(metric, settings.unit)}</td>
<td class="number">${number(meanDifference)}</td>
<td class="number">${range(interval)}</td>
<td class="number">${better} / ${equal} / ${worse}</td>
<td class="number">${pairs}</td>
<td class="number">${number(p)}</td>
</tr>`,
    );
  return html`<section id="comparison"><h2>Against the other predictions</h2>
<p>Prediction minus other prediction, case by case; of a volume error, of its magnitude. p: Wilcoxon signed-rank, two-sided, not corrected for the number of lines.</p>
${table(["Label", "Metric", "Mean difference", "95 % interval", "Better / equal / worse", "Pairs", "p"], rows, 2)}
</section>`;
}

function casesSection({ settings, rows }: Evaluation): Html {
  // A label in one map alone is the worst there is; one in neither says nothing and comes last.
  const rank = ({ scores }: EvaluationRow): number => (Number.isNaN(scores.dice) ? 2 : scores.dice);
  const sorted = rows.toSorted((a, b) => rank(a) - rank(b));
  const lines = sorted.slice(0, MOST_ROWS).map(
    (row) => html`<tr>
<th scope="row">${row.case}</th>
<td>${row.label}</td>
${OF_A_CASE.map((metric) => html`<td class="number">${METRICS[metric].unit === "count" ? row.scores[metric] : number(row.scores[metric])}</td>`)}
<td>${EMPTY[row.empty]}</td>
</tr>`,
  );
  const rest = sorted.length - lines.length;
  return html`<section id="cases"><h2>Cases, the worst first</h2>
${table(["Case", "Label", ...OF_A_CASE.map((metric) => withUnit(metric, settings.unit)), "Remark"], lines, 2, OF_A_CASE.length + 1)}
${rest > 0 ? html`<p class="soft">${rest} more are in the CSV file.</p>` : html``}
</section>`;
}

const EMPTY: Readonly<Record<EvaluationRow["empty"], string>> = {
  none: "",
  truth: "not in the reference",
  prediction: "not in the prediction",
  both: "in neither map",
};

function settingsSection({ settings }: Evaluation): Html {
  const { tolerance, unit, lesions, bothEmpty, oneEmpty, bootstrap } = settings;
  const share = lesions.overlap === 0 ? "one voxel" : `${100 * lesions.overlap} % of its voxels`;
  return html`<section id="settings"><h2>Settings</h2>
<div class="scroll"><table class="facts">
<tr><th scope="row">Tolerance of surface Dice</th><td>${tolerance} ${unit}</td></tr>
<tr><th scope="row">Lesions</th><td>pieces of connectivity ${lesions.connectivity}; found when ${share} is covered</td></tr>
<tr><th scope="row">Label in neither map</th><td>${bothEmpty === "skip" ? "has no score" : "scores as a perfect agreement"}</td></tr>
<tr><th scope="row">Label in one map alone</th><td>Dice and surface Dice 0; distances: ${oneEmpty === "skip" ? "none" : "diagonal of the image"}</td></tr>
<tr><th scope="row">Intervals</th><td>95 %, of the mean, BCa bootstrap over cases, ${bootstrap.resamples} resamples, seed ${bootstrap.seed}</td></tr>
</table></div></section>`;
}

function definitionsSection({ settings }: Evaluation): Html {
  const rows = METRIC_KEYS.map(
    (key) =>
      html`<tr><th scope="row">${withUnit(key, settings.unit)}</th><td><code>${key}</code></td><td>${METRICS[key].definition}</td></tr>`,
  );
  return html`<section id="definitions"><h2>Definitions</h2>
${table(["Metric", "Name in the files", "Definition"], rows, 3)}
</section>`;
}

/** @param from index of the first and @param to of the last column of numbers; to the end if `to` is left out */
function table(heads: readonly string[], rows: readonly Html[], from: number, to: number = heads.length): Html {
  const cells = heads.map((head, n) =>
    n >= from && n <= to ? html`<th scope="col" class="number">${head}</th>` : html`<th scope="col">${head}</th>`,
  );
  return html`<div class="scroll" tabindex="0"><table>
<thead><tr>${cells}</tr></thead>
<tbody>
${rows}
</tbody>
</table></div>`;
}
