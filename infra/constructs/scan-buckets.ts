import { Duration, RemovalPolicy } from "aws-cdk-lib";
import { AnyPrincipal, Effect, PolicyStatement } from "aws-cdk-lib/aws-iam";
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
import { protectedBucket } from "./protected-bucket.js";

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
    const old = { noncurrentVersionExpiration: Duration.days(30) };

    const scans = () => {
      const made = new Bucket(this, "Scans", {
        ...loggedAs("scans"),
        lifecycleRules: [
          {
            ...parts,
            transitions: [
              {
                storageClass: StorageClass.INTELLIGENT_TIERING,
                transitionAfter: Duration.days(retention.uploadArchiveDays),
              },
            ],
          },
          ...removal(retention.uploadDays),
        ],
      });
      sendEvents(made);
      refuseUnreadable(made, this.key);
      return made;
    };
    this.scans = this.#imported("Scans", buckets.scans) ?? scans();
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
          ...["r-", "index/"].flatMap((prefix) => removal(retention.resultDays, prefix)),
          ...removal(retention.quarantineDays, "quarantine/"),
        ],
        // Governance: a named right lifts it, for what has to be removed by law.
        ...(retention.resultLockDays > 0
          ? { objectLockDefaultRetention: ObjectLockRetention.governance(Duration.days(retention.resultLockDays)) }
          : {}),
      });
    this.results = this.#imported("Results", buckets.results) ?? results();
  }

  #imported(id: string, bucket: InfraConfig["buckets"]["scans"]): IBucket | null {
    if (bucket === undefined) return null;
    const encryptionKey = bucket.keyArn ? Key.fromKeyArn(this, `${id}Key`, bucket.keyArn) : undefined;
    return Bucket.fromBucketAttributes(this, id, { bucketName: bucket.name, encryptionKey });
  }
}

/** After so many days an object is hidden, a month later it is gone; null for never. */
function removal(days: number | null, prefix?: string): LifecycleRule[] {
  if (days === null) return [];
  const old = { noncurrentVersionExpiration: Duration.days(30) };
  const expiration = { expiration: Duration.days(days) };
  // What marks an object as removed goes with the last of its versions; S3 takes no such rule beside days.
  const marks = { expiredObjectDeleteMarker: true };
  const of = prefix === undefined ? {} : { prefix };
  return [
    { ...of, ...expiration, ...old },
    { ...of, ...marks },
  ];
}

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
  unless("s3:x-amz-server-side-encryption", "aws:kms");
  unless("s3:x-amz-server-side-encryption-aws-kms-key-id", key.keyArn);
  unless("s3:x-amz-storage-class", ["STANDARD", "STANDARD_IA", "INTELLIGENT_TIERING"]);
}

/** Switches EventBridge on in the template itself; the property of the L2 construct deploys a Lambda for it. */
function sendEvents(bucket: Bucket): void {
  const resource = bucket.node.defaultChild;
  if (!(resource instanceof CfnBucket)) throw new TypeError("bucket has no CloudFormation resource");
  resource.notificationConfiguration = { eventBridgeConfiguration: { eventBridgeEnabled: true } };
}
