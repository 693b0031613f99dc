import { ERROR_CLASSES, ERROR_CODES, type ErrorCode, isErrorCode } from "#src/core/errors.js";
import { SCHEMA_VERSION } from "#src/core/versions.js";
import { resultKeys, STAGES, type Stage, workKeys } from "#src/storage/keys.js";
import {
  type CaughtError,
  FailureRecord,
  type IndexRecord,
  type QuarantineInput,
  type QuarantineOutput,
  type QuarantineRecord,
  SourceDocument,
  TaskDocument,
} from "#src/workflow/contract.js";
import { mayBeDeidentified } from "./deidentification.js";
import { readDocumentIfValid, writeDocument } from "./documents.js";
import type { StageDeps } from "./stage-deps.js";

/** What is known of a failure. */
interface Reason {
  readonly code: ErrorCode;
  readonly message: string;
  readonly step: string;
}

/** Sets a scan, or one task of it, aside with its reason. The source stays where it is. */
export async function quarantine(input: QuarantineInput, deps: StageDeps): Promise<QuarantineOutput> {
  const { scanId, attempt, task, error } = input;
  const { work, results } = deps.stores;
  const subject = task?.taskId ?? "scan";
  const reason = error.Error === "States.TaskFailed" ? await reasonOfJob(input, deps) : reasonOfFunction(error);
  const source = await readDocumentIfValid(work, workKeys.source(scanId), SourceDocument);
  const { advice, retryable } = ERROR_CODES[reason.code];
  const document = task === null ? null : await readDocumentIfValid(work, task.taskKey, TaskDocument);
  // Of what is de-identified no table of the results says which upload it was.
  const isDeidentified = document
    ? document.deidentify !== undefined
    : (await mayBeDeidentified(source?.request, deps.models)) || isRequestUnknown(source);
  const named = isDeidentified ? [] : (source?.objects ?? []);

  const recordKey = resultKeys.quarantine(scanId, attempt, subject);
  const record: QuarantineRecord = {
    schemaVersion: SCHEMA_VERSION,
    scanId,
    attempt,
    subject,
    ...reason,
    advice,
    retryable,
    source: { bucket: source?.bucket ?? "unknown", keys: named.map((object) => object.key) },
  };
  await writeDocument(results, recordKey, record);
  const line: IndexRecord = {
    schemaVersion: SCHEMA_VERSION,
    scanId,
    attempt,
    subject,
    source: isDeidentified ? "" : (source?.name ?? named[0]?.key ?? ""),
    status: "quarantined",
    code: reason.code,
    model: document?.model.id ?? source?.request.model ?? null,
    ...(source?.completeness === undefined ? {} : { completeness: source.completeness }),
    volumesMl: {},
    resultKey: null,
  };
  await writeDocument(results, resultKeys.index(scanId, attempt, subject), line);
  deps.logger.warn("set aside", { scanId, attempt, subject, code: reason.code, step: reason.step });
  return { kind: "quarantined", subject, code: reason.code, recordKey };
}

/** A `scan.json` that cannot be read may have asked for anything, de-identification too. */
function isRequestUnknown(source: SourceDocument | null): boolean {
  return source?.refused?.code === "InputUnreadable";
}

/** A Lambda's failure: `Error` is the code, `Cause` the runtime's JSON with the message. */
function reasonOfFunction(error: CaughtError): Reason {
  const cause = parseObject(error.Cause);
  const message = typeof cause.errorMessage === "string" ? cause.errorMessage : "";
  const step = typeof cause.step === "string" ? cause.step : "function";
  if (isErrorCode(error.Error)) return { code: error.Error, message, step };
  if (error.Error === "States.Timeout" || error.Error.startsWith("Lambda.")) {
    return { code: "ComputeLost", message: `function ended with ${error.Error}, expected a result`, step };
  }
  // An image could not be set aside: the whole scan is, in its place.
  if (error.Error === "QuarantineFailed") {
    return {
      code: "StoreBusy",
      message: "record of an image could not be written, expected the store to take it",
      step,
    };
  }
  return { code: "Internal", message: `state failed with ${error.Error}, expected one of the known codes`, step };
}

/** A job's failure arrives as `States.TaskFailed` with DescribeJobs as its cause: the code is in `failure.json`. */
async function reasonOfJob(input: QuarantineInput, deps: StageDeps): Promise<Reason> {
  const job = parseObject(input.error.Cause);
  const stage = stageOfJob(job.JobName);
  const step = stage ?? "job";
  if (stage && input.task) {
    const { identity, taskId } = input.task;
    const key = workKeys.failure(identity, taskId, stage, input.attempt);
    const failure = await readDocumentIfValid(deps.stores.work, key, FailureRecord);
    if (failure && isErrorCode(failure.code)) return { code: failure.code, message: failure.message, step };
  }
  const status = typeof job.StatusReason === "string" ? job.StatusReason : "";
  // The reasons with which the queue cancels a job that waited too long (`jobStateTimeLimitActions`).
  if (/\b(CAPACITY|MISCONFIGURATION):/.test(status)) {
    return {
      code: "CapacityUnavailable",
      message: "job waited longer than allowed for a machine, expected one to start",
      step,
    };
  }
  const exitCode = asObject(job.Container).ExitCode;
  if (typeof exitCode !== "number") {
    return { code: "ComputeLost", message: "job ended without an exit code, expected 0", step };
  }
  return { code: codeOfExit(exitCode), message: `job ended with exit code ${exitCode}, expected 0`, step };
}

/** A code for an exit without a record: the general one of the exit code's class. */
function codeOfExit(exitCode: number): ErrorCode {
  switch (exitCode) {
    case ERROR_CLASSES.input.exitCode:
      return "InputUnreadable";
    case ERROR_CLASSES.model.exitCode:
      return "ModelInvalid";
    case ERROR_CLASSES.result.exitCode:
      return "ResultInvalid";
    case ERROR_CLASSES.internal.exitCode:
      return "Internal";
    default:
      return "ComputeLost";
  }
}

function stageOfJob(name: unknown): Stage | undefined {
  return STAGES.find((stage) => name === `scanlane-${stage}`);
}

function parseObject(text: string | undefined): Record<string, unknown> {
  try {
    return asObject(JSON.parse(text ?? "{}"));
  } catch {
    return {};
  }
}

function asObject(value: unknown): Record<string, unknown> {
  return typeof value === "object" && value !== null ? { ...value } : {};
}
