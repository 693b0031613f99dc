import { readFileSync } from "node:fs";
import validate from "asl-validator";
import { StateMachine } from "aws-local-stepfunctions";
import { describe, expect, it } from "vitest";
import { BackfillAction } from "#src/backfill/backfill-contract.js";
import type { Begun, Settled } from "#src/backfill/settle-scan.js";
import { ERROR_CODES } from "#src/core/errors.js";
import { bindPlaceholders } from "#src/local/bindings.js";
import { ExecutionInput } from "#src/workflow/contract.js";
import { MAX_HISTORY_EVENTS } from "#src/workflow/execution-limits.js";
import { LAMBDA_SERVICE_ERRORS } from "#src/workflow/service-errors.js";
import { allStates, placeholdersOf, Workflow } from "./asl-states.js";

const text = readFileSync(new URL("../../src/workflow/backfill.asl.json", import.meta.url), "utf8");
const bindings = Object.fromEntries(
  placeholdersOf(text).map((name) => [name, "arn:aws:states:us-east-1:1:stateMachine:x"]),
);
const definition = JSON.parse(bindPlaceholders(text, { ...bindings, Partition: "aws" }));

// biome-ignore lint/suspicious/noExplicitAny: what goes into a state and comes out is JSON without a type
type State = any;

describe("the backfill's workflow file", () => {
  it("is accepted by asl-validator, and a broken copy is not", () => {
    expect(validate(definition).errors).toEqual([]);
    expect(validate({ ...definition, StartAt: "Nowhere" }).isValid).toBe(false);
  });

  it("waits for an attempt that somebody else started as long as it may run, within the history of an item", () => {
    const { Later, Run } = definition.States.Scans.ItemProcessor.States;
    // Events of Wait, Settle and Outcome, each time; half of the history is left for tries again.
    const events = 9 * (Run.TimeoutSeconds / Later.Seconds);
    expect(events).toBeLessThan(MAX_HISTORY_EVENTS / 2);
  });

  it("waits before it asks for an attempt whose name is taken: what was just begun may not be seen at once", () => {
    const { Run } = definition.States.Scans.ItemProcessor.States;
    const caught = Run.Catch.map(({ ErrorEquals, Next }: State) => [ErrorEquals, Next]);
    expect(caught).toEqual([
      [["StepFunctions.ExecutionAlreadyExistsException"], "Later"],
      [["States.ALL"], "Settle"],
    ]);
  });

  it("retries only what may pass", () => {
    const passing = Object.entries(ERROR_CODES).flatMap(([code, { retryable }]) => (retryable ? [code] : []));
    const known = [...passing, ...LAMBDA_SERVICE_ERRORS];
    const calls = allStates(Workflow.parse(definition)).filter(({ state }) =>
      state.Resource?.endsWith("lambda:invoke"),
    );
    expect(calls.map(({ name }) => name)).toEqual(["Begin", "Settle"]);
    for (const { state } of calls) {
      const errors = (state.Retry ?? []).flatMap((rule) => rule.ErrorEquals);
      expect(errors.length).toBeGreaterThan(0);
      expect(errors.filter((error) => !known.includes(error))).toEqual([]);
    }
  });
});

describe("an item of the backfill", () => {
  const scanId = `s-${"1".repeat(40)}`;
  const backfillId = `b-${"3".repeat(40)}`;

  /**
   * Runs the states of one item on this machine; the Map around them is nothing that it knows.
   *
   * @param run what happens when an execution is started under a name
   * @param settled outcomes, one after the other
   */
  async function runItem(begun: Begun, run: () => Promise<object>, settled: readonly Settled["outcome"][] = []) {
    const actions: BackfillAction[] = [];
    const names: unknown[] = [];
    const outcomes = [...settled];
    const answer = async ({ Payload }: State): Promise<State> => {
      const action = BackfillAction.parse(Payload);
      actions.push(action);
      return { Payload: action.action === "begin" ? begun : { scanId, outcome: outcomes.shift(), costUsd: null } };
    };
    const machine = new StateMachine(definition.States.Scans.ItemProcessor, {
      validationOptions: { noValidate: true },
    });
    const execution = machine.run(
      { backfillId, scanId, budgetUsd: null },
      {
        overrides: {
          taskResourceLocalHandlers: {
            Begin: answer,
            Settle: answer,
            Run: async ({ Name, Input }: State): Promise<State> => {
              names.push([Name, ExecutionInput.parse(Input).attempt]);
              return run();
            },
          },
          waitTimeOverrides: { Later: 0 },
        },
      },
    );
    const output = await execution.result.catch((error: Error) => error.message);
    return { output, names, actions: actions.map((one) => [one.action, "attempt" in one ? one.attempt : null]) };
  }

  const second: Begun = { decision: "run", executionName: `${scanId}-a2`, attempt: 2 };
  const refused = async () => {
    throw Object.assign(new Error("refused"), { name: "StepFunctions.ExecutionAlreadyExistsException" });
  };

  it("starts the attempt that was begun, settles that one, and ends with how it ended", async () => {
    expect(await runItem(second, async () => ({}), ["published"])).toEqual({
      output: { scanId, outcome: "published", costUsd: null },
      names: [[`${scanId}-a2`, 2]],
      actions: [
        ["begin", null],
        ["settle", 2],
      ],
    });
    expect((await runItem(second, refused, ["set-aside"])).output).toContain("the scan was not published");
  });

  it("waits for an attempt that somebody else started, and asks again how it ended", async () => {
    const { output, actions } = await runItem(second, refused, ["running", "running", "published"]);
    expect(output).toMatchObject({ outcome: "published" });
    expect(actions.slice(1)).toEqual(Array(3).fill(["settle", 2]));
  });

  it("starts nothing for a scan that is done", async () => {
    const { output, names } = await runItem({ decision: "done", executionName: "", attempt: 0 }, refused);
    expect([output, names]).toEqual([{ scanId, outcome: "done" }, []]);
  });
});
