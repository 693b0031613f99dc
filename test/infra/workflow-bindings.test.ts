import { Aws } from "aws-cdk-lib";
import { describe, expect, it } from "vitest";
import { bindPlaceholders, LOCAL_BINDINGS } from "#src/local/bindings.js";
import { readWorkflow } from "#src/local/engine.js";
import { type ScanWorkflowProps, workflowBindings } from "../../infra/constructs/scan-workflow.js";

/** Anything, with an ARN under any name, and a version that has one too. */
const withArns = (name: string): object =>
  new Proxy(
    {},
    {
      get: (_, property) =>
        property === "currentVersion" ? withArns(`${name}/version`) : `arn:${name}:${String(property)}`,
    },
  );
/** Any member of a group of functions or job definitions. */
const group = (name: string) => new Proxy({}, { get: (_, property) => withArns(`${name}/${String(property)}`) });

const props = { functions: group("function"), jobs: group("job"), queue: withArns("queue") };
const bindings = workflowBindings(props as unknown as ScanWorkflowProps);
const text = await readWorkflow();

describe("workflowBindings", () => {
  it("binds every placeholder of the workflow file, and no other: the ones that one machine binds too", () => {
    const placeholders = new Set([...text.matchAll(/\$\{(\w+)\}/g)].map(([, name = ""]) => name));
    expect(Object.keys(bindings).sort()).toEqual([...placeholders].sort());
    expect(Object.keys(bindings).sort()).toEqual(Object.keys(LOCAL_BINDINGS).sort());
  });

  it("takes the partition of the deployment", () => {
    expect(bindings.Partition).toBe(Aws.PARTITION);
  });

  it("gives each state the version of the function, or the job, that the state is named after", () => {
    const targets: Record<string, string> = {};
    JSON.parse(bindPlaceholders(text, bindings), (state, value) => {
      const target = value?.Parameters?.FunctionName ?? value?.Parameters?.JobDefinition;
      if (typeof target === "string") targets[state] = target;
      return value;
    });
    expect(targets).toEqual({
      Inspect: "arn:function/inspect/version:functionArn",
      Preprocess: "arn:function/preprocess/version:functionArn",
      PreprocessJob: "arn:job/preprocess:jobDefinitionArn",
      Segment: "arn:job/segment:jobDefinitionArn",
      Postprocess: "arn:job/postprocess:jobDefinitionArn",
      PublishJob: "arn:job/publish:jobDefinitionArn",
      Publish: "arn:function/publish/version:functionArn",
      QuarantineTask: "arn:function/quarantine/version:functionArn",
      QuarantineScan: "arn:function/quarantine/version:functionArn",
    });
  });
});
