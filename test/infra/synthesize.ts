import { readFileSync } from "node:fs";
import { App } from "aws-cdk-lib";
import { Template } from "aws-cdk-lib/assertions";
import type { InfraConfigInput } from "../../infra/config.js";
import { ScanPipelineStack } from "../../infra/scan-pipeline-stack.js";

// The library alone does not read the feature flags of this file: without them other things would be tested than deployed.
const cdk = JSON.parse(readFileSync(new URL("../../cdk.json", import.meta.url), "utf8"));

/** An app with the context that is deployed, without bundling: the bundles have a test of their own. */
export const newApp = (): App =>
  new App({ context: { "aws:cdk:bundling-stacks": [], ...cdk.context }, analyticsReporting: false });

/** The stack. */
export function stackOf(config: InfraConfigInput = {}): ScanPipelineStack {
  return new ScanPipelineStack(newApp(), "scanlane-test", { config });
}

/** Its template. */
export const synthesize = (config: InfraConfigInput = {}): Template => Template.fromStack(stackOf(config));
