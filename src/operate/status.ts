import { PipelineError } from "#src/core/errors.js";
import type { ResultId, ScanId } from "#src/core/ids.js";
import { readDocumentIfValid } from "#src/stages/documents.js";
import { resultKeys, STAGES, type Stage, workKeys } from "#src/storage/keys.js";
import { DoneRecord, type QuarantineRecord, ResultDocument, type TaskDocument } from "#src/workflow/contract.js";
import { type Deployment, type ExecutionState, isUnderWay } from "./deployment.js";
import { lastExecution } from "./last-execution.js";
import { isKnown, readScan, type ScanRecords } from "./scan-records.js";

/** What became of one task, or of a scan that was set aside before it had any. */
export type TaskOutcomeState =
  | { readonly kind: "published"; readonly identity: ResultId; readonly warnings: number }
  | {
      readonly kind: "set-aside";
      readonly code: string;
      readonly step: string;
      readonly message: string;
      readonly advice: string;
    }
  /** Under way, or left there by an execution that ended without a record. */
  | { readonly kind: "open" };

export interface TaskState {
  /** `t0`, `t1` and so on, or `scan`. */
  readonly subject: string;
  readonly model: string | null;
  /** Of the result; null where it is not known, as before a de-identified one is published. */
  readonly identity: ResultId | null;
  /** The last stage that is done; null before the first. */
  readonly reached: Stage | null;
  readonly outcome: TaskOutcomeState;
}

/**
 * `waiting`: taken in and not started. `held`: not started, as the runs of its day were used up. `open`: under way, or broken off; where executions are known, `running` or
 * `ended` says which. `ended`: the execution is over and left no record of all tasks (stopped, timed out).
 */
export type ScanState = "waiting" | "held" | "running" | "open" | "published" | "set-aside" | "ended";

export interface ScanStatus {
  readonly scanId: ScanId;
  readonly state: ScanState;
  /** The last attempt; 0 before the first. */
  readonly attempt: number;
  readonly execution: ExecutionState | null;
  /** The day (UTC) whose runs were used up, of a scan that is held. */
  readonly heldOn: string | null;
  readonly tasks: readonly TaskState[];
  /** How earlier attempts ended: subject and code of what was set aside. */
  readonly earlier: readonly { readonly attempt: number; readonly subject: string; readonly code: string }[];
  /** Whether a new attempt can be started from what the work store remembers. */
  readonly canRetry: boolean;
}

/**
 * How a scan stands that has ended.
 *
 * @throws {PipelineError} `ScanRunning` for one that has not; as `statusOf`
 */
export async function endedStatusOf(scanId: ScanId, deployment: Deployment): Promise<ScanStatus> {
  const status = await statusOf(scanId, deployment);
  if (status.state !== "running") return status;
  throw new PipelineError(
    "ScanRunning",
    `attempt ${status.attempt} of scan ${scanId} is under way, expected it to have ended`,
  );
}

/**
 * How a scan stands: of its last attempt each task with the stage that it reached.
 *
 * @throws {PipelineError} `StoreMissing` where nothing is known of the scan
 */
export async function statusOf(scanId: ScanId, deployment: Deployment): Promise<ScanStatus> {
  const records = await readScan(scanId, deployment);
  const { executions } = deployment;
  const execution = executions && (await lastExecution(scanId, records.lastAttempt, executions));
  if (!isKnown(records) && execution === null) {
    throw new PipelineError("StoreMissing", `nothing is known of scan ${scanId}, expected one that was taken in`);
  }
  const attempt = Math.max(records.lastAttempt, execution?.attempt ?? 0);
  const state = execution?.state ?? null;
  const tasks = await tasksOf(records, attempt, deployment);
  const ended = stateOf(tasks, attempt, state);
  // A record that outlives its release for a moment holds nothing.
  const held = ended === "waiting" ? records.held : null;
  const earlier = records.setAside
    .filter((record) => record.attempt < attempt)
    .map(({ attempt, subject, code }) => ({ attempt, subject, code }));
  return {
    scanId,
    state: held === null ? ended : "held",
    attempt,
    execution: state,
    heldOn: held?.day ?? null,
    tasks,
    earlier,
    canRetry: records.source !== null && records.source.refused === undefined,
  };
}

function stateOf(tasks: readonly TaskState[], attempt: number, execution: ExecutionState | null): ScanState {
  if (isUnderWay(execution)) return "running";
  // A record of the scan itself is its end, whatever its images came to.
  if (tasks.some(({ subject, outcome }) => subject === "scan" && outcome.kind === "set-aside")) return "set-aside";
  const isOver = tasks.length > 0 && tasks.every(({ outcome }) => outcome.kind !== "open");
  if (isOver) return tasks.every(({ outcome }) => outcome.kind === "published") ? "published" : "set-aside";
  if (execution !== null) return "ended";
  return attempt === 0 ? "waiting" : "open";
}

async function tasksOf(records: ScanRecords, attempt: number, deployment: Deployment): Promise<TaskState[]> {
  const tasks = records.tasks.filter((task) => task.attempt === attempt);
  const lines = records.lines.filter((line) => line.attempt === attempt);
  const setAside = records.setAside.filter((record) => record.attempt === attempt);
  const subjects = new Set([...tasks.map(({ taskId }) => taskId), ...lines.map(({ subject }) => subject)]);
  for (const { subject } of setAside) subjects.add(subject);
  const states = [...subjects].sort(byNumber).map(async (subject): Promise<TaskState> => {
    const task = tasks.find(({ taskId }) => taskId === subject) ?? null;
    const line = lines.find((one) => one.subject === subject);
    // Of a de-identified result the table alone tells the name.
    const expected = task?.deidentify === undefined ? task?.identity : undefined;
    const identity = line?.resultKey?.split("/")[0] ?? expected ?? null;
    return {
      subject,
      model: task?.model.id ?? line?.model ?? null,
      identity,
      reached: task === null ? null : await reachedBy(task, deployment),
      outcome: await outcomeOf(
        identity,
        line?.status,
        setAside.find((one) => one.subject === subject),
        deployment,
      ),
    };
  });
  return Promise.all(states);
}

async function outcomeOf(
  identity: ResultId | null,
  status: "published" | "quarantined" | undefined,
  record: QuarantineRecord | undefined,
  { results }: Deployment,
): Promise<TaskOutcomeState> {
  if (record !== undefined) {
    const { code, step, message, advice } = record;
    return { kind: "set-aside", code, step, message, advice };
  }
  if (status !== "published" || identity === null) return { kind: "open" };
  const result = await readDocumentIfValid(results, resultKeys.result(identity), ResultDocument);
  return result === null ? { kind: "open" } : { kind: "published", identity, warnings: result.warnings.length };
}

/** Stages are done one after the other: the last record there is. */
async function reachedBy({ identity }: TaskDocument, { work }: Deployment): Promise<Stage | null> {
  let reached: Stage | null = null;
  for (const stage of STAGES) {
    if ((await readDocumentIfValid(work, workKeys.done(identity, stage), DoneRecord)) === null) break;
    reached = stage;
  }
  return reached;
}

/** `t2` before `t10`, and the scan itself first. */
function byNumber(a: string, b: string): number {
  return Number(a.replace(/\D/g, "") || -1) - Number(b.replace(/\D/g, "") || -1);
}
