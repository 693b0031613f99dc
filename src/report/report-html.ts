import { IMAGE_FORMATS } from "#src/core/image-formats.js";
import { UNCERTAINTY_MAPS, type UncertaintyMap } from "#src/core/uncertainty-maps.js";
import { type Html, html } from "./html.js";
import { type ReportFacts, reportFacts } from "./report-facts.js";
import type { ReportInput, ReportPicture, StageTiming } from "./report-input.js";
import { REPORT_STYLE } from "./report-style.js";

/**
 * The report for people: one HTML file that needs nothing else, no script and no network. All of it is the same bytes
 * on every rerun, except `<section id="timing">`.
 */
export function renderReport(input: ReportInput): string {
  const facts = reportFacts(input);
  const style: Html = { html: REPORT_STYLE };
  return html`<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
<title>${facts.model.title}: segmentation report</title>
<style>${style}</style>
</head>
<body>
<main>
<header>
<h1>${facts.model.title}</h1>
<p class="soft">Segmentation report of result <code>${facts.identity}</code></p>
<p class="notice">${facts.notice}</p>${facts.deidentification === undefined ? [] : html`\n<p class="soft">${facts.deidentification}</p>`}
</header>
${warningsSection(facts)}
${picturesSection(input)}
${structuresSection(input, facts)}
${modelSection(facts)}
${settingsSection(facts)}
${sourceSection(facts)}
${filesSection(facts)}
${timingSection(input.stages)}
</main>
</body>
</html>
`.html;
}

function warningsSection({ warnings }: ReportFacts): Html {
  if (warnings.length === 0) return html`<p id="warnings">No warnings.</p>`;
  const items = warnings.map(({ code, message }) => html`<li><code>${code}</code> ${message}</li>`);
  return html`<section id="warnings" class="warnings">
<h2>Warnings: read these before you use the result</h2>
<ul>
${items}
</ul>
</section>`;
}

const DIRECTIONS =
  "R right, L left, A front, P back, S head, I feet: directions in the patient, the nearest ones where the image is oblique. The patient's right is on the left. The number is the position of the slice in millimetres from the origin of the scan's coordinates.";
const NO_DIRECTIONS =
  "The image does not say how it lies in a patient, so no directions are marked. Slices are counted from 1.";

function picturesSection({ pictures, structures, model, source }: ReportInput): Html {
  const legend = structures.map(
    ({ label, displayName }) => html`<li>${swatch(colourOf(model, label))}${displayName}</li>`,
  );
  return html`<section id="pictures">
<h2>Pictures</h2>
<ul class="legend">
${legend}
</ul>
${pictures.map(figure)}
<p class="soft">${source.orientation === null ? NO_DIRECTIONS : DIRECTIONS}</p>
</section>`;
}

function figure({ png, width, height, caption, alt }: ReportPicture): Html {
  const source = `data:image/png;base64,${Buffer.from(png).toString("base64")}`;
  return html`<figure>
<img src="${source}" width="${width}" height="${height}" alt="${alt}">
<figcaption>${capital(caption)}.</figcaption>
</figure>`;
}

function structuresSection({ model }: ReportInput, { structures }: ReportFacts): Html {
  const maps = UNCERTAINTY_MAPS.filter((map) => structures.some((one) => one[map] !== undefined));
  const rows = structures.map(
    ({ label, displayName, voxels, volumeMl, centroidRasMm, ...scores }) => html`<tr>
<th scope="row">${swatch(colourOf(model, label))}${displayName}</th>
<td class="number">${label}</td>
<td class="number">${voxels.toLocaleString("en-US")}</td>
<td class="number">${volumeMl === null ? "unknown" : volumeMl.toFixed(2)}</td>
<td class="number">${centroidRasMm === null ? "none" : centroidRasMm.map((mm) => mm.toFixed(1)).join(", ")}</td>${maps.map((map) => scoreCell(scores[map]))}
</tr>`,
  );
  const heads = [
    "Structure",
    "Label",
    "Voxels",
    "Volume, mL",
    "Centroid R, A, S, mm",
    ...maps.map(scoreHead(structures)),
  ];
  return section("structures", "Structures", html`${table(heads, rows, 1)}${maps.length === 0 ? [] : mapsNote(maps)}`);
}

type Scored = ReportFacts["structures"][number];

/** The mark is the same for all structures of a map. */
function scoreHead(structures: readonly Scored[]) {
  return (map: UncertaintyMap): string => {
    const mark = structures.map((one) => one[map]?.above).find((above) => above !== undefined);
    return `Mean ${map}${mark === undefined ? "" : ` (voxels above ${mark})`}`;
  };
}

function scoreCell(score: Scored[UncertaintyMap]): Html {
  const text = score ? `${score.mean.toFixed(3)} (${(score.share * 100).toFixed(1)} %)` : "none";
  return html`<td class="number">${text}</td>`;
}

const MAP_MEANINGS = {
  uncertainty:
    "Uncertainty is the entropy of the network's probabilities: 0 where it is certain, 1 where it knows nothing.",
  disagreement:
    "Disagreement is how far several networks, or one network's answers to mirrored images, differ: 0 to 1.",
} as const;

function mapsNote(maps: readonly UncertaintyMap[]): Html {
  const meanings = maps.map((map) => MAP_MEANINGS[map]).join(" ");
  return html`\n<p class="soft">${meanings} Means are over the structure's voxels. Neither says whether the outline is right.</p>`;
}

function modelSection({ model }: ReportFacts): Html {
  const training = model.trainingData.map(({ name, licence }) => html`<li>${name} (${licence})</li>`);
  const scores = model.scores.map(
    ({ dataset, split, label, metric, mean, interval, cases }) => html`<tr>
<th scope="row">${label}</th>
<td>${metric}</td>
<td class="number">${mean.toFixed(3)}</td>
<td class="number">${interval ? `${interval[0].toFixed(3)} to ${interval[1].toFixed(3)}` : "not given"}</td>
<td class="number">${cases}</td>
<td>${dataset}, ${split}</td>
</tr>`,
  );
  const measured = table(["Label", "Metric", "Mean", "95 % interval", "Cases", "Measured on"], scores, 2, 4);
  return section(
    "model",
    "Model",
    html`<p>${model.description}</p>
<div class="scroll"><table class="facts">
<tr><th scope="row">Model</th><td>${model.id} ${model.version}</td></tr>
<tr><th scope="row">Digest</th><td><code>${model.digest}</code></td></tr>
<tr><th scope="row">Licence of the weights</th><td>${model.licence}</td></tr>
<tr><th scope="row">Trained on</th><td><ul class="plain">${training}</ul></td></tr>
<tr><th scope="row">Not for</th><td>${model.notFor.join("; ")}</td></tr>
</table></div>
<h3>Scores of its card</h3>
${model.scores.length === 0 ? html`<p>None were measured.</p>` : measured}`,
  );
}

function settingsSection({ settings }: ReportFacts): Html {
  const items = settings.map((line) => html`<li>${line}</li>`);
  return section("settings", "Steps after the network", html`<ol class="plain">\n${items}\n</ol>`);
}

function sourceSection({ source }: ReportFacts): Html {
  const { format, modality, size, spacingMm, orientation } = source;
  return section(
    "source",
    "Source image",
    html`<div class="scroll"><table class="facts">
<tr><th scope="row">Format</th><td>${IMAGE_FORMATS[format]}</td></tr>
<tr><th scope="row">Modality</th><td>${modality ?? "not given"}</td></tr>
<tr><th scope="row">Voxels along x, y, z</th><td>${size.join(" × ")}</td></tr>
<tr><th scope="row">Spacing, mm</th><td>${spacingMm?.map((mm) => String(Number(mm.toFixed(3)))).join(" × ") ?? "not given"}</td></tr>
<tr><th scope="row">Axes grow towards</th><td>${orientation ?? "not given"}</td></tr>
</table></div>`,
  );
}

function filesSection({ files }: ReportFacts): Html {
  const rows = files.map(
    ({ name, size, sha256 }) => html`<tr>
<th scope="row">${name}</th>
<td class="number">${size.toLocaleString("en-US")}</td>
<td><code>${sha256}</code></td>
</tr>`,
  );
  return section("files", "Files", table(["File", "Bytes", "SHA-256"], rows, 1, 1));
}

/** The only part that differs from run to run. */
function timingSection(stages: readonly StageTiming[]): Html {
  const rows = stages.map(
    ({ stage, seconds, provider }) =>
      html`<tr><th scope="row">${provider === undefined ? stage : `${stage} (${provider})`}</th><td class="number">${seconds.toFixed(2)}</td></tr>`,
  );
  return section("timing", "Time of this run (no part of the result)", table(["Stage", "Seconds"], rows, 1));
}

function section(id: string, title: string, content: Html): Html {
  return html`<section id="${id}">
<h2>${title}</h2>
${content}
</section>`;
}

/** @param from index of the first and @param to of the last column of numbers; to the end if `to` is left out */
function table(heads: readonly string[], rows: readonly Html[], from: number, to: number = heads.length): Html {
  const cells = heads.map((head, n) =>
    n >= from && n <= to ? html`<th scope="col" class="number">${head}</th>` : html`<th scope="col">${head}</th>`,
  );
  return html`<div class="scroll"><table>
<thead><tr>${cells}</tr></thead>
<tbody>
${rows}
</tbody>
</table></div>`;
}

function swatch(colour: string): Html {
  return html`<span class="swatch" style="background: ${colour}"></span>`;
}

function colourOf(model: ReportInput["model"], label: number): string {
  const colour = model.labels.find(({ value }) => value === label)?.colourRgb ?? [255, 255, 255];
  return `rgb(${colour.join(", ")})`;
}

function capital(text: string): string {
  return text.slice(0, 1).toUpperCase() + text.slice(1);
}
