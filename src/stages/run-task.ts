import { PipelineError } from "#src/core/errors.js";
import { digestOf, type ResultId, sha256, sha256InTurns } from "#src/core/ids.js";
import { SCHEMA_VERSION } from "#src/core/versions.js";
import { watchPeak } from "#src/inference/peak-memory.js";
import type { ModelPackage } from "#src/model/model-library.js";
import { resultKeys, STAGES, type Stage, workKeys } from "#src/storage/keys.js";
import type { ScanStore } from "#src/storage/scan-store.js";
import {
  DoneRecord,
  type PublishOutput,
  type StageInput,
  type StageOutput,
  TaskDocument,
} from "#src/workflow/contract.js";
import { openPseudonyms } from "./deidentification.js";
import { readDocument, readDocumentIfValid, writeDocument } from "./documents.js";
import { readRecorded, recordedDigest } from "./recorded-output.js";
import type { StageDefinition, StageWork } from "./stage.js";
import type { StageDeps } from "./stage-deps.js";

type Output = DoneRecord["outputs"][number];

/**
 * Takes one task through one stage, or finds that it was already taken.
 *
 * A stage is done when its `done.json` is there, was made from the same input, and every output it lists is there
 * with the same digest. Anything else and the stage runs (again); it writes the record last.
 *
 * @throws {PipelineError}
 */
export async function runTask(
  definition: StageDefinition,
  input: StageInput,
  deps: StageDeps,
): Promise<StageOutput | PublishOutput> {
  const { stage } = definition;
  const task = await readDocument(deps.stores.work, input.taskKey, TaskDocument);
  const model = await openSameModel(task, deps);
  const earlier = await earlierRecords(stage, task, deps.stores.work);
  const pseudonyms = stage === "publish" ? await openPseudonyms(task, deps) : null;
  const identity = pseudonyms?.resultId(task.identity) ?? task.identity;
  // With another secret everything has other names.
  const keyed = pseudonyms === null ? [] : [pseudonyms.keyId];
  const inputDigest = digestOf([stage, task.identity, earlier.map((record) => record.outputs), ...keyed]);
  const doneKey = workKeys.done(task.identity, task.taskId, stage);
  const target = stage === "publish" ? deps.stores.results : deps.stores.work;

  const before = await readDocumentIfValid(deps.stores.work, doneKey, DoneRecord);
  if (before?.inputDigest === inputDigest && (await allThere(before.outputs, target))) {
    deps.logger.info("stage skipped", { ...idsOf(task), stage });
    await definition.always?.(task, identity, deps);
    return outputOf(stage, task, identity, before, true);
  }

  const outputs: Output[] = [];
  const started = performance.now();
  const work = workFor({ stage, task, identity, pseudonyms, model, earlier, outputs, deps });
  const report = await definition.run(work);
  const record: DoneRecord = {
    schemaVersion: SCHEMA_VERSION,
    stage,
    inputDigest,
    outputs: outputs.toSorted((a, b) => (a.key < b.key ? -1 : 1)),
    warnings: [...(report.warnings ?? [])],
    facts: { ...report.facts },
    seconds: (performance.now() - started) / 1000,
    used: work.used(),
  };
  // Two runs of one stage write the same outputs, so the first record is as good as ours; a record that no longer
  // matches (other input, damaged output) is replaced.
  const written = await writeDocument(deps.stores.work, doneKey, record, { ifAbsent: before === null });
  // A record that is no record, as a loss of power may leave one, is none of another run.
  const isNone = written === "exists" && (await readDocumentIfValid(deps.stores.work, doneKey, DoneRecord)) === null;
  if (isNone) await writeDocument(deps.stores.work, doneKey, record);
  await definition.always?.(task, identity, deps);
  const { seconds } = record;
  deps.logger.info("stage done", { ...idsOf(task), stage, seconds });
  const { bytesIn, bytesOut } = work.used();
  deps.meter?.record({ StageSeconds: seconds, StageBytesIn: bytesIn, StageBytesOut: bytesOut }, { stage });
  return outputOf(stage, task, identity, record, false);
}

function outputOf(
  stage: Stage,
  { taskId }: TaskDocument,
  identity: ResultId,
  record: DoneRecord,
  skipped: boolean,
): StageOutput | PublishOutput {
  if (stage !== "publish") return { stage, skipped };
  const warnings = Number(record.facts.warnings ?? 0);
  return { kind: "published", taskId, identity, resultKey: resultKeys.result(identity), warnings };
}

/** What every line about a task says of it. */
function idsOf({ scanId, attempt, taskId }: TaskDocument) {
  return { scanId, attempt, taskId };
}

/** The task's identity was made with one digest of the model: another package of the same name is another result. */
async function openSameModel(task: TaskDocument, deps: StageDeps): Promise<ModelPackage> {
  const model = await deps.models.open(task.model.id);
  if (model.digest === task.model.digest) return model;
  const [found, expected] = [model.digest.slice(0, 12), task.model.digest.slice(0, 12)];
  throw new PipelineError(
    "ModelDigestMismatch",
    `model ${task.model.id} has digest ${found}…, the task expects ${expected}…`,
  );
}

async function earlierRecords(stage: Stage, task: TaskDocument, work: ScanStore): Promise<DoneRecord[]> {
  const stages = STAGES.slice(0, STAGES.indexOf(stage));
  return Promise.all(
    stages.map((name) => readDocument(work, workKeys.done(task.identity, task.taskId, name), DoneRecord)),
  );
}

async function allThere(outputs: readonly Output[], store: ScanStore): Promise<boolean> {
  for (const output of outputs) {
    const info = await store.head(output.key);
    if (info?.size !== output.size || sha256(await store.get(output.key)) !== output.sha256) return false;
  }
  return true;
}

/** What a stage's work is made of; `outputs` is filled by it. */
type WorkParts = Pick<StageWork, "task" | "identity" | "pseudonyms" | "model" | "earlier" | "deps"> & {
  readonly stage: Stage;
  readonly outputs: Output[];
};

function workFor({ stage, task, outputs, earlier, deps, ...parts }: WorkParts): StageWork {
  const { work, results } = deps.stores;
  const { identity, taskId } = task;
  let bytesIn = 0;
  const peakBytes = watchPeak();
  const cpuBefore = process.cpuUsage();
  async function put(store: ScanStore, key: string, bytes: Uint8Array, contentType: string): Promise<void> {
    const [digest] = await Promise.all([sha256InTurns(bytes), store.put(key, bytes, { contentType })]);
    outputs.push({ key, size: bytes.length, sha256: digest });
  }

  return {
    ...parts,
    task,
    deps,
    earlier,
    has: (from, file) => recordedDigest(workKeys.output(identity, taskId, from, file), earlier) !== undefined,
    async read(from, file) {
      const bytes = await readRecorded(work, task, [from, file], earlier);
      bytesIn += bytes.length;
      return bytes;
    },
    write: (file, bytes) => put(work, workKeys.output(identity, taskId, stage, file), bytes, contentTypeOf(file)),
    publish: (file, bytes, options) => put(results, resultKeys.file(parts.identity, file), bytes, options.contentType),
    used: () => ({
      place: deps.place ?? { kind: "local" },
      bytesIn,
      bytesOut: outputs.reduce((sum, { size }) => sum + size, 0),
      peakMiB: Math.round(peakBytes() / 2 ** 20),
      cpuSeconds: cpuSecondsSince(cpuBefore),
      ...predictedOf(stage, task),
    }),
    progress: (message, fields) => deps.logger.info(message, { ...idsOf(task), stage, ...fields }),
  };
}

function cpuSecondsSince(before: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1e6;
}

function predictedOf(stage: Stage, { plan }: TaskDocument) {
  const predicted = plan?.[stage];
  return predicted === undefined ? {} : { predicted };
}

function contentTypeOf(file: string): string {
  if (file.endsWith(".json")) return "application/json";
  return file.endsWith(".gz") ? "application/gzip" : "application/octet-stream";
}
