import { type Html, html } from "#src/report/html.js";
import { COMPARED_METRICS, type Comparison } from "./compare-models.js";
import { comparisonRows, explanation, pairRows, warningsOf } from "./compare-table.js";
import { page } from "./page.js";

/** Figures stay whole: a table that is too wide for the window is moved in its frame. */
const STYLE = `
th, td { padding-right: 9px; }
td.number { white-space: nowrap; }
td.number .soft { font-size: 13px; }
.scroll { margin-bottom: 16px; }
`;

/** A comparison for people: one HTML file that needs nothing else, no script and no network. */
export function comparisonPage(comparison: Comparison): string {
  const { models, cases } = comparison;
  const [all, size] = [comparisonRows(comparison), 1 + COMPARED_METRICS.length];
  const pairs = pairRows(comparison);
  const title = `Comparison of ${models.length === 1 ? "one model" : `${models.length} models`}`;
  return page(title, STYLE, `${title} on ${cases === 1 ? "one case" : `${cases} cases`}`, [
    warningsSection(comparison),
    html`<section id="quality"><h2>Quality</h2>
${table(columns(all, 1, size))}
</section>`,
    html`<section id="size"><h2>Size and time</h2>
${table(columns(all, size))}
</section>`,
    html`<section id="pairs"><h2>Every two models</h2>
${pairs.rows.length === 0 ? html`<p>There are no two models to compare.</p>` : table(pairs)}
</section>`,
    html`<p class="soft">${explanation(comparison)}</p>`,
  ]);
}

/** Of a table whose first column names the rows: that one, and those from `from` on up to `to`. */
function columns(
  { head, rows }: { head: readonly string[]; rows: readonly (readonly string[])[] },
  from: number,
  to?: number,
) {
  const part = (cells: readonly string[]) => [...cells.slice(0, 1), ...cells.slice(from, to)];
  return { head: part(head), rows: rows.map(part) };
}

function warningsSection(comparison: Comparison): Html {
  const warnings = warningsOf(comparison);
  if (warnings.length === 0) return html``;
  const isFailed = comparison.models.some(({ failed }) => failed.length > 0);
  return html`<section id="warnings" class="warnings"><h2>Warnings</h2>
<ul>${warnings.map((warning) => html`<li>${warning}</li>`)}</ul>
${isFailed ? html`<p>A model that gave no result for a scan has no scores: leaving the scan out would flatter it.</p>` : html``}
</section>`;
}

function table({ head, rows }: { head: readonly string[]; rows: readonly (readonly string[])[] }): Html {
  const [corner, ...titles] = head;
  return html`<div class="scroll" tabindex="0"><table>
<thead><tr><th scope="col">${corner ?? ""}</th>${titles.map((title) => html`<th scope="col" class="number">${title}</th>`)}</tr></thead>
<tbody>${rows.map(
    ([first, ...rest]) =>
      html`<tr><th scope="row">${first ?? ""}</th>${rest.map((cell) => html`<td class="number">${figure(cell)}</td>`)}</tr>`,
  )}</tbody>
</table></div>`;
}

/** A figure, and below it what stands in brackets. */
function figure(cell: string): Html {
  const [, value, brackets] = /^(\S+) \((.+)\)$/.exec(cell) ?? [];
  if (value === undefined || brackets === undefined) return html`${cell}`;
  return html`${value}<br><span class="soft">(${brackets})</span>`;
}
