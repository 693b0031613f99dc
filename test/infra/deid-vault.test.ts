import { Match } from "aws-cdk-lib/assertions";
import { describe, expect, it } from "vitest";
import { synthesize } from "./synthesize.js";

// biome-ignore lint/suspicious/noExplicitAny: a template is JSON without a type
type Resource = { Type: string; Properties: any; DeletionPolicy?: string };

const template = synthesize({ deidentification: true, dataEvents: true });
const resources: Record<string, Resource> = template.toJSON().Resources;
const named = (start: string) => Object.entries(resources).filter(([name]) => name.startsWith(start));
const [keyId = ""] = named("DeidKey").map(([name]) => name);
const [bucketId = ""] = named("DeidMaps")
  .filter(([, { Type }]) => Type === "AWS::S3::Bucket")
  .map(([name]) => name);

/** What the roles of the stack may do to the resources of de-identification: role, action, keys of objects. */
function grants(): string[] {
  return Object.entries(resources)
    .filter(([, { Type }]) => Type === "AWS::IAM::Policy")
    .flatMap(([name, { Properties }]) =>
      // biome-ignore lint/suspicious/noExplicitAny: as above
      Properties.PolicyDocument.Statement.flatMap(({ Action, Resource }: any) => {
        const resource = [Resource].flat().map((one) => JSON.stringify(one));
        const mine = resource.filter((one) => one.includes(keyId) || one.includes(bucketId));
        const role = name.replace(/Role.*/, "");
        return mine.flatMap((one) =>
          [Action].flat().map((action) => `${role} ${action} ${/"\/([^"]*)"/.exec(one)?.[1] ?? "key"}`),
        );
      }),
    )
    .toSorted();
}

describe("the place of secret and UID maps", () => {
  it("is not there unless it is asked for, and no function is told of one", () => {
    const without = JSON.stringify(synthesize().toJSON());
    expect(without).not.toContain("DEID_BUCKET");
    expect(without).not.toContain("DeidKey");
  });

  it("is a bucket of its own under a key of its own, which rotates and is kept", () => {
    expect(resources[keyId]?.DeletionPolicy).toBe("Retain");
    expect(resources[keyId]?.Properties.EnableKeyRotation).toBe(true);
    expect(resources[bucketId]?.DeletionPolicy).toBe("Retain");
    expect(resources[bucketId]?.Properties).toMatchObject({
      BucketEncryption: {
        ServerSideEncryptionConfiguration: [
          {
            BucketKeyEnabled: true,
            ServerSideEncryptionByDefault: {
              KMSMasterKeyID: { "Fn::GetAtt": [keyId, "Arn"] },
              SSEAlgorithm: "aws:kms",
            },
          },
        ],
      },
      VersioningConfiguration: { Status: "Enabled" },
      LoggingConfiguration: { LogFilePrefix: "deidentification/" },
    });
    // The key of scans and results opens nothing here, and nothing else is under this one.
    const under = Object.entries(resources).filter(
      ([, { Type, Properties }]) =>
        ["AWS::S3::Bucket", "AWS::SQS::Queue", "AWS::Logs::LogGroup", "AWS::DynamoDB::Table"].includes(Type) &&
        JSON.stringify(Properties).includes(keyId),
    );
    expect(under.map(([name]) => name)).toEqual([bucketId]);
  });

  it("is used by Publish alone: it makes and reads the secret, and writes maps that nobody reads", () => {
    const ofPublish = (role: string) => [
      `${role} kms:Decrypt key`,
      `${role} kms:GenerateDataKey key`,
      ...["maps/*", "scans/*", "secret"].map((keys) => `${role} s3:AbortMultipartUpload ${keys}`),
      `${role} s3:GetObject secret`,
      ...["maps/*", "scans/*", "secret"].map((keys) => `${role} s3:PutObject ${keys}`),
    ];
    expect([...new Set(grants())]).toEqual([...ofPublish("FunctionsPublish"), ...ofPublish("JobsPublish")].toSorted());
  });

  it("takes the secret once: a write that may replace it is denied to everybody", () => {
    template.hasResourceProperties("AWS::S3::BucketPolicy", {
      Bucket: { Ref: bucketId },
      PolicyDocument: {
        Statement: Match.arrayWith([
          Match.objectLike({ Effect: "Deny", Condition: { Bool: { "aws:SecureTransport": "false" } } }),
          Match.objectLike({
            Effect: "Deny",
            Action: "s3:PutObject",
            Principal: { AWS: "*" },
            Resource: { "Fn::Join": ["", [{ "Fn::GetAtt": [bucketId, "Arn"] }, "/secret"]] },
            Condition: { Null: { "s3:if-none-match": "true" } },
          }),
        ]),
      },
    });
  });

  it("keeps every version of the secret, and of maps and records what is of now", () => {
    const rules: readonly { Prefix?: string; [name: string]: unknown }[] =
      resources[bucketId]?.Properties.LifecycleConfiguration.Rules;
    const removing = rules.filter((rule) => rule.AbortIncompleteMultipartUpload === undefined);
    expect(removing.map(({ Status, ...rule }) => rule)).toEqual(
      ["maps/", "scans/"].flatMap((Prefix) => [
        { Prefix, NoncurrentVersionExpiration: { NoncurrentDays: 30 } },
        { Prefix, ExpiredObjectDeleteMarker: true },
      ]),
    );
  });

  it("may be a bucket that is there already, to which Publish has the same rights and the stack adds nothing", () => {
    const keyArn = "arn:aws:kms:eu-central-1:123456789012:key/7f80";
    const other = synthesize({ deidentification: true, buckets: { deidentification: { name: "their-maps", keyArn } } });
    const text = (type: string) => JSON.stringify(other.findResources(type));
    expect(text("AWS::S3::Bucket")).not.toMatch(/Deid/);
    expect(text("AWS::KMS::Key")).not.toMatch(/Deid/);
    expect(text("AWS::S3::BucketPolicy")).not.toContain("their-maps");
    const policies = text("AWS::IAM::Policy");
    for (const keys of ["secret", "maps/*", "scans/*"]) expect(policies).toContain(`:s3:::their-maps/${keys}`);
    expect(policies).toContain(keyArn);
    expect(() => synthesize({ buckets: { deidentification: { name: "their-maps" } } })).toThrow(/deidentification: /);
  });

  it("is known to functions and jobs, so that Inspect can refuse what Publish could not do", () => {
    const text = JSON.stringify(template.toJSON());
    expect(text.match(/"DEID_BUCKET":\{"Ref"/g)).toHaveLength(8);
    expect(text.match(/"Name":"DEID_BUCKET"/g)).toHaveLength(4);
    template.hasOutput("DeidBucket", { Value: { Ref: bucketId } });
  });

  it("has its reads in the trail, where there is one", () => {
    template.hasResourceProperties("AWS::CloudTrail::Trail", {
      EventSelectors: [
        Match.objectLike({
          DataResources: [
            { Type: "AWS::S3::Object", Values: Match.arrayWith([Match.objectLike({ "Fn::Join": Match.anyValue() })]) },
          ],
        }),
      ],
    });
    const [[, trail] = []] = Object.entries(resources).filter(([, { Type }]) => Type === "AWS::CloudTrail::Trail");
    expect(JSON.stringify(trail?.Properties.EventSelectors)).toContain(bucketId);
  });
});
