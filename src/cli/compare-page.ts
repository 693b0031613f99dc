import { type Html, html } from "#src/report/html.js";
import type { Comparison } from "./compare-models.js";
import { comparisonRows, explanation, pairRows } from "./compare-table.js";
import { page } from "./page.js";

/** A comparison for people: one HTML file that needs nothing else, no script and no network. */
export function comparisonPage(comparison: Comparison): string {
  const failed = comparison.models.flatMap((model) => model.failed);
  const pairs = pairRows(comparison);
  const title = `Comparison of ${comparison.models.length} models`;
  return page(title, "", `${title} on ${comparison.cases} cases`, [
    failedSection(failed),
    html`<section id="models"><h2>Models</h2>
${table(comparisonRows(comparison))}
</section>`,
    html`<section id="pairs"><h2>Every two models</h2>
${pairs.rows.length === 0 ? html`<p>There are no two models to compare.</p>` : table(pairs)}
</section>`,
    html`<p class="soft">${explanation(comparison)}</p>`,
  ]);
}

function failedSection(failed: Comparison["models"][number]["failed"]): Html {
  if (failed.length === 0) return html``;
  return html`<section id="failed" class="warnings"><h2>Scans without a result</h2>
<ul>${failed.map(({ model, case: name, code }) => html`<li>${model} on ${name}: ${code}</li>`)}</ul>
<p>A model with such a scan has no scores: leaving the scan out would flatter it.</p>
</section>`;
}

function table({ head, rows }: { head: readonly string[]; rows: readonly (readonly string[])[] }): Html {
  return html`<div class="scroll"><table>
<thead><tr>${head.map((title) => html`<th scope="col">${title}</th>`)}</tr></thead>
<tbody>${rows.map(
    ([first, ...rest]) =>
      html`<tr><th scope="row">${first ?? ""}</th>${rest.map((cell) => html`<td class="number">${cell}</td>`)}</tr>`,
  )}</tbody>
</table></div>`;
}
