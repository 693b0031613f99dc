import { Stack } from "aws-cdk-lib";
import { Grant, type IGrantable } from "aws-cdk-lib/aws-iam";
import type { IKey } from "aws-cdk-lib/aws-kms";
import type { IBucket } from "aws-cdk-lib/aws-s3";

/** What is in a bucket below `keys`, in any version, and what all keys are. CDK's own grants allow `s3:GetObject*` and more. */
export function grantRead(bucket: IBucket, grantee: IGrantable, keys = "*"): void {
  allow(grantee, ["s3:GetObject", "s3:GetObjectVersion"], bucket.arnForObjects(keys));
  // Without it an absent object is a denied one.
  allow(grantee, ["s3:ListBucket"], bucket.bucketArn);
  if (bucket.encryptionKey) grantKey(bucket.encryptionKey, grantee, ["kms:Decrypt"]);
}

/** One object that is there: without the right to list, an absent one is a denied one. */
export function grantReadObject(bucket: IBucket, grantee: IGrantable, key: string): void {
  allow(grantee, ["s3:GetObject"], bucket.arnForObjects(key));
  if (bucket.encryptionKey) grantKey(bucket.encryptionKey, grantee, ["kms:Decrypt"]);
}

/** Writes below `keys`; what was begun in parts can be given up. */
export function grantWrite(bucket: IBucket, grantee: IGrantable, keys = "*"): void {
  allow(grantee, ["s3:PutObject", "s3:AbortMultipartUpload"], bucket.arnForObjects(keys));
  // S3 decrypts the parts of an upload to put them together.
  if (bucket.encryptionKey) grantKey(bucket.encryptionKey, grantee, ["kms:GenerateDataKey", "kms:Decrypt"]);
}

/**
 * Uploads below a prefix by S3 alone: neither reading what is there nor any other use of its key.
 *
 * @param prefix ends with a slash, or is empty for the whole bucket
 * @throws {RangeError} for another one, or one with a character that a policy reads as a pattern
 */
export function grantUpload(bucket: IBucket, grantee: IGrantable, prefix: string): void {
  if (!/^([^*?$]*\/)?$/.test(prefix)) {
    throw new RangeError(`prefix must end with a slash, or be empty, and hold none of * ? $, got "${prefix}"`);
  }
  // Of the parts of a large upload too; those of a broken one are removed by the bucket after two days.
  allow(grantee, ["s3:PutObject"], bucket.arnForObjects(`${prefix}*`));
  if (bucket.encryptionKey === undefined) return;
  const { region } = Stack.of(bucket);
  allow(grantee, ["kms:GenerateDataKey", "kms:Decrypt"], bucket.encryptionKey.keyArn, {
    StringEquals: { "kms:ViaService": `s3.${region}.amazonaws.com` },
    // The bucket with a bucket key, which ours has, or the object without one.
    StringLike: { "kms:EncryptionContext:aws:s3:arn": [bucket.bucketArn, bucket.arnForObjects(`${prefix}*`)] },
  });
}

/** Removes the objects that `keys` fits; of a versioned bucket their latest version is hidden, not lost. */
export function grantRemove(bucket: IBucket, grantee: IGrantable, keys: string): void {
  allow(grantee, ["s3:DeleteObject"], bucket.arnForObjects(keys));
}

/** Use of a key for data, in the named ways. */
export function grantKey(key: IKey, grantee: IGrantable, actions: readonly `kms:${string}`[]): void {
  allow(grantee, actions, key.keyArn);
}

function allow(
  grantee: IGrantable,
  actions: readonly string[],
  resource: string,
  conditions: Record<string, Record<string, unknown>> = {},
): void {
  Grant.addToPrincipal({ grantee, actions: [...actions], resourceArns: [resource], conditions }).assertSuccess();
}
