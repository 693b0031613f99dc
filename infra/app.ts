import { App } from "aws-cdk-lib";
import { ConfigError, readConfig } from "./read-config.js";
import { ScanPipelineStack } from "./scan-pipeline-stack.js";

try {
  const app = new App();
  const config = readConfig(app.node.tryGetContext("scanlane"), process.cwd());
  // Without a fixed environment: synthesized anywhere, deployed to whatever account the credentials say.
  new ScanPipelineStack(app, `scanlane-${config.stage}`, { config });
} catch (error) {
  if (!(error instanceof ConfigError)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 1;
}
