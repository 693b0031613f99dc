import { CfnOutput, Stack, type StackProps } from "aws-cdk-lib";
import { ServicePrincipal } from "aws-cdk-lib/aws-iam";
import type { Construct } from "constructs";
import type { InfraConfig } from "./config.js";
import { CpuCompute } from "./constructs/cpu-compute.js";
import { DataEvents } from "./constructs/data-events.js";
import { GpuCompute } from "./constructs/gpu-compute.js";
import { ScanBuckets } from "./constructs/scan-buckets.js";
import { ScanFunctions } from "./constructs/scan-functions.js";
import { ScanIntake } from "./constructs/scan-intake.js";
import { ScanNetwork } from "./constructs/scan-network.js";
import { ScanNotices } from "./constructs/scan-notices.js";
import { ScanWorkflow } from "./constructs/scan-workflow.js";
import { StageJobs } from "./constructs/stage-jobs.js";

export interface ScanPipelineStackProps extends StackProps {
  readonly config: InfraConfig;
}

/** Everything of one deployment: from the upload's event to the published result. */
export class ScanPipelineStack extends Stack {
  constructor(scope: Construct, id: string, { config, ...props }: ScanPipelineStackProps) {
    super(scope, id, { description: "scanlane: medical scans in, checked segmentations out", ...props });
    const buckets = new ScanBuckets(this, "Buckets", config);
    // Logs uses the key for the log groups of this account and region alone.
    buckets.key.grantEncryptDecrypt(
      new ServicePrincipal(`logs.${this.region}.amazonaws.com`, {
        conditions: {
          ArnLike: { "kms:EncryptionContext:aws:logs:arn": this.formatArn({ service: "logs", resource: "*" }) },
        },
      }),
    );
    // What rules and alarms send to encrypted topics and queues; these services send no source to compare.
    for (const service of ["events.amazonaws.com", "cloudwatch.amazonaws.com"]) {
      buckets.key.grantEncryptDecrypt(new ServicePrincipal(service));
    }
    const network = new ScanNetwork(this, "Network", { network: config.network, key: buckets.key });
    const compute =
      config.compute === "gpu"
        ? new GpuCompute(this, "Compute", { ...config, network, instanceTypes: config.gpuInstanceTypes })
        : new CpuCompute(this, "Compute", { ...config, network });
    const jobs = new StageJobs(this, "Jobs", { ...config, buckets, network });
    const functions = new ScanFunctions(this, "Functions", { buckets, kind: config });
    const { stateMachine } = new ScanWorkflow(this, "Workflow", { buckets, functions, jobs, queue: compute.queue });
    const intake = new ScanIntake(this, "Intake", {
      ...config,
      buckets,
      intake: functions.intake,
      stateMachine,
    });
    const notices = new ScanNotices(this, "Notices", {
      ...config,
      buckets,
      stateMachine,
      deadLetters: intake.deadLetters,
    });
    if (config.dataEvents) new DataEvents(this, "DataEvents", { buckets });

    const outputs = {
      ScanBucket: buckets.scans.bucketName,
      ResultBucket: buckets.results.bucketName,
      WorkBucket: buckets.work.bucketName,
      StateMachineArn: stateMachine.stateMachineArn,
      IntakeQueueUrl: intake.queue.queueUrl,
      DeadLetterQueueUrl: intake.deadLetters.queueUrl,
      EndedTopicArn: notices.ended.topicArn,
      AlarmTopicArn: notices.alarms.topicArn,
    };
    for (const [name, value] of Object.entries(outputs)) new CfnOutput(this, name, { value });
  }
}
