import { Duration, RemovalPolicy } from "aws-cdk-lib";
import { AnyPrincipal, Effect, type IGrantable, PolicyStatement } from "aws-cdk-lib/aws-iam";
import { Key } from "aws-cdk-lib/aws-kms";
import {
  BlockPublicAccess,
  Bucket,
  BucketEncryption,
  CfnBucket,
  type IBucket,
  type LifecycleRule,
  ObjectLockRetention,
  ObjectOwnership,
  StorageClass,
} from "aws-cdk-lib/aws-s3";
import { Construct } from "constructs";
import type { InfraConfig } from "../config.js";
import { grantUpload } from "./grants.js";
import { importedBucket } from "./imported-bucket.js";
import { marks, old, protectedBucket } from "./protected-bucket.js";

export interface ScanBucketsProps {
  readonly buckets: InfraConfig["buckets"];
  readonly retention: InfraConfig["retention"];
}

/** Where uploads land, where stages work, and where results go; what is made is under one customer-managed key. */
export class ScanBuckets extends Construct {
  readonly key: Key;
  readonly accessLogs: Bucket;
  readonly scans: IBucket;
  readonly work: Bucket;
  readonly results: IBucket;

  constructor(scope: Construct, id: string, { buckets, retention }: ScanBucketsProps) {
    super(scope, id);
    this.key = new Key(this, "Key", {
      description: "Scans, intermediate files, results and queues of scanlane",
      enableKeyRotation: true,
      // Without the key every scan is lost.
      removalPolicy: RemovalPolicy.RETAIN,
    });
    this.accessLogs = new Bucket(this, "AccessLogs", {
      // S3 delivers access logs only to buckets under its own keys.
      encryption: BucketEncryption.S3_MANAGED,
      enforceSSL: true,
      blockPublicAccess: BlockPublicAccess.BLOCK_ALL,
      objectOwnership: ObjectOwnership.BUCKET_OWNER_ENFORCED,
      // Nobody changes an access log; what is overwritten or removed by hand stays for a month.
      versioned: true,
      lifecycleRules: [
        { expiration: Duration.days(retention.accessLogDays), noncurrentVersionExpiration: Duration.days(30) },
      ],
      removalPolicy: RemovalPolicy.RETAIN,
    });
    const loggedAs = (prefix: string) => protectedBucket(this.key, { bucket: this.accessLogs, prefix });
    const parts = { abortIncompleteMultipartUploadAfter: Duration.days(2) };

    const scans = () => {
      const made = new Bucket(this, "Scans", {
        ...loggedAs("scans"),
        lifecycleRules: [
          {
            ...parts,
            ...old,
            transitions: [
              {
                storageClass: StorageClass.INTELLIGENT_TIERING,
                transitionAfter: Duration.days(retention.uploadArchiveDays),
              },
            ],
          },
          marks,
          ...removal(retention.uploadDays),
        ],
      });
      sendEvents(made);
      refuseUnreadable(made, this.key);
      return made;
    };
    this.scans = importedBucket(this, "Scans", buckets.scans) ?? scans();
    this.work = new Bucket(this, "Work", {
      ...loggedAs("work"),
      lifecycleRules: [
        {
          ...parts,
          expiration: Duration.days(retention.workDays),
          noncurrentVersionExpiration: Duration.days(1),
        },
      ],
    });
    const results = () =>
      new Bucket(this, "Results", {
        ...loggedAs("results"),
        lifecycleRules: [
          { ...parts, ...old },
          marks,
          ...["r-", "index/"].flatMap((prefix) => removal(retention.resultDays, prefix)),
          ...removal(retention.quarantineDays, "quarantine/"),
        ],
        // From the beginning, whether anything is locked or not: CloudFormation would make another bucket for it later.
        objectLockEnabled: true,
        // Governance: a named right lifts it, for what has to be removed by law.
        ...(retention.resultLockDays > 0
          ? { objectLockDefaultRetention: ObjectLockRetention.governance(Duration.days(retention.resultLockDays)) }
          : {}),
      });
    this.results = importedBucket(this, "Results", buckets.results) ?? results();
  }

  /**
   * Lets somebody upload below a prefix, and do nothing else there: whole objects or in parts, under the bucket's key.
   *
   * @param grantee a role or user of this account, to whose policy it is added
   * @param prefix of the keys; ends with a slash, or is empty for the whole bucket
   * @throws {RangeError} for a prefix without a slash at its end, or with a character that a policy reads as a pattern
   */
  grantUpload(grantee: IGrantable, prefix: string): void {
    grantUpload(this.scans, grantee, prefix);
  }
}

/** After so many days an object is hidden; null for never. */
function removal(days: number | null, prefix?: string): LifecycleRule[] {
  if (days === null) return [];
  return [{ ...(prefix === undefined ? {} : { prefix }), expiration: Duration.days(days) }];
}

const ENCRYPTION = "s3:x-amz-server-side-encryption";
const KEY_ID = "s3:x-amz-server-side-encryption-aws-kms-key-id";

/**
 * Whoever may upload could choose a key of their own, or storage that has to be restored: objects that the pipeline
 * cannot read, whose messages it would fail on again and again.
 */
function refuseUnreadable(bucket: Bucket, key: Key): void {
  const refuse = (conditions: Record<string, Record<string, string | string[]>>) =>
    bucket.addToResourcePolicy(
      new PolicyStatement({
        effect: Effect.DENY,
        principals: [new AnyPrincipal()],
        actions: ["s3:PutObject"],
        resources: [bucket.arnForObjects("*")],
        conditions,
      }),
    );
  const present = (header: string) => ({ Null: { [header]: "false" } });
  // A header that is missing differs from everything: each must be there to be refused, the bucket's default is right.
  const unless = (header: string, allowed: string | string[]) =>
    refuse({ ...present(header), StringNotEquals: { [header]: allowed } });
  refuse(present("s3:x-amz-server-side-encryption-customer-algorithm"));
  unless(ENCRYPTION, "aws:kms");
  unless(KEY_ID, key.keyArn);
  // Without the name of a key S3 takes the account's own one of S3, not the bucket's default.
  refuse({ StringEquals: { [ENCRYPTION]: "aws:kms" }, Null: { [KEY_ID]: "true" } });
  unless("s3:x-amz-storage-class", ["STANDARD", "STANDARD_IA", "INTELLIGENT_TIERING"]);
}

/** Switches EventBridge on in the template itself; the property of the L2 construct deploys a Lambda for it. */
function sendEvents(bucket: Bucket): void {
  const resource = bucket.node.defaultChild;
  if (!(resource instanceof CfnBucket)) throw new TypeError("bucket has no CloudFormation resource");
  resource.notificationConfiguration = { eventBridgeConfiguration: { eventBridgeEnabled: true } };
}
