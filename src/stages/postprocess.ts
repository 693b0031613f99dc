import type { Box } from "#src/imaging/crop.js";
import type { Grid } from "#src/imaging/volume.js";
import { needsImage } from "#src/model/refine-steps.js";
import { applySteps, type RefineInput } from "#src/refine/apply-steps.js";
import { probabilitiesFile, STAGE_FILES } from "#src/storage/keys.js";
import type { StageDefinition, StageReport, StageWork } from "./stage.js";
import { labelsFile, readImage, readLabels, readProbability } from "./volume-files.js";

/** Applies the manifest's steps to the labels on the source grid. Writes the final labels. */
export const postprocess: StageDefinition = { stage: "postprocess", run };

async function run(work: StageWork): Promise<StageReport> {
  const labels = readLabels(await work.read("segment", STAGE_FILES.labels));
  const steps = work.task.refine === "on" ? work.model.manifest.postprocess : [];
  const { data, ...grid } = labels;
  if (steps.length === 0) {
    await work.write(STAGE_FILES.labels, labelsFile(data, grid));
    return {};
  }
  const probabilities = await readProbabilities(work, grid);
  const wantsImage = steps.some(needsImage);
  const image = wantsImage ? readImage(await work.read("preprocess", STAGE_FILES.image)).data : null;
  const refined = applySteps({ labels: data, size: grid.size, spacingMm: grid.spacingMm, probabilities, image }, steps);
  await work.write(STAGE_FILES.labels, labelsFile(refined.labels, grid));
  return {};
}

async function readProbabilities(work: StageWork, grid: Grid): Promise<RefineInput["probabilities"]> {
  const byLabel = new Map<number, Float32Array>();
  let box: Box | null = null;
  for (const { value } of work.model.manifest.labels) {
    const file = probabilitiesFile(value);
    if (!work.has("segment", file)) continue;
    const read = readProbability(await work.read("segment", file), grid);
    box = read.box;
    byLabel.set(value, read.data);
  }
  return box === null ? null : { ...box, byLabel };
}
