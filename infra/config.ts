import { RetentionDays } from "aws-cdk-lib/aws-logs";
import { z } from "zod";
import { RouteRule } from "#src/model/routes.js";
import { MAX_IMAGES_ON_AWS } from "#src/workflow/execution-limits.js";
import { UploadRules } from "#src/workflow/upload-rules.js";

const text = (pattern: RegExp, expected: string) => z.string().regex(pattern, expected);

const bucketName = text(/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/, "the name of a bucket");
const keyArn = text(/^arn:[\w-]+:kms:[\w-]+:\d{12}:key\/[\w-]+$/, "the ARN of a KMS key");
const topicArn = text(/^arn:[\w-]+:sns:[\w-]+:\d{12}:[\w-]{1,256}$/, "the ARN of an SNS topic");
const busArn = text(/^arn:[\w-]+:events:[\w-]+:\d{12}:event-bus\/[\w./-]{1,256}$/, "the ARN of an event bus");
const modelId = text(/^[a-z0-9][a-z0-9._-]{0,63}$/, "the id of a model package");

/** CloudWatch keeps logs for one of these numbers of days. */
const LOG_DAYS = Object.values(RetentionDays).filter(
  (days): days is number => typeof days === "number" && days <= RetentionDays.TEN_YEARS,
);

/** A bucket that is there already. */
const ImportedBucket = z.strictObject({
  name: bucketName.describe("name of the bucket"),
  keyArn: keyArn.optional().describe("key that its objects are under; without it no right on a key is given"),
});

/** A network that is there already. */
const ImportedVpc = z.strictObject({
  id: text(/^vpc-([0-9a-f]{8}|[0-9a-f]{17})$/, "the id of a VPC").describe("id of the VPC"),
  availabilityZones: z.array(z.string()).min(1).describe("zones of the subnets"),
  subnetIds: z
    .array(text(/^subnet-([0-9a-f]{8}|[0-9a-f]{17})$/, "the id of a subnet"))
    .min(1)
    .describe("subnets that jobs run in"),
});

const Buckets = z.strictObject({
  scans: ImportedBucket.optional().describe(
    "bucket of uploads that is there already; it must send its events to EventBridge. Without it one is made",
  ),
  results: ImportedBucket.optional().describe("bucket of results that is there already. Without it one is made"),
  deidentification: ImportedBucket.optional().describe(
    "bucket of secret and UID maps that is there already. Without it `deidentification` makes one",
  ),
});

const Network = z.strictObject({
  profile: z
    .enum(["minimal", "isolated"])
    .default("minimal")
    .describe("`minimal`: public subnets, nothing inbound, free while idle; `isolated`: no route out, paid endpoints"),
  vpc: ImportedVpc.optional().describe("network that is there already. Without it one is made"),
});

const Compute = z.strictObject({
  kind: z
    .enum(["gpu", "cpu"])
    .default("gpu")
    .describe("`gpu`: instances with a GPU; `cpu`: Fargate without CUDA, another image, results under other names"),
  instanceTypes: z
    .array(
      text(
        /^(?![pg]3\.)[a-z0-9]+\.[a-z0-9]+$/,
        "an instance type that Batch's image with NVIDIA's driver supports, as g5.xlarge",
      ),
    )
    .min(1)
    .default(["g4dn.xlarge", "g5.xlarge", "g4dn.2xlarge"])
    .describe("instance types of the GPU queue: the largest of them is what a large image can get"),
  maxVcpus: z
    .int()
    .min(4)
    .default(64)
    .describe("most vCPUs at once, on Spot and on On-Demand each: what compute can cost in a day follows from it"),
  postprocessGpu: z
    .boolean()
    .default(false)
    .describe("a GPU for Postprocess too; part of a result's name, as its rounding is another"),
});

const Limits = z.strictObject({
  imagesPerUpload: z
    .int()
    .min(1)
    .max(MAX_IMAGES_ON_AWS)
    .default(100)
    .describe(`images that one upload may hold; the state machine's history has room for ${MAX_IMAGES_ON_AWS}`),
  voxelsPerImage: z
    .int()
    .min(1)
    .max(2_000_000_000)
    .default(600_000_000)
    .describe("voxels of one image; what no job's memory holds is refused besides"),
  uploadMiB: z
    .int()
    .min(1)
    .max(4095)
    .default(1024)
    .describe("size of one uploaded file, which Inspect holds in its memory of 10 GiB"),
});

const Intake = z.strictObject({
  quietSeconds: z
    .int()
    .min(60)
    .max(86_400)
    .default(300)
    .describe("how long loose DICOM files must be quiet where nothing better says that they are complete"),
  maxWaitHours: z
    .int()
    .min(1)
    .max(720)
    .default(24)
    .describe("how long is waited for files that are known to be missing"),
  ledgerDays: z
    .int()
    .min(30)
    .default(400)
    .describe("after which intake forgets uploads that nothing more was heard of"),
});

const days = z.int().min(1).max(36_500);

const Retention = z.strictObject({
  uploadArchiveDays: z.int().min(30).default(90).describe("after which uploads move to Intelligent-Tiering"),
  uploadDays: days.nullable().default(null).describe("after which uploads are removed; `null`: never"),
  workDays: days.default(14).describe("after which intermediate files are removed"),
  resultDays: days.nullable().default(null).describe("after which results and their table are removed; `null`: never"),
  resultLockDays: z
    .int()
    .min(0)
    .max(36_500)
    .default(0)
    .describe(
      "for which a result is locked (S3 Object Lock, governance mode); a change goes for what is written after it",
    ),
  quarantineDays: days.nullable().default(null).describe("after which quarantine records are removed; `null`: never"),
  logDays: z.literal(LOG_DAYS).default(90).describe("for which logs are kept, one of the numbers that CloudWatch has"),
  accessLogDays: days.default(365).describe("for which access logs of the buckets are kept"),
});

const Alarms = z.strictObject({
  dailyBudgetUsd: z
    .number()
    .positive()
    .default(100)
    .describe("US dollars that a day's scans may cost, by their receipts, before an alarm rings"),
  queueMinutes: z
    .int()
    .min(5)
    .max(239)
    .default(60)
    .describe("how long the same job may be the next one to start before an alarm rings; after 240 it is cancelled"),
  quarantinePercent: z
    .number()
    .positive()
    .max(100)
    .default(20)
    .describe("per cent of an hour's images that may be set aside before an alarm rings"),
});

const Notifications = z.strictObject({
  alarmEmails: z.array(z.email()).default([]).describe("addresses that alarms are mailed to; each has to confirm once"),
  alarmTopicArn: topicArn.optional().describe("topic for alarms that is there already. Without it one is made"),
  endedTopicArn: topicArn
    .optional()
    .describe("topic for how scans ended that is there already. Without it one is made"),
  eventBusArn: busArn.optional().describe("event bus that events of scans go to; without it the account's own"),
});

/** Of the clone, whatever folder a path of one's own starts in. */
export const DEFAULT_ROUTES = "models/routes.json";

/** What a deployment can choose, each group with its own defaults. Read from a file by `readConfig`. */
export const InfraConfig = z
  .strictObject({
    $schema: z.string().optional().describe("for editors: where the JSON Schema of this file is"),
    stage: text(/^[a-z][a-z0-9-]{0,19}$/, "lower-case letters, digits and hyphens, at most 20")
      .default("dev")
      .describe("part of the stack's name, so that several can live in one account, and a tag of all that is in it"),
    buckets: Buckets.prefault({}).describe("buckets that are there already"),
    network: Network.prefault({}).describe("where jobs run"),
    compute: Compute.prefault({}).describe("what networks run on"),
    models: z
      .union([z.literal("all"), z.array(modelId).min(1)], "all, or a list of ids of model packages")
      .default("all")
      .describe("model packages that are deployed, with those that they ask; `all` of `models/`, or a list"),
    routes: z
      .union([z.string().min(1), z.array(RouteRule)], "the path of a file, or a list of rules")
      .default(DEFAULT_ROUTES)
      .describe("which model an image goes to when nobody named one: a list of rules, or the path of a file of them"),
    uploads: UploadRules.prefault({}).describe("what uploads get and may ask for"),
    limits: Limits.prefault({}).describe("what is refused as too large"),
    intake: Intake.prefault({}).describe("when loose files are complete"),
    retention: Retention.prefault({}).describe("how long what is kept, in days"),
    alarms: Alarms.prefault({}).describe("when alarms ring"),
    notifications: Notifications.prefault({}).describe("who is told"),
    deidentification: z
      .boolean()
      .default(false)
      .describe(
        "outputs can be de-identified, where a route or `scan.json` asks for it: makes the bucket and the key of secret and UID maps, unless `buckets.deidentification` names one",
      ),
    dataEvents: z
      .boolean()
      .default(false)
      .describe(
        "CloudTrail records each reading and writing of scans and results, in a bucket of its own for six years",
      ),
  })
  .superRefine(({ retention, buckets, deidentification }, context) => {
    if (buckets.deidentification !== undefined && !deidentification) {
      const message = "true, where there is a bucket of secret and UID maps";
      context.addIssue({ code: "custom", path: ["deidentification"], message });
    }
    const { resultDays, resultLockDays } = retention;
    if (resultDays !== null && resultDays <= resultLockDays) {
      const message = `more than the ${resultLockDays} days of resultLockDays: what is locked cannot be removed`;
      context.addIssue({ code: "custom", path: ["retention", "resultDays"], message });
    }
    if (resultLockDays > 0 && buckets.results !== undefined) {
      const message = "0 for a bucket that is there already: its lock is its own";
      context.addIssue({ code: "custom", path: ["retention", "resultLockDays"], message });
    }
  });
export type InfraConfig = z.infer<typeof InfraConfig>;

/** What a configuration may leave out is left out. */
export type InfraConfigInput = z.input<typeof InfraConfig>;
