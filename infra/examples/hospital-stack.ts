import { Stack, type StackProps } from "aws-cdk-lib";
import { SqsSubscription } from "aws-cdk-lib/aws-sns-subscriptions";
import { Queue } from "aws-cdk-lib/aws-sqs";
import type { Construct } from "constructs";
import { InfraConfig } from "../config.js";
import { ScanPipeline } from "../constructs/scan-pipeline.js";

/** The pipeline in an app of your own: its notices go to a queue of yours, beside what else the stack holds. */
export class HospitalStack extends Stack {
  constructor(scope: Construct, id: string, props?: StackProps) {
    super(scope, id, props);
    const config = InfraConfig.parse({ stage: "prod", network: { profile: "isolated" }, resultLockDays: 365 });
    const scans = new ScanPipeline(this, "Scans", config);
    const worklist = new Queue(this, "Worklist", { encryptionMasterKey: scans.buckets.key, enforceSSL: true });
    scans.notices.ended.addSubscription(new SqsSubscription(worklist));
  }
}
