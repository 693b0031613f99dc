import { Duration, RemovalPolicy } from "aws-cdk-lib";
import type { IKey } from "aws-cdk-lib/aws-kms";
import {
  BlockPublicAccess,
  BucketEncryption,
  type BucketProps,
  type IBucket,
  ObjectOwnership,
} from "aws-cdk-lib/aws-s3";

/** What was overwritten or removed is hidden, and gone a month later. */
export const old = { noncurrentVersionExpiration: Duration.days(30) };
/** What marks an object as removed goes with the last of its versions; S3 takes no such rule beside one of days. */
export const marks = { expiredObjectDeleteMarker: true };

/**
 * How a bucket with what is of patients is protected: under a customer-managed key, private, by TLS alone, in all
 * versions, and never removed with a stack.
 *
 * @param logs where each access to it is logged, and under which prefix
 */
export function protectedBucket(key: IKey, logs: { readonly bucket: IBucket; readonly prefix: string }) {
  return {
    encryption: BucketEncryption.KMS,
    encryptionKey: key,
    // One call to KMS for many objects, not one for each.
    bucketKeyEnabled: true,
    enforceSSL: true,
    minimumTLSVersion: 1.2,
    // What is overwritten or removed by mistake is still there.
    versioned: true,
    blockPublicAccess: BlockPublicAccess.BLOCK_ALL,
    objectOwnership: ObjectOwnership.BUCKET_OWNER_ENFORCED,
    serverAccessLogsBucket: logs.bucket,
    serverAccessLogsPrefix: `${logs.prefix}/`,
    removalPolicy: RemovalPolicy.RETAIN,
  } satisfies BucketProps;
}
