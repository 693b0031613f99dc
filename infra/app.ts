import { App, Tags } from "aws-cdk-lib";
import { InfraConfig } from "./config.js";
import { ScanPipelineStack } from "./scan-pipeline-stack.js";

const app = new App();
const given: unknown = app.node.tryGetContext("scanlane") ?? {};
const config = InfraConfig.parse(typeof given === "string" ? JSON.parse(given) : given);

// Without a fixed environment: synthesized anywhere, deployed to whatever account the credentials say.
const stack = new ScanPipelineStack(app, `scanlane-${config.stage}`, { config });
// Tags of a dashboard are newer than cfn-lint's copy of the resource specification, and nobody asks for them.
const untagged = { excludeResourceTypes: ["AWS::CloudWatch::Dashboard"] };
Tags.of(stack).add("application", "scanlane", untagged);
Tags.of(stack).add("stage", config.stage, untagged);
