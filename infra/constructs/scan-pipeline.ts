import { Stack } from "aws-cdk-lib";
import type { JobQueue } from "aws-cdk-lib/aws-batch";
import type { Dashboard } from "aws-cdk-lib/aws-cloudwatch";
import { ServicePrincipal } from "aws-cdk-lib/aws-iam";
import type { StateMachine } from "aws-cdk-lib/aws-stepfunctions";
import { Construct } from "constructs";
import type { InfraConfigInput } from "../config.js";
import { jobSizes } from "../job-sizes.js";
import { selectModels } from "../model-selection.js";
import { parseConfig } from "../read-config.js";
import { Backfill } from "./backfill.js";
import { CpuCompute } from "./cpu-compute.js";
import { DataEvents } from "./data-events.js";
import { DeidVault } from "./deid-vault.js";
import { GpuCompute } from "./gpu-compute.js";
import { QueueWatch } from "./queue-watch.js";
import { ScanAlarms } from "./scan-alarms.js";
import { ScanBuckets } from "./scan-buckets.js";
import { ScanDashboard } from "./scan-dashboard.js";
import { ScanFunctions } from "./scan-functions.js";
import { ScanIntake } from "./scan-intake.js";
import type { LogKeeping } from "./scan-log.js";
import { ScanNetwork } from "./scan-network.js";
import { ScanNotices } from "./scan-notices.js";
import { ScanWorkflow } from "./scan-workflow.js";
import { type ComputeKind, StageJobs } from "./stage-jobs.js";

/**
 * Everything of one deployment, from the upload's event to the published result, in a stack of whoever uses it. What
 * of it others work with is public: subscribe to the topics of `notices`, give rights on `buckets`.
 */
export class ScanPipeline extends Construct {
  readonly buckets: ScanBuckets;
  /** Secret and UID maps of de-identified results; none unless `deidentification` is on. */
  readonly vault: DeidVault | undefined;
  readonly stateMachine: StateMachine;
  /** Starts the workflow for many scans. */
  readonly backfill: StateMachine;
  readonly intake: ScanIntake;
  readonly notices: ScanNotices;
  readonly alarms: ScanAlarms;
  readonly dashboard: Dashboard;
  readonly jobQueue: JobQueue;

  /** @param props what a configuration file holds; all of it may be left out */
  constructor(scope: Construct, id: string, props: InfraConfigInput = {}) {
    super(scope, id);
    const config = parseConfig(props, `configuration of ${this.node.path}`);
    const { compute: chosen, retention, notifications } = config;
    const selection = selectModels(config);
    const stack = Stack.of(this);
    const buckets = new ScanBuckets(this, "Buckets", { buckets: config.buckets, retention });
    // Logs uses the key for the log groups of this account and region alone.
    buckets.key.grantEncryptDecrypt(
      new ServicePrincipal(`logs.${stack.region}.amazonaws.com`, {
        conditions: {
          ArnLike: { "kms:EncryptionContext:aws:logs:arn": stack.formatArn({ service: "logs", resource: "*" }) },
        },
      }),
    );
    // What rules of this account send to queues under the key. The topic of alarms gives its own right to CloudWatch.
    const rules = { conditions: { StringEquals: { "aws:SourceAccount": stack.account } } };
    buckets.key.grant(new ServicePrincipal("events.amazonaws.com", rules), "kms:GenerateDataKey", "kms:Decrypt");
    const logs: LogKeeping = { key: buckets.key, retention: retention.logDays };
    const network = new ScanNetwork(this, "Network", { network: config.network, logs });
    // An id each: Batch cannot make an environment of instances one of Fargate, nor the other way round.
    const compute =
      chosen.kind === "gpu"
        ? new GpuCompute(this, "Compute", { ...chosen, network })
        : new CpuCompute(this, "FargateCompute", { ...chosen, network });
    const kind: ComputeKind = { compute: chosen.kind, postprocessGpu: chosen.postprocessGpu };
    const vault = config.deidentification
      ? new DeidVault(this, "Deid", { accessLogs: buckets.accessLogs, bucket: config.buckets.deidentification })
      : undefined;
    const told = { buckets, vault, logs, selection };
    const sizes = jobSizes(chosen);
    const jobs = new StageJobs(this, "Jobs", { ...told, ...kind, sizes, network });
    const functions = new ScanFunctions(this, "Functions", { ...told, kind, sizes, limits: config.limits });
    const { stateMachine } = new ScanWorkflow(this, "Workflow", {
      ...{ buckets, functions, jobs, logs },
      queue: compute.queue,
    });
    this.backfill = new Backfill(this, "Backfill", {
      ...{ buckets, logs },
      handler: functions.backfill,
      scans: stateMachine,
    }).stateMachine;
    new QueueWatch(this, "QueueWatch", { queue: compute.queue, watch: functions.queueWatch });
    const intake = new ScanIntake(this, "Intake", {
      ...config.intake,
      uploads: config.uploads,
      buckets,
      intake: functions.intake,
      stateMachine,
    });
    const notices = new ScanNotices(this, "Notices", {
      ...notifications,
      buckets,
      stateMachine,
      announce: functions.announce,
    });
    const watched = { stateMachine, backfill: this.backfill, intake, notices };
    this.alarms = new ScanAlarms(this, "Alarms", {
      ...config.alarms,
      ...notifications,
      ...watched,
      key: buckets.key,
    });
    this.dashboard = new ScanDashboard(this, "Dashboard", {
      ...config.alarms,
      ...watched,
      functions,
      alarms: this.alarms,
    }).dashboard;
    if (config.dataEvents) new DataEvents(this, "DataEvents", { buckets, vault });
    this.buckets = buckets;
    this.vault = vault;
    this.stateMachine = stateMachine;
    this.intake = intake;
    this.notices = notices;
    this.jobQueue = compute.queue;
  }
}
