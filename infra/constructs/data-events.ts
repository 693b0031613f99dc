import { Duration, Stack } from "aws-cdk-lib";
import { Trail } from "aws-cdk-lib/aws-cloudtrail";
import { ServicePrincipal } from "aws-cdk-lib/aws-iam";
import { Bucket } from "aws-cdk-lib/aws-s3";
import { Construct } from "constructs";
import type { DeidVault } from "./deid-vault.js";
import { protectedBucket } from "./protected-bucket.js";
import type { ScanBuckets } from "./scan-buckets.js";

export interface DataEventsProps {
  readonly buckets: ScanBuckets;
  /** @default none */
  readonly vault?: DeidVault | undefined;
}

/** Who read and wrote which object of the scan and result buckets, and of UID maps, by CloudTrail, in a bucket of its own. */
export class DataEvents extends Construct {
  constructor(scope: Construct, id: string, { buckets, vault }: DataEventsProps) {
    super(scope, id);
    const { key, scans, results } = buckets;
    key.grantEncryptDecrypt(
      new ServicePrincipal("cloudtrail.amazonaws.com", {
        conditions: { StringEquals: { "aws:SourceAccount": Stack.of(this).account } },
      }),
    );
    const bucket = new Bucket(this, "Records", {
      ...protectedBucket(key, { bucket: buckets.accessLogs, prefix: "data-events" }),
      // HIPAA 45 CFR 164.316(b)(2): six years.
      lifecycleRules: [{ expiration: Duration.days(2192) }],
    });
    const trail = new Trail(this, "Trail", {
      bucket,
      encryptionKey: key,
      enableFileValidation: true,
      isMultiRegionTrail: false,
      includeGlobalServiceEvents: false,
    });
    const read = [{ bucket: scans }, { bucket: results }, ...(vault ? [{ bucket: vault.bucket }] : [])];
    trail.addS3EventSelector(read, { includeManagementEvents: false });
  }
}
