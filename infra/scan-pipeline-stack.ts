import { CfnOutput, Stack, type StackProps, Tags } from "aws-cdk-lib";
import type { Construct } from "constructs";
import type { InfraConfigInput } from "./config.js";
import { ScanPipeline } from "./constructs/scan-pipeline.js";
import { parseConfig } from "./read-config.js";

export interface ScanPipelineStackProps extends StackProps {
  readonly config: InfraConfigInput;
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
      ...(pipeline.vault && { DeidBucket: pipeline.vault.bucket.bucketName }),
      StateMachineArn: pipeline.stateMachine.stateMachineArn,
      BackfillArn: pipeline.backfill.stateMachineArn,
      IntakeQueueUrl: pipeline.intake.queue.queueUrl,
      LedgerTable: pipeline.intake.ledger.table.tableName,
      DeadLetterQueueUrl: pipeline.intake.deadLetters.queueUrl,
      EndedTopicArn: pipeline.notices.ended.topicArn,
      EventTopicArn: pipeline.notices.events.topicArn,
      NoticeQueueUrl: pipeline.notices.queue.queueUrl,
      NoticeDeadLetterQueueUrl: pipeline.notices.deadLetters.queueUrl,
      JobQueueArn: pipeline.jobQueue.jobQueueArn,
      AlarmTopicArn: pipeline.alarms.topic.topicArn,
      DashboardName: pipeline.dashboard.dashboardName,
    };
    // Tags of a dashboard are newer than cfn-lint's copy of the resource specification, and nobody asks for them.
    const untagged = { excludeResourceTypes: ["AWS::CloudWatch::Dashboard"] };
    Tags.of(this).add("application", "scanlane", untagged);
    Tags.of(this).add("stage", parseConfig(config, "configuration").stage, untagged);
    for (const [name, value] of Object.entries(outputs)) new CfnOutput(this, name, { value });
  }
}
