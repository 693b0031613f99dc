import { Stack, type StackProps } from "aws-cdk-lib";
import { SqsSubscription } from "aws-cdk-lib/aws-sns-subscriptions";
import { Queue } from "aws-cdk-lib/aws-sqs";
import type { Construct } from "constructs";
import { ScanPipeline } from "../constructs/scan-pipeline.js";

/** The pipeline in an app of your own: its notices go to a queue of yours, beside what else the stack holds. */
export class HospitalStack extends Stack {
  constructor(scope: Construct, id: string, props?: StackProps) {
    super(scope, id, props);
    const scans = new ScanPipeline(this, "Scans", {
      network: { profile: "isolated" },
      retention: { resultLockDays: 365 },
      uploads: { prefixes: [{ prefix: "emergency/", share: "stat" }] },
    });
    const worklist = new Queue(this, "Worklist", { encryptionMasterKey: scans.buckets.key, enforceSSL: true });
    scans.notices.ended.addSubscription(new SqsSubscription(worklist));
  }
}
