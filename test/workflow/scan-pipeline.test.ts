import { readFileSync } from "node:fs";
import validate from "asl-validator";
import { describe, expect, it } from "vitest";
import type { z } from "zod";
import { ERROR_CODES } from "#src/core/errors.js";
import { bindPlaceholders, LOCAL_BINDINGS } from "#src/local/bindings.js";
import { batchHandler, lambdaHandler, readWorkflow, runExecution, type StateHandler } from "#src/local/engine.js";
import { STAGES } from "#src/storage/keys.js";
import {
  CAUGHT_STATES,
  ExecutionInput,
  ExecutionOutput,
  InspectInput,
  InspectOutput,
  JobParameters,
  PublishOutput,
  QuarantineInput,
  QuarantineOutput,
  StageInput,
  StageOutput,
  type TaskRef,
} from "#src/workflow/contract.js";
import { BATCH_SERVICE_ERRORS, LAMBDA_SERVICE_ERRORS } from "#src/workflow/service-errors.js";
import { allStates, placeholdersOf, type State, successorsOf, Workflow } from "./asl-states.js";

const text = await readWorkflow();
const workflow = Workflow.parse(JSON.parse(bindPlaceholders(text, LOCAL_BINDINGS)));
const states = allStates(workflow);
const tasks = states.filter(({ state }) => state.Type === "Task");
const lambdas = tasks.filter(({ state }) => state.Resource === "arn:aws:states:::lambda:invoke");
const jobs = tasks.filter(({ state }) => state.Resource === "arn:aws:states:::batch:submitJob.sync");

const retryableCodes = Object.entries(ERROR_CODES).flatMap(([code, { retryable }]) => (retryable ? [code] : []));
const retried = (state: State) => (state.Retry ?? []).flatMap((rule) => rule.ErrorEquals);

describe("the workflow file", () => {
  it("is accepted by asl-validator, and a broken copy is not", () => {
    const definition = JSON.parse(bindPlaceholders(text, LOCAL_BINDINGS));
    expect(validate(definition).errors).toEqual([]);
    expect(validate({ ...definition, StartAt: "Nowhere" }).isValid).toBe(false);
  });

  it("has exactly the placeholders that are bound on one machine", () => {
    expect(placeholdersOf(text)).toEqual(Object.keys(LOCAL_BINDINGS).sort());
  });

  it("has tasks of two kinds only", () => {
    expect(lambdas.length).toBeGreaterThan(0);
    expect(jobs.length).toBeGreaterThan(0);
    expect(lambdas.length + jobs.length).toBe(tasks.length);
  });

  it("reaches every state, and only states that exist", () => {
    for (const scope of new Set(states.map(({ scope }) => scope))) {
      const inScope = states.filter((entry) => entry.scope === scope);
      const names = new Set(inScope.map(({ name }) => name));
      const reached = new Set([inScope[0]?.startAt, ...inScope.flatMap(({ state }) => successorsOf(state))]);
      expect([...reached].sort()).toEqual([...names].sort());
    }
  });

  it.each(tasks)("limits the time of $name, retries it, and catches what is left", ({ state }) => {
    expect(state.TimeoutSeconds).toBeGreaterThan(0);
    expect(state.Retry?.length).toBeGreaterThan(0);
    for (const rule of state.Retry ?? []) {
      expect(rule.MaxAttempts).toBeGreaterThan(0);
      expect(rule.MaxDelaySeconds).toBeGreaterThan(0);
      expect(rule.JitterStrategy).toBe("FULL");
    }
    expect(state.Catch?.at(-1)?.ErrorEquals).toEqual(["States.ALL"]);
  });

  it.each(lambdas)(
    "retries $name on each of our retryable codes and on passing errors of Lambda, on nothing else",
    ({ state }) => {
      expect(retried(state).sort()).toEqual([...retryableCodes, ...LAMBDA_SERVICE_ERRORS].sort());
    },
  );

  it.each(jobs)("retries the submission of $name and never the job", ({ state }) => {
    expect(retried(state).sort()).toEqual([...BATCH_SERVICE_ERRORS].sort());
  });

  it("sets a failed task aside on its own, and a failed scan as a whole", () => {
    for (const { name, scope, state } of tasks) {
      const targets = (state.Catch ?? []).map((rule) => rule.Next);
      const expected = scope === "" ? "QuarantineScan" : "QuarantineTask";
      const ends = name.startsWith("Quarantine") ? [targets[0]] : [expected];
      expect(targets).toEqual(ends);
    }
  });

  it("hands quarantine each failure under the name of the state that failed", () => {
    const caught = states.flatMap(({ name, state: { Catch = [] } }) => {
      if (name.startsWith("Quarantine")) return [];
      return Catch.map(({ ResultPath }) => [name, ResultPath]);
    });
    expect(caught).toEqual(caught.map(([name]) => [name, `$.error.${name}`]));
    expect(caught.map(([name]) => name).sort()).toEqual([...CAUGHT_STATES].sort());
  });

  it("names no partition of AWS", () => {
    for (const file of ["scan-pipeline", "backfill"]) {
      const path = new URL(`../../src/workflow/${file}.asl.json`, import.meta.url);
      expect(readFileSync(path, "utf8")).not.toMatch(/arn:(?!\$\{Partition\}:)/);
    }
  });

  it("names its jobs after their stages, which is how quarantine finds the failure record", () => {
    const names = new Set(jobs.map(({ state }) => state.Parameters?.JobName));
    expect(names).toEqual(new Set(STAGES.map((stage) => `scanlane-${stage}`)));
    for (const name of names) expect(STAGES.map((stage) => `scanlane-${stage}`)).toContain(name);
  });
});

// ---- What the states hand over, seen by running the file with handlers that check it. ----

const scanId = `s-${"0".repeat(40)}`;
const input: ExecutionInput = { schemaVersion: 1, scanId, attempt: 2 };
const asked = (memory: string) => ({
  resources: [{ Type: "MEMORY" as const, Value: memory }],
  environment: [{ Name: "WORKERS" as const, Value: "3" }],
});
/** The overrides that each job has to be submitted with, by the state's name. */
const OVERRIDES: Readonly<Record<string, string>> = {
  PreprocessJob: "5",
  Segment: "6",
  Postprocess: "7",
  PublishJob: "5",
};
const task = (n: number, preprocessOn: TaskRef["preprocessOn"] = "lambda"): TaskRef => ({
  taskId: `t${n}`,
  taskKey: `${scanId}/a2/tasks/t${n}.json`,
  identity: `r-${String(n).repeat(40)}`,
  share: "stat",
  preprocessOn,
  jobs: { image: asked("5"), segment: asked("6"), postprocess: asked("7") },
});

class Planned extends Error {}

/** One run of the file. Every Task state checks its parameters by `INPUTS`; what a state throws is planned by name. */
async function run(refs: readonly TaskRef[], failing: Readonly<Record<string, "code" | "exit">> = {}) {
  const failed = new Set<string>();
  const visited = new Set<string>();
  const wrong: string[] = [];
  const check = (state: string, schema: z.ZodType, value: unknown) => {
    visited.add(state);
    const parsed = schema.safeParse(value);
    if (!parsed.success) wrong.push(`${state}: ${parsed.error.message}`);
    if (failing[state] === "code") throw new Planned();
  };
  const lambda = (state: string, schema: z.ZodType, output: z.ZodType, value: (payload: unknown) => unknown) =>
    lambdaHandler(async (payload) => {
      check(state, schema, payload);
      return output.parse(value(payload));
    });
  const job = (state: string): StateHandler => {
    const handler = batchHandler(async (parameters) => {
      check(state, JobParameters, parameters);
      return failing[state] === "exit" ? 65 : 0;
    });
    return async (submission) => {
      const { resources, environment } = asked(OVERRIDES[state] ?? "");
      expect(submission).toMatchObject({
        ContainerOverrides: { ResourceRequirements: resources, Environment: environment },
      });
      return handler(submission);
    };
  };
  const published = (payload: unknown) => {
    const { taskKey } = StageInput.parse(payload);
    const ref = refs.find((candidate) => candidate.taskKey === taskKey);
    const { taskId, identity } = ref ?? task(9);
    return { kind: "published", taskId, identity, resultKey: `${identity}/result.json`, warnings: 0 };
  };
  const setAside = (payload: unknown) => {
    const { error, task } = QuarantineInput.parse(payload);
    for (const state of Object.keys(error)) failed.add(state);
    const subject = task?.taskId ?? "scan";
    return { kind: "quarantined", subject, code: "Internal", recordKey: `quarantine/${scanId}/a2-${subject}.json` };
  };
  const handlers: Record<string, StateHandler> = {
    Inspect: lambda("Inspect", InspectInput, InspectOutput, () => ({ scanId, attempt: 2, tasks: refs })),
    Preprocess: lambda("Preprocess", StageInput, StageOutput, () => ({ stage: "preprocess", skipped: false })),
    PreprocessJob: job("PreprocessJob"),
    Segment: job("Segment"),
    Postprocess: job("Postprocess"),
    PublishJob: job("PublishJob"),
    Publish: lambda("Publish", StageInput, PublishOutput, published),
    QuarantineTask: lambda("QuarantineTask", QuarantineInput, QuarantineOutput, setAside),
    QuarantineScan: lambda("QuarantineScan", QuarantineInput, QuarantineOutput, setAside),
  };
  const result = await runExecution(ExecutionInput.parse(input), handlers);
  expect(wrong).toEqual([]);
  return { result, visited, failed };
}

describe("the workflow file, run", () => {
  const seen = new Set<string>();
  const remember = ({ visited }: { visited: Set<string> }) => {
    for (const name of visited) seen.add(name);
  };

  it("hands every state what its schema asks for, and ends with the execution's output", async () => {
    const ran = await run([task(0), task(1, "batch")]);
    remember(ran);
    expect(ran.visited).toEqual(
      new Set(["Inspect", "Preprocess", "PreprocessJob", "Segment", "Postprocess", "PublishJob", "Publish"]),
    );
    if (ran.result.status !== "succeeded") throw new Error(ran.result.error);
    const output = ExecutionOutput.parse(ran.result.output);
    expect(output.outcomes.map(({ kind }) => kind)).toEqual(["published", "published"]);
  });

  it.each([
    ["Preprocess", "code"],
    ["PreprocessJob", "exit"],
    ["Segment", "exit"],
    ["Postprocess", "exit"],
    ["PublishJob", "exit"],
    ["Publish", "code"],
  ] as const)("hands quarantine its schema's input when %s fails, and fails the execution", async (state, how) => {
    const ran = await run([task(0, ["PreprocessJob", "PublishJob"].includes(state) ? "batch" : "lambda")], {
      [state]: how,
    });
    remember(ran);
    expect(ran.visited).toContain("QuarantineTask");
    expect(ran.failed).toEqual(new Set([state]));
    expect(ran.result.status).toBe("failed");
  });

  it("hands quarantine its schema's input when Inspect fails", async () => {
    const ran = await run([], { Inspect: "code" });
    remember(ran);
    expect(ran.visited).toEqual(new Set(["Inspect", "QuarantineScan"]));
    expect(ran.failed).toEqual(new Set(["Inspect"]));
    expect(ran.result.status).toBe("failed");
  });

  it("fails loudly when even quarantine fails", async () => {
    const ran = await run([task(0)], { Segment: "exit", QuarantineTask: "code" });
    expect(ran.result.status).toBe("failed");
    expect(ran.visited).toContain("QuarantineScan");
  });

  it("was seen in every one of its tasks by these runs", () => {
    expect([...seen].sort()).toEqual(tasks.map(({ name }) => name).sort());
  });
});
