import { PipelineError } from "#src/core/errors.js";
import { digestOf, type ResultId, sha256, sha256InTurns } from "#src/core/ids.js";
import { SCHEMA_VERSION } from "#src/core/versions.js";
import { watchPeak } from "#src/inference/peak-memory.js";
import type { ModelPackage } from "#src/model/model-library.js";
import { RESULT_FILES, resultKeys, STAGES, type Stage, workKeys } from "#src/storage/keys.js";
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
import { readRecorded, recordedOutput } from "./recorded-output.js";
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
  const doneKey = workKeys.done(task.identity, stage);
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
  const made: DoneRecord = {
    schemaVersion: SCHEMA_VERSION,
    stage,
    inputDigest,
    outputs: outputs.toSorted((a, b) => (a.key < b.key ? -1 : 1)),
    warnings: [...(report.warnings ?? [])],
    facts: { ...report.facts },
    seconds: (performance.now() - started) / 1000,
    used: work.used(),
  };
  const record = await recordThatCounts(made, { key: doneKey, isFirst: before === null, target }, deps.stores.work);
  await definition.always?.(task, identity, deps);
  const { seconds } = made;
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
  return Promise.all(stages.map((name) => readDocument(work, workKeys.done(task.identity, name), DoneRecord)));
}

async function allThere(outputs: readonly Output[], store: ScanStore): Promise<boolean> {
  for (const output of outputs) {
    const info = await store.head(output.key);
    if (info?.size !== output.size || sha256(await store.get(output.key)) !== output.sha256) return false;
  }
  return true;
}

/**
 * Leaves the record of what a run made, and gives the one that later stages go by.
 *
 * Two runs of one stage may be under way at once (two uploads of one image, one upload that has it twice, a machine that
 * was given up and still works), and on GPUs their bytes may differ. The first record counts, and the other run goes on with what it names. A
 * record that is none (as a loss of power may leave one), of other input or of damaged outputs is replaced.
 *
 * @throws {PipelineError} `StoreBusy` where another run is writing other bytes under the same names, which results alone
 *   have: whichever run looks last finds its own files whole
 */
async function recordThatCounts(
  made: DoneRecord,
  { key, isFirst, target }: { readonly key: string; readonly isFirst: boolean; readonly target: ScanStore },
  work: ScanStore,
): Promise<DoneRecord> {
  if (isFirst && (await writeDocument(work, key, made, { ifAbsent: true })) === "written") return made;
  const other = await readDocumentIfValid(work, key, DoneRecord);
  if (other?.inputDigest === made.inputDigest && (await allThere(other.outputs, target))) return other;
  await writeDocument(work, key, made);
  if (await allThere(made.outputs.filter(isOneResult), target)) return made;
  throw new PipelineError("StoreBusy", "another run writes the same result with other bytes, expected one at a time");
}

/** What differs from run to run, as times do, may be of either run. */
function isOneResult({ key }: Output): boolean {
  return ![RESULT_FILES.run, RESULT_FILES.reportHtml].some((file) => key.endsWith(`/${file}`));
}

/** What a stage's work is made of; `outputs` is filled by it. */
type WorkParts = Pick<StageWork, "task" | "identity" | "pseudonyms" | "model" | "earlier" | "deps"> & {
  readonly stage: Stage;
  readonly outputs: Output[];
};

function workFor({ stage, task, outputs, earlier, deps, ...parts }: WorkParts): StageWork {
  const { work, results } = deps.stores;
  const { identity } = task;
  let bytesIn = 0;
  const peakBytes = watchPeak();
  const cpuBefore = process.cpuUsage();

  return {
    ...parts,
    task,
    deps,
    earlier,
    has: (from, file) => recordedOutput([from, file], earlier) !== undefined,
    async read(from, file) {
      const bytes = await readRecorded(work, [from, file], earlier);
      bytesIn += bytes.length;
      return bytes;
    },
    async write(file, bytes) {
      const digest = await sha256InTurns(bytes);
      const key = workKeys.output(identity, stage, file, digest);
      await work.put(key, bytes, { contentType: contentTypeOf(file) });
      outputs.push({ key, size: bytes.length, sha256: digest });
    },
    async publish(file, bytes, options) {
      const key = resultKeys.file(parts.identity, file);
      const [digest] = await Promise.all([sha256InTurns(bytes), results.put(key, bytes, options)]);
      outputs.push({ key, size: bytes.length, sha256: digest });
    },
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
