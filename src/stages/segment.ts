import { segmentClassical } from "#src/classical/segment-classical.js";
import { PipelineError } from "#src/core/errors.js";
import type { Grid } from "#src/imaging/volume.js";
import { atMost } from "#src/inference/at-most.js";
import { SLICES_A_BATCH } from "#src/inference/cut-tiles.js";
import { inBatches } from "#src/inference/in-batches.js";
import { modelSessions, type SessionsOf } from "#src/inference/model-sessions.js";
import type { NetworkInput } from "#src/inference/predict-logits.js";
import { RunClock } from "#src/inference/run-clock.js";
import { segmentImage } from "#src/inference/segment-image.js";
import { type OnLabels, segmentInput } from "#src/inference/segment-input.js";
import type { SessionPool } from "#src/inference/session-pool.js";
import { TileClock } from "#src/inference/tile-clock.js";
import type { Segmentation } from "#src/inference/to-source-grid.js";
import { type ClassicalManifest, isClassical, isNetwork } from "#src/model/classical-manifest.js";
import { asksOthers } from "#src/model/manifest.js";
import { needsProbabilities } from "#src/model/refine-steps.js";
import { probabilitiesFile, STAGE_FILES } from "#src/storage/keys.js";
import { gridOfDocument, parseGridDocument, sourceOfDocument } from "./grid-document.js";
import { LabelsPacker } from "./labels-packer.js";
import { makesProbabilities } from "./outputs/outputs-for.js";
import { mapsAsked } from "./outputs/uncertainty-output.js";
import type { StageDefinition, StageReport, StageWork } from "./stage.js";
import { probabilityFile, readNetworkInput, uncertaintyFile } from "./volume-files.js";

/**
 * Runs the network tile by tile and brings its answer to the source grid, or runs the classical method of a model
 * without a network. Writes labels and wanted probabilities.
 */
export function segmentStage(sessions: SessionPool): StageDefinition {
  return { stage: "segment", run: (work) => run(work, sessions) };
}

async function run(work: StageWork, sessions: SessionPool): Promise<StageReport> {
  const { model, task, deps } = work;
  const { manifest } = model;
  const input = readNetworkInput(await work.read("preprocess", STAGE_FILES.networkInput), manifest);
  const gridDocument = parseGridDocument(await work.read("preprocess", STAGE_FILES.grid));
  const refines = task.refine === "on" && manifest.postprocess.some(needsProbabilities);
  const publishes = makesProbabilities(task.channels[0]?.format ?? "nifti", task);
  if (isClassical(manifest))
    return runClassical(work, manifest, input, sourceOfDocument(gridDocument), { refines, publishes });
  const wanted = refines || publishes ? manifest.labels.map((label) => label.value) : [];
  const tileClock = new TileClock();
  const onTiles = (done: number, of: number) => work.progress("tiles", { ...tileClock.tell(done, of) });
  const source = sourceOfDocument(gridDocument);
  const load = modelSessions(sessions, deps.models);
  const clock = new RunClock();
  let loadSeconds = 0;
  const sessionsOf: SessionsOf = async (one) => {
    const loading = performance.now();
    const opened = await load(one);
    loadSeconds += (performance.now() - loading) / 1000;
    tileClock.begin();
    return opened.map((session) =>
      inBatches(clock.timed(atMost(session, task.plan?.workers ?? 1)), task.plan?.batch ?? SLICES_A_BATCH),
    );
  };

  const started = performance.now();
  const options = { wanted, maps: mapsAsked(task.outputs), onTiles, sessionsOf };
  const packer = new LabelsPacker(source);
  const onLabels: OnLabels = (labels, done) => packer.add(labels, done);
  try {
    const segmentation =
      !isNetwork(manifest) || asksOthers(manifest)
        ? await segmentImage({ grid: source, channels: input.channels }, model, options)
        : await segmentInput(input, gridOfDocument(gridDocument, manifest), manifest, await sessionsOf(model), {
            ...options,
            onLabels,
          });
    const networkSeconds = clock.seconds;
    // Tiles, blending and the way back to the source grid, as far as no network ran meanwhile.
    const aroundSeconds = (performance.now() - started) / 1000 - loadSeconds - networkSeconds;

    await writeSegmentation(work, segmentation, source, packer);
    const times = { loadSeconds, networkSeconds, aroundSeconds, ...tileClock.facts };
    return { facts: { ...times, runs: clock.runs, provider: deps.provider, workers: task.plan?.workers ?? 1 } };
  } finally {
    packer.close();
  }
}

async function runClassical(
  work: StageWork,
  manifest: ClassicalManifest,
  input: NetworkInput,
  grid: Grid,
  { refines, publishes }: { readonly refines: boolean; readonly publishes: boolean },
): Promise<StageReport> {
  const started = performance.now();
  const { labels, probabilities } = segmentClassical({ ...input, ...grid }, manifest.classical);
  const ended = performance.now();
  if (refines && probabilities === null) {
    throw new PipelineError(
      "ModelInvalid",
      `${manifest.id} has a step on probabilities, but ${manifest.classical.kind} gives labels alone`,
    );
  }
  const box = { start: [0, 0, 0] as const, size: grid.size };
  const kept = (refines || publishes) && probabilities !== null ? { box, byLabel: probabilities } : null;
  await writeSegmentation(work, { labels, probabilities: kept, maps: new Map() }, grid);
  return { facts: { methodSeconds: (ended - started) / 1000 } };
}

async function writeSegmentation(
  work: StageWork,
  { labels, probabilities, maps }: Segmentation,
  source: Grid,
  packer: LabelsPacker = new LabelsPacker(source),
): Promise<void> {
  await work.write(STAGE_FILES.labels, await packer.finish(labels));
  for (const [map, values] of maps) await work.write(STAGE_FILES[map], uncertaintyFile(values, source));
  if (!probabilities) return;
  for (const [label, values] of probabilities.byLabel) {
    await work.write(probabilitiesFile(label), probabilityFile(values, probabilities.box, source));
  }
}
