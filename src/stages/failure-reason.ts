import { ERROR_CLASSES, type ErrorCode, isErrorCode, PipelineError } from "#src/core/errors.js";
import { type Stage, workKeys } from "#src/storage/keys.js";
import type { ScanStore } from "#src/storage/scan-store.js";
import {
  CAUGHT_STATES,
  type CaughtError,
  type CaughtState,
  FailureRecord,
  type QuarantineInput,
} from "#src/workflow/contract.js";
import { readDocumentIfValid } from "./documents.js";

/** What is known of a failure. */
interface Reason {
  readonly code: ErrorCode;
  readonly message: string;
  readonly step: string;
}

/** What runs in each state whose failure is caught, and the step that records name. */
const STATES = {
  Inspect: { step: "inspect", runs: "function" },
  Tasks: { step: "tasks", runs: "function" },
  Preprocess: { step: "preprocess", runs: "function" },
  PreprocessJob: { step: "preprocess", runs: "job" },
  Segment: { step: "segment", runs: "job" },
  Postprocess: { step: "postprocess", runs: "job" },
  PublishJob: { step: "publish", runs: "job" },
  Publish: { step: "publish", runs: "function" },
} as const satisfies Record<CaughtState, { step: string; runs: "function" } | { step: Stage; runs: "job" }>;

/**
 * Why a state failed, from what its Catch was handed.
 *
 * @param work where a job leaves its failure record
 * @throws {PipelineError} `ContractViolation` where no state is named, and what the store throws
 */
export async function reasonOf(input: QuarantineInput, work: ScanStore): Promise<Reason> {
  const { state, error } = caughtOf(input.error);
  const failed = STATES[state];
  if (failed.runs === "function") return reasonOfFunction(error, failed.step);
  if (error.Error === "States.TaskFailed") return reasonOfFailedJob(input, error, failed.step, work);
  return reasonOfNoJob(error, failed.step);
}

/** The error, and the state that it is of. */
function caughtOf(caught: QuarantineInput["error"]): { readonly state: CaughtState; readonly error: CaughtError } {
  for (const state of CAUGHT_STATES) {
    const error = caught[state];
    if (error !== undefined) return { state, error };
  }
  throw new PipelineError(
    "ContractViolation",
    "error of no state, expected it under the name of the state that failed",
  );
}

/** A Lambda's failure: `Error` is the code, `Cause` the runtime's JSON with the message. */
function reasonOfFunction({ Error: name, Cause }: CaughtError, step: string): Reason {
  const { errorMessage } = parseObject(Cause);
  const message = typeof errorMessage === "string" ? errorMessage : "";
  if (isErrorCode(name)) return { code: name, message, step };
  // Lambda kills what takes more memory than a function has.
  if (name.startsWith("Runtime.OutOfMemory") || (name === "Runtime.ExitError" && message.includes("signal: killed"))) {
    return {
      code: "MemoryInsufficient",
      message: "function was ended for want of memory, expected its memory to be enough",
      step,
    };
  }
  if (name === "States.Timeout" || name === "Sandbox.Timedout") {
    return { code: "ComputeLost", message: `function ended with ${name}, expected a result in its time`, step };
  }
  const refused = name.startsWith("Lambda.") ? codeOfRefusedCall(name, Cause) : null;
  if (refused === "StoreDenied") {
    const expected = "expected the right to call the function, and the function's to use its key";
    return { code: refused, message: `function was not called (${name}), ${expected}`, step };
  }
  if (refused === "Internal") {
    const expected = "expected a call of a version that is there";
    return { code: refused, message: `function was not called (${name}), ${expected}`, step };
  }
  if (/^(Lambda|Sandbox|Runtime)\./.test(name) && !FAULTS_OF_BUNDLE.has(name)) {
    return { code: "ComputeLost", message: `function ended with ${name}, expected a result`, step };
  }
  // An image could not be set aside: the whole scan is, in its place.
  if (name === "QuarantineFailed") {
    return {
      code: "StoreBusy",
      message: "record of an image could not be written, expected the store to take it",
      step: "quarantine",
    };
  }
  return { code: "Internal", message: `state failed with ${name}, expected one of the known codes`, step };
}

/**
 * What Lambda refuses the next time too: for want of a right, or as the call or the function itself is at fault. A
 * right that the state machine lacks arrives as `Lambda.AWSLambdaException`, with the service's code in its cause.
 *
 * @returns null for what may pass
 */
function codeOfRefusedCall(name: string, cause = ""): "StoreDenied" | "Internal" | null {
  if (/AccessDenied|^Lambda\.KMS/.test(name)) return "StoreDenied";
  if (name === "Lambda.AWSLambdaException" && cause.includes("AccessDenied")) return "StoreDenied";
  return /ResourceNotFound|Invalid|TooLarge|UnsupportedMediaType/.test(name) ? "Internal" : null;
}

/** A function that does not start, or lets a promise go: another attempt ends in the same way. */
const FAULTS_OF_BUNDLE = new Set([
  "Runtime.ImportModuleError",
  "Runtime.HandlerNotFound",
  "Runtime.MalformedHandlerName",
  "Runtime.UserCodeSyntaxError",
  "Runtime.UnhandledPromiseRejection",
  "Runtime.InvalidEntrypoint",
]);

/** A job that could not be submitted, or was given up by its state. */
function reasonOfNoJob({ Error: name }: CaughtError, step: string): Reason {
  // Three tries of six hours are less than half of a state's two days: the job waited for the rest.
  if (name === "States.Timeout") {
    return {
      code: "CapacityUnavailable",
      message: "job did not end within the time of its state, expected a machine to start sooner",
      step,
    };
  }
  // What the service calls the client's fault is refused the next time too.
  if (name.startsWith("Batch.") && name !== "Batch.ClientException") {
    return { code: "CapacityUnavailable", message: `job was not taken (${name}), expected the queue to take it`, step };
  }
  return { code: "Internal", message: `state of a job failed with ${name}, expected one of the known errors`, step };
}

/** A job's failure arrives as `States.TaskFailed` with DescribeJobs as its cause: the code is in the failure record. */
async function reasonOfFailedJob(
  { scanId, attempt, task }: QuarantineInput,
  { Cause }: CaughtError,
  step: Stage,
  work: ScanStore,
): Promise<Reason> {
  const job = parseObject(Cause);
  if (task) {
    const key = workKeys.failure(scanId, attempt, task.taskId, step);
    const failure = await readDocumentIfValid(work, key, FailureRecord);
    if (failure && isErrorCode(failure.code)) return { code: failure.code, message: failure.message, step };
  }
  const status = textOf(job.StatusReason);
  // The reasons with which the queue cancels a job that waited too long (`jobStateTimeLimitActions`).
  if (/\b(CAPACITY|MISCONFIGURATION):/.test(status)) {
    return {
      code: "CapacityUnavailable",
      message: "job waited longer than allowed for a machine, expected one to start",
      step,
    };
  }
  const { ExitCode: exitCode, Reason: reason } = asObject(job.Container);
  // ECS says so of a container that took more than it has; the kernel ended it, with 137 as for any kill.
  if (textOf(reason).startsWith("OutOfMemory")) {
    return {
      code: "MemoryInsufficient",
      message: "job was ended for want of memory, expected its size to be enough",
      step,
    };
  }
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

function textOf(value: unknown): string {
  return typeof value === "string" ? value : "";
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
