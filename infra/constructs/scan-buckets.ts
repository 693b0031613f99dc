import { Duration, RemovalPolicy } from "aws-cdk-lib";
import { Key } from "aws-cdk-lib/aws-kms";
import {
  BlockPublicAccess,
  Bucket,
  BucketEncryption,
  type BucketProps,
  CfnBucket,
  ObjectOwnership,
  StorageClass,
} from "aws-cdk-lib/aws-s3";
import { Construct } from "constructs";

export interface ScanBucketsProps {
  readonly workRetentionDays: number;
  readonly scanArchiveDays: number;
}

/** Where uploads land, where stages work, and where results go; all under one customer-managed key. */
export class ScanBuckets extends Construct {
  readonly key: Key;
  readonly scans: Bucket;
  readonly work: Bucket;
  readonly results: Bucket;

  constructor(scope: Construct, id: string, props: ScanBucketsProps) {
    super(scope, id);
    this.key = new Key(this, "Key", {
      description: "Scans, intermediate files, results and queues of scanlane",
      enableKeyRotation: true,
      // Without the key every scan is lost.
      removalPolicy: RemovalPolicy.RETAIN,
    });
    const logs = new Bucket(this, "AccessLogs", {
      // S3 delivers access logs only to buckets under its own keys.
      encryption: BucketEncryption.S3_MANAGED,
      enforceSSL: true,
      blockPublicAccess: BlockPublicAccess.BLOCK_ALL,
      objectOwnership: ObjectOwnership.BUCKET_OWNER_ENFORCED,
      lifecycleRules: [{ expiration: Duration.days(365) }],
      removalPolicy: RemovalPolicy.RETAIN,
    });
    const common = {
      encryption: BucketEncryption.KMS,
      encryptionKey: this.key,
      // One call to KMS for many objects, not one for each.
      bucketKeyEnabled: true,
      enforceSSL: true,
      minimumTLSVersion: 1.2,
      versioned: true,
      blockPublicAccess: BlockPublicAccess.BLOCK_ALL,
      objectOwnership: ObjectOwnership.BUCKET_OWNER_ENFORCED,
      serverAccessLogsBucket: logs,
      // Patient data is never removed with a stack.
      removalPolicy: RemovalPolicy.RETAIN,
    } satisfies BucketProps;
    const parts = { abortIncompleteMultipartUploadAfter: Duration.days(2) };
    const old = { noncurrentVersionExpiration: Duration.days(30) };

    this.scans = new Bucket(this, "Scans", {
      ...common,
      serverAccessLogsPrefix: "scans/",
      lifecycleRules: [
        {
          ...parts,
          transitions: [
            { storageClass: StorageClass.INTELLIGENT_TIERING, transitionAfter: Duration.days(props.scanArchiveDays) },
          ],
        },
      ],
    });
    this.work = new Bucket(this, "Work", {
      ...common,
      serverAccessLogsPrefix: "work/",
      lifecycleRules: [
        {
          ...parts,
          expiration: Duration.days(props.workRetentionDays),
          noncurrentVersionExpiration: Duration.days(1),
        },
      ],
    });
    this.results = new Bucket(this, "Results", {
      ...common,
      serverAccessLogsPrefix: "results/",
      lifecycleRules: [{ ...parts, ...old }],
    });
    sendEvents(this.scans);
  }
}

/** Switches EventBridge on in the template itself; the property of the L2 construct deploys a Lambda for it. */
function sendEvents(bucket: Bucket): void {
  const resource = bucket.node.defaultChild;
  if (!(resource instanceof CfnBucket)) throw new TypeError("bucket has no CloudFormation resource");
  resource.notificationConfiguration = { eventBridgeConfiguration: { eventBridgeEnabled: true } };
}
