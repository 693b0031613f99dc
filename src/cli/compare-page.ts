import { type Html, html } from "#src/report/html.js";
import { REPORT_STYLE } from "#src/report/report-style.js";
import type { Comparison } from "./compare-models.js";
import { comparisonRows, explanation, pairRows } from "./compare-table.js";

/** A comparison for people: one HTML file that needs nothing else, no script and no network. */
export function comparisonPage(comparison: Comparison): string {
  const style: Html = { html: REPORT_STYLE };
  const failed = comparison.models.flatMap((model) => model.failed);
  const pairs = pairRows(comparison);
  return html`<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>Comparison of ${comparison.models.length} models</title>
<style>${style}</style>
</head>
<body>
<main>
<header>
<h1>Comparison of ${comparison.models.length} models on ${comparison.cases} cases</h1>
<p class="notice">Research use only. Not a medical device.</p>
</header>
${failedSection(failed)}
<section id="models"><h2>Models</h2>
${table(comparisonRows(comparison))}
</section>
<section id="pairs"><h2>Every two models</h2>
${pairs.rows.length === 0 ? html`<p>There are no two models to compare.</p>` : table(pairs)}
</section>
<p class="soft">${explanation(comparison)}</p>
</main>
</body>
</html>
`.html;
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
