import { segmentInput } from "#src/inference/segment-input.js";
import type { SessionPool } from "#src/inference/session-pool.js";
import { needsProbabilities } from "#src/model/refine-steps.js";
import { probabilitiesFile, STAGE_FILES } from "#src/storage/keys.js";
import { GridDocument, gridOfDocument } from "./grid-document.js";
import type { StageDefinition, StageReport, StageWork } from "./stage.js";
import { labelsFile, probabilityFile, readNetworkInput } from "./volume-files.js";

/** Runs the network tile by tile and brings its answer to the source grid. Writes labels and wanted probabilities. */
export function segmentStage(sessions: SessionPool): StageDefinition {
  return { stage: "segment", run: (work) => run(work, sessions) };
}

async function run(work: StageWork, sessions: SessionPool): Promise<StageReport> {
  const { model, task, deps } = work;
  const { network, labels } = model.manifest;
  const input = readNetworkInput(await work.read("preprocess", STAGE_FILES.networkInput), model.manifest);
  const gridText = new TextDecoder().decode(await work.read("preprocess", STAGE_FILES.grid));
  const grid = gridOfDocument(GridDocument.parse(JSON.parse(gridText)), model.manifest);

  const loading = performance.now();
  const session = await sessions.get({ ...network, bytes: () => deps.models.network(model) });
  const started = performance.now();
  const refines = task.refine === "on" && model.manifest.postprocess.some(needsProbabilities);
  const wanted = refines ? labels.map((label) => label.value) : [];
  const onTiles = (done: number, of: number) => work.progress("tiles", { done, of });
  const segmentation = await segmentInput(input, grid, model.manifest, session, { wanted, onTiles });
  const ended = performance.now();

  await work.write(STAGE_FILES.labels, labelsFile(segmentation.labels, grid.source));
  const { probabilities } = segmentation;
  if (probabilities) {
    for (const [label, values] of probabilities.byLabel) {
      await work.write(probabilitiesFile(label), probabilityFile(values, probabilities.box, grid.source));
    }
  }
  return { facts: { loadSeconds: (started - loading) / 1000, networkSeconds: (ended - started) / 1000 } };
}
