import { Key } from "aws-cdk-lib/aws-kms";
import { Bucket, type IBucket } from "aws-cdk-lib/aws-s3";
import type { Construct } from "constructs";
import type { InfraConfig } from "../config.js";

/** A bucket that is there already, with its key where that is said; null where one is to be made. */
export function importedBucket(
  scope: Construct,
  id: string,
  bucket: InfraConfig["buckets"][keyof InfraConfig["buckets"]],
): IBucket | null {
  if (bucket === undefined) return null;
  const encryptionKey = bucket.keyArn ? Key.fromKeyArn(scope, `${id}Key`, bucket.keyArn) : undefined;
  return Bucket.fromBucketAttributes(scope, id, { bucketName: bucket.name, encryptionKey });
}
