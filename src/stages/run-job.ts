import { exitCodeOf, type PipelineError, toPipelineError } from "#src/core/errors.js";
import { SCHEMA_VERSION } from "#src/core/versions.js";
import { type Stage, taskOfKey, workKeys } from "#src/storage/keys.js";
import type { FailureRecord, StageInput } from "#src/workflow/contract.js";
import { writeDocument } from "./documents.js";
import { runTask } from "./run-task.js";
import type { StageDefinition } from "./stage.js";
import type { StageDeps } from "./stage-deps.js";

/**
 * `runTask` for a process of its own (a container, the local worker): a failure is left as a record (`workKeys.failure`) and
 * told by the exit code, which is all that AWS Batch passes on.
 *
 * @returns the exit code: 0, or the one of the error's class
 */
export async function runJob(definition: StageDefinition, input: StageInput, deps: StageDeps): Promise<number> {
  try {
    await forgetFailure(definition, input, deps);
    await runTask(definition, input, deps);
    return 0;
  } catch (thrown) {
    const error = toPipelineError(thrown);
    const exitCode = exitCodeOf(error.code);
    const { stage } = definition;
    const ids = taskOfKey(input.taskKey) ?? {};
    deps.logger.warn("stage failed", { ...ids, stage, code: error.code, reason: error.message, exitCode });
    deps.meter?.record({ StageFailures: 1 }, { stage });
    // When the task or the store itself is at fault, the exit code alone must do.
    await leaveFailure(definition, input, deps, error).catch(() => {});
    return exitCode;
  }
}

/**
 * `runJob` for one task after another in one process, so that what the stage keeps loaded is loaded once. A task that
 * fails does not stop the next: each leaves its own `done.json` or failure record.
 *
 * @returns the exit code of a single task; of several 0, which says only that all were tried
 */
export async function runJobs(
  definition: StageDefinition,
  inputs: readonly StageInput[],
  deps: StageDeps,
): Promise<number> {
  const exitCodes: number[] = [];
  for (const input of inputs) exitCodes.push(await runJob(definition, input, deps));
  return exitCodes.length === 1 ? (exitCodes[0] ?? 0) : 0;
}

async function leaveFailure(
  { stage }: StageDefinition,
  input: StageInput,
  { stores: { work } }: StageDeps,
  error: PipelineError,
): Promise<void> {
  const record: FailureRecord = {
    schemaVersion: SCHEMA_VERSION,
    stage,
    code: error.code,
    message: error.message,
    exitCode: exitCodeOf(error.code),
  };
  const key = failureKey(stage, input);
  if (key !== null) await writeDocument(work, key, record);
}

/** A record of an earlier try must not explain a later loss of the machine. */
async function forgetFailure({ stage }: StageDefinition, input: StageInput, { stores }: StageDeps): Promise<void> {
  const key = failureKey(stage, input);
  if (key !== null) await stores.work.delete(key);
}

/** Null for a key that names no task. */
function failureKey(stage: Stage, { taskKey }: StageInput): string | null {
  const task = taskOfKey(taskKey);
  return task && workKeys.failure(task.scanId, task.attempt, task.taskId, stage);
}
