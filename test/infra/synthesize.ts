import { App } from "aws-cdk-lib";
import { Template } from "aws-cdk-lib/assertions";
import { InfraConfig } from "../../infra/config.js";
import { ScanPipelineStack } from "../../infra/scan-pipeline-stack.js";

/** The stack's template, without bundling: the bundles have a test of their own. */
export function synthesize(config: Partial<InfraConfig> = {}): Template {
  const app = new App({
    context: { "aws:cdk:bundling-stacks": [], ...cdkContext },
    analyticsReporting: false,
  });
  const stack = new ScanPipelineStack(app, "scanlane-test", { config: InfraConfig.parse(config) });
  return Template.fromStack(stack);
}

/** The feature flags of `cdk.json`, which the library alone does not read. */
const cdkContext = {
  "@aws-cdk/aws-iam:minimizePolicies": true,
  "@aws-cdk/aws-s3:serverAccessLogsUseBucketPolicy": true,
  "@aws-cdk/aws-ec2:restrictDefaultSecurityGroup": false,
};
