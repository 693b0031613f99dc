import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { synthesize } from "./synthesize.js";

const template = synthesize();
const text = readFileSync(new URL("../../src/workflow/backfill.asl.json", import.meta.url), "utf8");
const machines = Object.entries(template.findResources("AWS::StepFunctions::StateMachine"));
const [, machine] = machines.find(([name]) => name.startsWith("Backfill")) ?? [];

/** Statements of the policies whose names begin so: actions with what they are allowed on. */
function allowed(prefix: string): string[] {
  return Object.entries(template.findResources("AWS::IAM::Policy"))
    .filter(([name]) => name.startsWith(prefix))
    .flatMap(([, { Properties }]) => Properties.PolicyDocument.Statement)
    .flatMap(({ Action, Resource }) =>
      [Action].flat().map((action: string) => `${action} ${JSON.stringify(Resource)}`),
    );
}

describe("the backfill", () => {
  it("is its workflow file, every placeholder bound", () => {
    const bound = machine?.Properties.DefinitionSubstitutions;
    const placeholders = new Set([...text.matchAll(/\$\{(\w+)\}/g)].map(([, name]) => name));
    expect(new Set(Object.keys(bound))).toEqual(placeholders);
    expect(machine?.Properties.DefinitionString).toBe(text);
  });

  it("may start and watch executions of the one workflow and its own items, and nothing else", () => {
    const actions = [...allowed("BackfillStateMachine"), ...allowed("BackfillItems")];
    const starts = actions.filter((one) => one.startsWith("states:StartExecution"));
    expect(starts.map((one) => /"Ref":"(Workflow|Backfill)StateMachine/.exec(one)?.[1]).sort()).toEqual([
      "Backfill",
      "Workflow",
    ]);
    const names = new Set(actions.map((one) => one.split(" ")[0]));
    expect([...names].filter((name) => name?.startsWith("states:")).sort()).toEqual([
      "states:DescribeExecution",
      "states:StartExecution",
      "states:StopExecution",
    ]);
    for (const one of actions.filter((action) => action.startsWith("s3:"))) expect(one).toContain("/backfill/*");
  });

  it("knows how executions of the one workflow ended, and may ask for nothing else of them", () => {
    const asks = allowed("FunctionsBackfillRole").filter((one) => one.startsWith("states:"));
    expect(asks.map((one) => one.split(" ")[0])).toEqual(["states:DescribeExecution"]);
    expect(asks[0]).toContain("WorkflowStateMachine");
    const [, handler] = Object.entries(template.findResources("AWS::Lambda::Function")).find(([name]) =>
      name.startsWith("FunctionsBackfill"),
    ) ?? [""];
    const { STATE_MACHINE_ARN } = handler?.Properties.Environment.Variables ?? {};
    expect(STATE_MACHINE_ARN?.Ref).toMatch(/^WorkflowStateMachine/);
  });

  it("keeps what was spent in a table of its own, which its function alone reads and adds to", () => {
    const users = allowed("Functions").filter((one) => one.includes("BackfillSpend"));
    expect(users.map((one) => one.split(" ")[0]).sort()).toEqual(["dynamodb:GetItem", "dynamodb:UpdateItem"]);
  });

  it("logs no payloads", () => {
    expect(machine?.Properties.LoggingConfiguration).toMatchObject({ IncludeExecutionData: false });
  });
});
