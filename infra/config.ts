import { z } from "zod";

const bucketName = z.string().regex(/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/);
const keyArn = z.string().regex(/^arn:[\w-]+:kms:[\w-]+:\d{12}:key\/[\w-]+$/);

/** A bucket that is there already, with the key that its objects are under. */
const ImportedBucket = z.strictObject({ name: bucketName, keyArn: keyArn.optional() });

/** A network that is there already. */
const ImportedVpc = z.strictObject({
  id: z.string().regex(/^vpc-([0-9a-f]{8}|[0-9a-f]{17})$/),
  availabilityZones: z.array(z.string()).min(1),
  subnetIds: z.array(z.string().regex(/^subnet-([0-9a-f]{8}|[0-9a-f]{17})$/)).min(1),
});

/** What a deployment can choose. Read from the CDK context `scanlane` (`cdk.json`, or `-c scanlane='{…}'`). */
export const InfraConfig = z.strictObject({
  /** Part of the stack's name, so that several can live in one account. */
  stage: z
    .string()
    .regex(/^[a-z][a-z0-9-]{0,19}$/)
    .default("dev"),
  /** Buckets for uploads and results that are there already; what is not named is made. */
  buckets: z
    .strictObject({
      /** Must send its events to EventBridge. */
      scans: ImportedBucket.optional(),
      results: ImportedBucket.optional(),
    })
    .default({}),
  /** Where jobs run: see `ScanNetwork`. */
  network: z
    .strictObject({ profile: z.enum(["minimal", "isolated"]).default("minimal"), vpc: ImportedVpc.optional() })
    .default({ profile: "minimal" }),
  /** Whether networks run on GPU instances, or on Fargate with the CPU alone: another image and other results. */
  compute: z.enum(["gpu", "cpu"]).default("gpu"),
  /** Instance families of the GPU queue, first choice first. */
  gpuInstanceTypes: z
    .array(z.string().regex(/^[a-z0-9]+\.[a-z0-9]+$/))
    .min(1)
    .default(["g4dn.xlarge", "g5.xlarge", "g4dn.2xlarge"]),
  /** Most vCPUs that run at once; 0 run when nothing is to do. */
  maxVcpus: z.int().min(4).default(64),
  /** Days after which intermediate files are removed. */
  workRetentionDays: z.int().min(1).default(14),
  /** Days after which uploads become cheaper storage; they are never removed by the stack. */
  scanArchiveDays: z.int().min(30).default(90),
  /** Days for which a result can be neither changed nor removed without a special right; 0 for no lock. */
  resultLockDays: z.int().min(0).max(36_500).default(0),
  /** How long a series of loose DICOM files must be quiet where nothing better says that it is complete. */
  quietSeconds: z.int().min(60).max(86_400).default(300),
  /** How long is waited for files that are known to be missing before the series is set aside. */
  maxWaitHours: z.int().min(1).max(720).default(24),
  /** Days after which intake forgets an upload that nothing more was heard of; a late event then runs it again. */
  ledgerDays: z.int().min(30).default(400),
  /** Whether Postprocess gets a GPU too: of use only to steps with a GPU kernel. */
  postprocessGpu: z.boolean().default(false),
  /**
   * Whether outputs can be de-identified, where a route or `scan.json` asks for it: makes the bucket and the key of
   * secret and UID maps.
   */
  deidentification: z.boolean().default(false),
  /** Whether CloudTrail records who read and wrote which object of the scan and result buckets. */
  dataEvents: z.boolean().default(false),
  /** US dollars that a day's scans may cost, by their receipts, before an alarm rings. */
  dailyBudgetUsd: z.number().positive().default(100),
  /** How long the same job may be the next one to start before an alarm rings; after 240 minutes it is cancelled. */
  queueAlarmMinutes: z.int().min(5).max(239).default(60),
  /** Per cent of an hour's images that may be set aside before an alarm rings. */
  quarantineAlarmPercent: z.number().positive().max(100).default(20),
  /** Addresses that alarms are mailed to; each has to confirm once. */
  alarmEmails: z.array(z.email()).default([]),
});
export type InfraConfig = z.infer<typeof InfraConfig>;
