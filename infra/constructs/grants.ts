import { Grant, type IGrantable } from "aws-cdk-lib/aws-iam";
import type { IKey } from "aws-cdk-lib/aws-kms";
import type { IBucket } from "aws-cdk-lib/aws-s3";

/** What is in a bucket, in any version, and what its keys are. CDK's own grants allow `s3:GetObject*` and more. */
export function grantRead(bucket: IBucket, grantee: IGrantable, keys = "*"): void {
  allow(grantee, ["s3:GetObject", "s3:GetObjectVersion"], bucket.arnForObjects(keys));
  // Without it an absent object is a denied one.
  allow(grantee, ["s3:ListBucket"], bucket.bucketArn);
  if (bucket.encryptionKey) grantKey(bucket.encryptionKey, grantee, ["kms:Decrypt"]);
}

/** Writes below `keys`; what was begun in parts can be given up. */
export function grantWrite(bucket: IBucket, grantee: IGrantable, keys = "*"): void {
  allow(grantee, ["s3:PutObject", "s3:AbortMultipartUpload"], bucket.arnForObjects(keys));
  // S3 decrypts the parts of an upload to put them together.
  if (bucket.encryptionKey) grantKey(bucket.encryptionKey, grantee, ["kms:GenerateDataKey", "kms:Decrypt"]);
}

/** Removes the objects that `keys` fits; of a versioned bucket their latest version is hidden, not lost. */
export function grantRemove(bucket: IBucket, grantee: IGrantable, keys: string): void {
  allow(grantee, ["s3:DeleteObject"], bucket.arnForObjects(keys));
}

/** Use of a key for data, in the named ways. */
export function grantKey(key: IKey, grantee: IGrantable, actions: readonly `kms:${string}`[]): void {
  allow(grantee, actions, key.keyArn);
}

function allow(grantee: IGrantable, actions: readonly string[], resource: string): void {
  Grant.addToPrincipal({ grantee, actions: [...actions], resourceArns: [resource] }).assertSuccess();
}
