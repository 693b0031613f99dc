import { describe, expect, it } from "vitest";
import { PipelineError } from "#src/core/errors.js";
import { bindPlaceholders } from "#src/local/bindings.js";
import { batchHandler, lambdaHandler, runExecution, type StateHandler } from "#src/local/engine.js";

const scanId = `s-${"0".repeat(40)}`;
const asks = { resources: [], environment: [] };
const task = {
  ...{ taskId: "t0", taskKey: "k", identity: `r-${"0".repeat(40)}`, share: "stat", preprocessOn: "lambda" },
  jobs: { image: asks, segment: asks, postprocess: asks },
};
const input = { schemaVersion: 1, scanId, attempt: 1 } as const;

/** Handlers of a scan that goes well, with some replaced; what they are called with is recorded. */
function handlers(changes: Record<string, StateHandler>) {
  const calls: { state: string; parameters: unknown }[] = [];
  const well: Record<string, StateHandler> = {
    Inspect: lambdaHandler(async () => ({ scanId, attempt: 1, tasks: [task] })),
    Preprocess: lambdaHandler(async () => ({})),
    PreprocessJob: batchHandler(async () => 0),
    Segment: batchHandler(async () => 0),
    Postprocess: batchHandler(async () => 0),
    PublishJob: batchHandler(async () => 0),
    Publish: lambdaHandler(async () => ({ kind: "published" })),
    QuarantineTask: lambdaHandler(async () => ({ kind: "quarantined" })),
    QuarantineScan: lambdaHandler(async () => ({ kind: "quarantined" })),
    ...changes,
  };
  const recorded = Object.entries(well).map(([state, handler]): [string, StateHandler] => [
    state,
    async (parameters) => {
      calls.push({ state, parameters });
      return handler(parameters);
    },
  ]);
  return { calls, handlers: Object.fromEntries(recorded) };
}

describe("runExecution", () => {
  it("takes a scan through all states", async () => {
    const run = handlers({});
    const result = await runExecution(input, run.handlers);
    expect(result).toEqual({
      status: "succeeded",
      output: { scanId, attempt: 1, outcomes: [{ kind: "published" }], anyQuarantined: false },
    });
    expect(run.calls.map(({ state }) => state)).toEqual(["Inspect", "Preprocess", "Segment", "Postprocess", "Publish"]);
  });

  it("runs nothing after a signal that was given before it began", async () => {
    const { calls, handlers: all } = handlers({});
    await expect(runExecution(input, all, AbortSignal.abort(new Error("stopped")))).rejects.toThrow("stopped");
    expect(calls).toEqual([]);
  });

  it("sends a large task's preprocessing and publishing to jobs", async () => {
    const large = { ...task, preprocessOn: "batch" };
    const run = handlers({ Inspect: lambdaHandler(async () => ({ scanId, attempt: 1, tasks: [large] })) });
    await runExecution(input, run.handlers);
    // The function comes after the job, finds its work done, and tells the outcome.
    const expected = ["Inspect", "PreprocessJob", "Segment", "Postprocess", "PublishJob", "Publish"];
    expect(run.calls.map(({ state }) => state)).toEqual(expected);
  });

  it("retries a code that is worth it, and hands any other to quarantine with its message", async () => {
    let tries = 0;
    const run = handlers({
      Inspect: lambdaHandler(async () => {
        tries++;
        throw tries < 2 ? new PipelineError("StoreBusy", "busy") : new PipelineError("NoImage", "archive has no image");
      }),
    });
    const result = await runExecution(input, run.handlers);
    expect(tries).toBe(2);
    expect(result).toMatchObject({ status: "failed", error: "Quarantined" });
    const [call] = run.calls.filter(({ state }) => state === "QuarantineScan");
    expect(call?.parameters).toMatchObject({
      Payload: { scanId, attempt: 1, task: null, error: { Inspect: { Error: "NoImage" } } },
    });
    expect(JSON.stringify(call?.parameters)).toContain("archive has no image");
  });

  it("sets a failed task aside and still publishes the other", async () => {
    const second = { ...task, taskId: "t1", taskKey: "k1" };
    const run = handlers({
      Inspect: lambdaHandler(async () => ({ scanId, attempt: 1, tasks: [task, second] })),
      Segment: batchHandler(async (parameters) => ((parameters as { taskKey: string }).taskKey === "k" ? 65 : 0)),
    });
    const result = await runExecution(input, run.handlers);
    expect(result.status).toBe("failed");
    const aside = run.calls.filter(({ state }) => state === "QuarantineTask");
    expect(aside).toHaveLength(1);
    expect(aside[0]?.parameters).toMatchObject({
      Payload: { task, error: { Segment: { Error: "States.TaskFailed" } } },
    });
    expect(run.calls.filter(({ state }) => state === "Publish")).toHaveLength(1);
  });

  it("ends otherwise where a failure could not be set aside", async () => {
    const down = lambdaHandler(async () => {
      throw new PipelineError("StoreDenied", "no");
    });
    const run = handlers({ Segment: batchHandler(async () => 65), QuarantineTask: down, QuarantineScan: down });
    const cause = "the quarantine record of a scan could not be written";
    expect(await runExecution(input, run.handlers)).toEqual({ status: "failed", error: "QuarantineFailed", cause });
    const [scan] = run.calls.filter(({ state }) => state === "QuarantineScan");
    expect(scan?.parameters).toMatchObject({
      Payload: { task: null, error: { Tasks: { Error: "QuarantineFailed" } } },
    });
  });

  it("does not try a failed job again: that is the job definition's part", async () => {
    const run = handlers({ Segment: batchHandler(async () => 75) });
    await runExecution(input, run.handlers);
    expect(run.calls.filter(({ state }) => state === "Segment")).toHaveLength(1);
  });
});

describe("bindPlaceholders", () => {
  it("replaces what is bound and names what is not", () => {
    expect(bindPlaceholders("a ${B} c", { B: "x" })).toBe("a x c");
    expect(() => bindPlaceholders("${C}", {})).toThrow("placeholder C");
  });
});
