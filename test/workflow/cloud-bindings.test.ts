import { describe, expect, it } from "vitest";
import { bindPlaceholders, LOCAL_BINDINGS } from "#src/local/bindings.js";
import { readWorkflow } from "#src/local/engine.js";
import { type ScanWorkflowProps, workflowBindings } from "../../infra/constructs/scan-workflow.js";
import { allStates, placeholdersOf, Workflow } from "./asl-states.js";

/** Anything, with an ARN under any name that ends in Arn. */
const withArns = (name: string) => new Proxy({}, { get: (_, property) => `arn:${name}:${String(property)}` });
/** Any member of a group of functions or job definitions. */
const group = (name: string) => new Proxy({}, { get: (_, property) => withArns(`${name}/${String(property)}`) });

const props = { functions: group("function"), jobs: group("job"), queue: withArns("queue") };
const bindings = workflowBindings(props as unknown as ScanWorkflowProps);

describe("the workflow file on AWS", () => {
  it("has every placeholder bound, and only placeholders that one machine binds too", async () => {
    expect(Object.keys(bindings).sort()).toEqual(placeholdersOf(await readWorkflow()));
    expect(Object.keys(bindings).sort()).toEqual(Object.keys(LOCAL_BINDINGS).sort());
  });

  it("runs in each state the function or job that the state is named after", async () => {
    const workflow = Workflow.parse(JSON.parse(bindPlaceholders(await readWorkflow(), bindings)));
    const targets = allStates(workflow).flatMap(({ name, state }) => {
      const target = state.Parameters?.FunctionName ?? state.Parameters?.JobDefinition;
      return target === undefined ? [] : [[name, target]];
    });
    expect(Object.fromEntries(targets)).toEqual({
      Inspect: "arn:function/inspect:functionArn",
      Preprocess: "arn:function/preprocess:functionArn",
      PreprocessJob: "arn:job/preprocess:jobDefinitionArn",
      Segment: "arn:job/segment:jobDefinitionArn",
      Postprocess: "arn:job/postprocess:jobDefinitionArn",
      Publish: "arn:function/publish:functionArn",
      QuarantineTask: "arn:function/quarantine:functionArn",
      QuarantineScan: "arn:function/quarantine:functionArn",
    });
  });
});
