import { MAX_IMAGES_ON_AWS } from "#src/workflow/execution-limits.js";

/** A quota of AWS that may bind, and at how many scans it does. */
export interface Quota {
  readonly name: string;
  readonly value: string;
  readonly bindsAt: string;
  readonly remedy: string;
  /** Page of AWS that says so. */
  readonly source: string;
}

const STEP_FUNCTIONS = "https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html";
const BATCH = "https://docs.aws.amazon.com/batch/latest/userguide/service_limits.html";

export const QUOTAS: readonly Quota[] = [
  {
    name: "Batch: SubmitJob, account and region",
    value: "50 a second, cannot be raised",
    bindsAt: "25 scans a second (two jobs each), 90,000 an hour",
    remedy: "nothing: the workflow waits and submits again; far above what instances of one account take",
    source: BATCH,
  },
  {
    name: "Batch: jobs in SUBMITTED",
    value: "1,000,000, cannot be raised",
    bindsAt: "not reached: a backfill has no more jobs waiting than scans under way",
    remedy: "`--concurrency`",
    source: BATCH,
  },
  {
    name: "Step Functions: StartExecution",
    value: "bucket 1,300, refilled by 300 a second (us-east-1; elsewhere 800 and 150)",
    bindsAt: "300 scans a second; an upload of more at once waits in the intake queue",
    remedy: "raise it in Service Quotas",
    source: STEP_FUNCTIONS,
  },
  {
    name: "Step Functions: state transitions",
    value: "bucket 5,000, refilled by 1,500 a second or more (us-east-1; elsewhere 800 and 500); less in a new account",
    bindsAt: "136 scans a second without, 88 in a backfill; 45 and 29 elsewhere",
    remedy: "raise it in Service Quotas before a large backfill in a new account",
    source: STEP_FUNCTIONS,
  },
  {
    name: "Step Functions: events in the history of an execution",
    value: "25,000, cannot be raised",
    bindsAt: `never: an upload of more than ${MAX_IMAGES_ON_AWS} images is set aside as \`InputUnsupported\` before it gets there`,
    remedy: "send it in parts; a picture or volume by itself is an upload of its own",
    source: STEP_FUNCTIONS,
  },
  {
    name: "Step Functions: child executions of a Distributed Map",
    value: "10,000 at once; 1,000 open map runs",
    bindsAt: "`--concurrency` above 10,000",
    remedy: "nothing: instances bind long before",
    source: STEP_FUNCTIONS,
  },
  {
    name: "Lambda: concurrent executions",
    value: "1,000 in an account and region; less in a new account",
    bindsAt: "1,000 scans in Inspect, Preprocess or Publish at once",
    remedy: "raise it in Service Quotas, or lower `--concurrency`; a throttled function is called again",
    source: "https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html",
  },
  {
    name: "SQS: messages in flight",
    value: "about 120,000 a standard queue",
    bindsAt: "not reached: intake holds 10 messages a call and 1,000 calls",
    remedy: "nothing",
    source: "https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html",
  },
  {
    name: "EC2: vCPUs of running G and VT instances, On-Demand and Spot apart",
    value: "0 in many new accounts",
    bindsAt: "the first job: it waits until it is cancelled as `CapacityUnavailable`",
    remedy: "ask for `maxVcpus` vCPUs of both; this takes days",
    source: "https://docs.aws.amazon.com/ec2/latest/instancetypes/ec2-instance-quotas.html",
  },
];
