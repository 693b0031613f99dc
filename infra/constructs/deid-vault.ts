import { Duration, RemovalPolicy } from "aws-cdk-lib";
import { AnyPrincipal, Effect, type IGrantable, PolicyStatement } from "aws-cdk-lib/aws-iam";
import { Key } from "aws-cdk-lib/aws-kms";
import { Bucket, type IBucket } from "aws-cdk-lib/aws-s3";
import { Construct } from "constructs";
import { deidKeys } from "#src/storage/keys.js";
import type { InfraConfig } from "../config.js";
import { grantReadObject, grantWrite } from "./grants.js";
import { importedBucket } from "./imported-bucket.js";
import { marks, old, protectedBucket } from "./protected-bucket.js";

export interface DeidVaultProps {
  readonly accessLogs: Bucket;
  /** A bucket that is there already, of an earlier deployment say; policy and key are its own. @default made */
  readonly bucket?: InfraConfig["buckets"]["deidentification"];
}

/**
 * What undoes a de-identification: the secret that UIDs are made with, the way back from them, and which upload a scan
 * was. In a bucket and under a key of its own, so that rights on results give none here. Publish writes it and reads the
 * secret; nobody of this stack can read a map.
 */
export class DeidVault extends Construct {
  readonly bucket: IBucket;
  /** What functions and jobs are told of it. */
  readonly environment: { readonly DEID_BUCKET: string };

  constructor(scope: Construct, id: string, { accessLogs, bucket }: DeidVaultProps) {
    super(scope, id);
    this.bucket = importedBucket(this, "Maps", bucket) ?? this.#made(accessLogs);
    this.environment = { DEID_BUCKET: this.bucket.bucketName };
  }

  #made(accessLogs: Bucket): Bucket {
    const key = new Key(this, "Key", {
      description: "Secret and UID maps of scanlane's de-identified results",
      enableKeyRotation: true,
      // Without it no result finds its way back, and the same study gets other UIDs.
      removalPolicy: RemovalPolicy.RETAIN,
    });
    const bucket = new Bucket(this, "Maps", {
      ...protectedBucket(key, { bucket: accessLogs, prefix: "deidentification" }),
      lifecycleRules: [
        { abortIncompleteMultipartUploadAfter: Duration.days(2) },
        // Not the secret: of it every version that ever counted is worth keeping.
        ...["maps/", "scans/"].flatMap((prefix) => [
          { prefix, ...old },
          { prefix, ...marks },
        ]),
      ],
    });
    // Another secret would give every study other UIDs: it is written once, by conditional create.
    bucket.addToResourcePolicy(
      new PolicyStatement({
        effect: Effect.DENY,
        principals: [new AnyPrincipal()],
        actions: ["s3:PutObject"],
        resources: [bucket.arnForObjects(deidKeys.secret)],
        conditions: { Null: { "s3:if-none-match": "true" } },
      }),
    );
    return bucket;
  }

  /** What Publish does: makes and reads the secret, writes maps. */
  grantPublish(grantee: IGrantable): void {
    for (const keys of [deidKeys.secret, "maps/*", "scans/*"]) grantWrite(this.bucket, grantee, keys);
    grantReadObject(this.bucket, grantee, deidKeys.secret);
  }
}
