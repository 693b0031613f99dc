import "./with-resolvers.js";
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { toPipelineError } from "#src/core/errors.js";
import type { ExecutionInput } from "#src/workflow/contract.js";
import { bindPlaceholders, LOCAL_BINDINGS } from "./bindings.js";

/** Called with a state's parameters; returns what the service would return. */
export type StateHandler = (parameters: unknown) => Promise<unknown>;

/** How an execution ended. Of one that failed the name of the error and what is said of it, as DescribeExecution has them. */
export type ExecutionResult =
  | { readonly status: "succeeded"; readonly output: unknown }
  | { readonly status: "failed"; readonly error: string; readonly cause: string };

/**
 * Runs the workflow file on this machine with aws-local-stepfunctions.
 *
 * @param handlers one a Task state of the file, by the state's name
 * @throws what `signal` was aborted with, before anything is run or while it is
 */
export async function runExecution(
  input: ExecutionInput,
  handlers: Readonly<Record<string, StateHandler>>,
  signal?: AbortSignal,
): Promise<ExecutionResult> {
  // Its listener hears nothing of a signal that was given before.
  signal?.throwIfAborted();
  const { StateMachine } = await import("aws-local-stepfunctions");
  const definition = JSON.parse(bindPlaceholders(await readWorkflow(), LOCAL_BINDINGS));
  // The file is checked when this package is tested; to check it again in each process costs a third of a second.
  const machine = new StateMachine(definition, { validationOptions: { noValidate: true } });
  const local = Object.fromEntries(Object.entries(handlers).map(([state, handler]) => [state, overJson(handler)]));
  const execution = machine.run(input, { overrides: { taskResourceLocalHandlers: local } });
  const abort = () => execution.abort();
  signal?.addEventListener("abort", abort, { once: true });
  try {
    return { status: "succeeded", output: await execution.result };
  } catch (error) {
    signal?.throwIfAborted();
    // The library's error is about that of the state which failed.
    const { name, message } = error instanceof Error && error.cause instanceof Error ? error.cause : asError(error);
    return { status: "failed", error: name, cause: message };
  } finally {
    signal?.removeEventListener("abort", abort);
  }
}

/** As between Step Functions and a service, what goes in and out is JSON: no undefined, no Date, no shared object. */
function overJson(handler: StateHandler) {
  return async (parameters: unknown) => JSON.parse(JSON.stringify((await handler(parameters)) ?? null));
}

/** The workflow file's text, as it stands beside the compiled code. */
export async function readWorkflow(): Promise<string> {
  return readFile(fileURLToPath(new URL("../workflow/scan-pipeline.asl.json", import.meta.url)), "utf8");
}

/**
 * A handler of a `lambda:invoke` state: gets the payload, answers with the service's envelope. What it throws arrives
 * at Catch as it does from Lambda: `Error` is the code, `Cause` JSON with the message.
 */
export function lambdaHandler(invoke: (payload: unknown) => Promise<unknown>): StateHandler {
  return async (parameters) => {
    try {
      return { Payload: await invoke(asParameters(parameters).Payload) };
    } catch (thrown) {
      const error = toPipelineError(thrown);
      throw named(error.code, JSON.stringify({ errorType: error.code, errorMessage: error.message }), thrown);
    }
  };
}

/** 128 and the number of SIGKILL. */
const KILLED = 137;

/**
 * A handler of a `batch:submitJob.sync` state. A job that fails arrives as `States.TaskFailed` with a cause shaped
 * like DescribeJobs, as from the service.
 *
 * @param run runs the job with its parameters; resolves to its exit code, or null when the process was lost
 */
export function batchHandler(run: (parameters: unknown) => Promise<number | null>): StateHandler {
  return async (parameters) => {
    const { JobName, Parameters } = asParameters(parameters);
    const exitCode = await run(Parameters);
    const Container = {
      ...(exitCode !== null && { ExitCode: exitCode }),
      // On one machine hardly anything else kills a process so; ECS gives this reason.
      ...(exitCode === KILLED && { Reason: "OutOfMemoryError: process was killed" }),
    };
    if (exitCode === 0) return { JobName, Status: "SUCCEEDED", Container };
    const StatusReason = exitCode === null ? "Host terminated" : "Essential container in task exited";
    throw named("States.TaskFailed", JSON.stringify({ JobName, Status: "FAILED", StatusReason, Container }));
  };
}

function asError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown));
}

function named(name: string, message: string, cause?: unknown): Error {
  const error = new Error(message, { cause });
  error.name = name;
  return error;
}

function asParameters(value: unknown): Record<string, unknown> {
  return typeof value === "object" && value !== null ? { ...value } : {};
}
