import { Stack } from "aws-cdk-lib";
import { Template } from "aws-cdk-lib/assertions";
import { Role, ServicePrincipal } from "aws-cdk-lib/aws-iam";
import { describe, expect, it } from "vitest";
import { ScanBuckets } from "../../infra/constructs/scan-buckets.js";
import { parseConfig } from "../../infra/read-config.js";
import { newApp } from "./synthesize.js";

/** Statements of the policy of a sender who may upload to the scan bucket of a configuration. */
function granted(prefix: string, buckets: object = {}) {
  const stack = new Stack(newApp(), "senders", { env: { region: "eu-central-1", account: "123456789012" } });
  const config = parseConfig({ buckets }, "configuration");
  const made = new ScanBuckets(stack, "Buckets", config);
  const sender = new Role(stack, "Sender", { assumedBy: new ServicePrincipal("ec2.amazonaws.com") });
  made.grantUpload(sender, prefix);
  const [policy] = Object.values(Template.fromStack(stack).findResources("AWS::IAM::Policy"));
  // That of objects first.
  const statements = policy?.Properties.PolicyDocument.Statement.toSorted(
    (a: { Action: unknown }, b: { Action: unknown }) =>
      Number(Array.isArray(a.Action)) - Number(Array.isArray(b.Action)),
  );
  return { statements, arn: stack.resolve(made.scans.bucketArn) };
}

describe("the right to upload", () => {
  it("is to put objects below a prefix, and to use the key through S3 for this bucket alone", () => {
    const { statements, arn } = granted("ward-7/");
    const below = { "Fn::Join": ["", [arn, "/ward-7/*"]] };
    expect(statements).toEqual([
      { Effect: "Allow", Action: "s3:PutObject", Resource: below },
      {
        Effect: "Allow",
        Action: ["kms:Decrypt", "kms:GenerateDataKey"],
        Resource: expect.objectContaining({ "Fn::GetAtt": [expect.stringMatching(/^BucketsKey/), "Arn"] }),
        Condition: {
          StringEquals: { "kms:ViaService": "s3.eu-central-1.amazonaws.com" },
          StringLike: { "kms:EncryptionContext:aws:s3:arn": [arn, below] },
        },
      },
    ]);
  });

  it("is given for the whole bucket by an empty prefix", () => {
    const { statements, arn } = granted("");
    expect(statements[0].Resource).toEqual({ "Fn::Join": ["", [arn, "/*"]] });
  });

  it("is one on the key of a bucket that was there, or on none where nothing is said of it", () => {
    const keyArn = "arn:aws:kms:eu-central-1:123456789012:key/0b1c";
    const [, key] = granted("a/", { scans: { name: "their-scans", keyArn } }).statements;
    expect(key.Resource).toBe(keyArn);
    expect(granted("a/", { scans: { name: "their-scans" } }).statements).toHaveLength(1);
  });

  it.each(["ward-7", "ward-*/", "w?/", "$7/"])("is refused for the prefix %s", (prefix) => {
    expect(() => granted(prefix)).toThrow(RangeError);
  });

  it("is refused, and not left out, for somebody who has no policy here", () => {
    const stack = new Stack(newApp(), "senders");
    const made = new ScanBuckets(stack, "Buckets", parseConfig({}, "configuration"));
    expect(() => made.grantUpload(new ServicePrincipal("transfer.amazonaws.com"), "ward-7/")).toThrow(/Permissions/);
  });
});
