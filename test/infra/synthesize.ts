import { readFileSync } from "node:fs";
import { App } from "aws-cdk-lib";
import { Template } from "aws-cdk-lib/assertions";
import type { z } from "zod";
import { InfraConfig } from "../../infra/config.js";
import { ScanPipelineStack } from "../../infra/scan-pipeline-stack.js";

// The library alone does not read the feature flags of this file: without them other things would be tested than deployed.
const cdk = JSON.parse(readFileSync(new URL("../../cdk.json", import.meta.url), "utf8"));

/** What a configuration file may leave out is left out. */
type Given = z.input<typeof InfraConfig>;

/** The stack, without bundling: the bundles have a test of their own. */
export function stackOf(config: Given = {}): ScanPipelineStack {
  const app = new App({
    context: { "aws:cdk:bundling-stacks": [], ...cdk.context },
    analyticsReporting: false,
  });
  return new ScanPipelineStack(app, "scanlane-test", { config: InfraConfig.parse(config) });
}

/** Its template. */
export const synthesize = (config: Given = {}): Template => Template.fromStack(stackOf(config));
