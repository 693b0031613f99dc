import { needsProbabilities } from "#src/model/refine-steps.js";
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
  const probabilities = await readProbabilities(work);
  const wantsImage = steps.some((step) => step.kind === "dense-crf" && step.appearance !== undefined);
  const image = wantsImage ? readImage(await work.read("preprocess", STAGE_FILES.image)).data : null;
  // Without a foreground box the network saw background everywhere: steps on probabilities have nothing to decide.
  const applicable = probabilities === null ? steps.filter((step) => !needsProbabilities(step)) : steps;
  const refined = applySteps(
    { labels: data, size: grid.size, spacingMm: grid.spacingMm, probabilities, image },
    applicable,
  );
  await work.write(STAGE_FILES.labels, labelsFile(refined.labels, grid));
  return {};
}

async function readProbabilities(work: StageWork): Promise<RefineInput["probabilities"]> {
  const byLabel = new Map<number, Float32Array>();
  let box: { start: readonly [number, number, number]; size: readonly [number, number, number] } | null = null;
  const full = readLabels(await work.read("segment", STAGE_FILES.labels));
  for (const { value } of work.model.manifest.labels) {
    const file = probabilitiesFile(value);
    if (!work.has("segment", file)) continue;
    const read = readProbability(await work.read("segment", file), full);
    box = read.box;
    byLabel.set(value, read.data);
  }
  return box === null ? null : { ...box, byLabel };
}
