import { float32 } from "#src/formats/load-series.js";
import type { Box } from "#src/imaging/crop.js";
import type { Grid } from "#src/imaging/volume.js";
import type { OpenSession } from "#src/inference/network-session.js";
import { runOnce } from "#src/inference/run-once.js";
import { regionsOf } from "#src/model/other-models.js";
import { needsImage, needsProbabilities } from "#src/model/refine-steps.js";
import { applyStepsWith } from "#src/refine/apply-steps.js";
import { nowhere, type RefineProbabilities } from "#src/refine/refine-state.js";
import { probabilitiesFile, STAGE_FILES } from "#src/storage/keys.js";
import { parseGridDocument, sourceOfDocument } from "./grid-document.js";
import type { StageDefinition, StageReport, StageWork } from "./stage.js";
import { labelsFile, readImage, readLabels, readProbability } from "./volume-files.js";

/**
 * Applies the manifest's steps to the labels on the source grid. Writes the final labels.
 *
 * @param open for a step that is a graph; its sessions are not kept
 */
export function postprocessStage(open: OpenSession): StageDefinition {
  return { stage: "postprocess", run: (work) => run(work, open) };
}

async function run(work: StageWork, open: OpenSession): Promise<StageReport> {
  const file = await work.read("segment", STAGE_FILES.labels);
  const steps = work.task.refine === "on" ? work.model.manifest.postprocess : [];
  if (steps.length === 0) {
    await work.write(STAGE_FILES.labels, file);
    return {};
  }
  const { data, ...grid } = readLabels(file);
  const probabilities = steps.some(needsProbabilities) ? await readProbabilities(work, grid) : null;
  const wantsImage = steps.some(needsImage);
  const image = wantsImage ? float32(readImage(await work.read("preprocess", STAGE_FILES.image)).data) : null;
  const { size, spacingMm } = grid;
  const { manifest, others } = work.model;
  const modelLabels = manifest.labels.map(({ value }) => value);
  const regions = regionsOf(manifest, others);
  const input = { labels: data, size, spacingMm, probabilities, image, modelLabels, ...(regions && { regions }) };
  const refined = await applyStepsWith(input, steps, runOnce(open));
  // As Segment wrote it: what a file says of a grid is in single precision.
  const source = sourceOfDocument(parseGridDocument(await work.read("preprocess", STAGE_FILES.grid)));
  await work.write(STAGE_FILES.labels, labelsFile(refined.labels, source));
  return {};
}

/** Segment writes none where the network saw nothing but background. */
async function readProbabilities(work: StageWork, grid: Grid): Promise<RefineProbabilities> {
  const byLabel = new Map<number, Float32Array>();
  let box: Box | null = null;
  for (const { value } of work.model.manifest.labels) {
    const file = probabilitiesFile(value);
    if (!work.has("segment", file)) continue;
    const read = readProbability(await work.read("segment", file), grid);
    box = read.box;
    byLabel.set(value, read.data);
  }
  return box === null ? nowhere(work.model.manifest.labels.map(({ value }) => value)) : { ...box, byLabel };
}
