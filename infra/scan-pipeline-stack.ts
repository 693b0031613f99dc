import { CfnOutput, Stack, type StackProps } from "aws-cdk-lib";
import type { Construct } from "constructs";
import type { InfraConfig } from "./config.js";
import { ScanPipeline } from "./constructs/scan-pipeline.js";

export interface ScanPipelineStackProps extends StackProps {
  readonly config: InfraConfig;
}

/** One deployment as a stack of its own, which tells by its outputs where everything is. */
export class ScanPipelineStack extends Stack {
  constructor(scope: Construct, id: string, { config, ...props }: ScanPipelineStackProps) {
    super(scope, id, { description: "scanlane: medical scans in, checked segmentations out", ...props });
    // `Default` is no part of a resource's name.
    const pipeline = new ScanPipeline(this, "Default", config);
    const outputs = {
      ScanBucket: pipeline.buckets.scans.bucketName,
      ResultBucket: pipeline.buckets.results.bucketName,
      WorkBucket: pipeline.buckets.work.bucketName,
      StateMachineArn: pipeline.stateMachine.stateMachineArn,
      BackfillArn: pipeline.backfill.stateMachineArn,
      IntakeQueueUrl: pipeline.intake.queue.queueUrl,
      LedgerTable: pipeline.intake.ledger.table.tableName,
      DeadLetterQueueUrl: pipeline.intake.deadLetters.queueUrl,
      EndedTopicArn: pipeline.notices.ended.topicArn,
      AlarmTopicArn: pipeline.notices.alarms.topicArn,
    };
    for (const [name, value] of Object.entries(outputs)) new CfnOutput(this, name, { value });
  }
}
