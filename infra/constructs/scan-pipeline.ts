import { Stack } from "aws-cdk-lib";
import { ServicePrincipal } from "aws-cdk-lib/aws-iam";
import type { StateMachine } from "aws-cdk-lib/aws-stepfunctions";
import { Construct } from "constructs";
import type { InfraConfigInput } from "../config.js";
import { selectModels } from "../model-selection.js";
import { parseConfig } from "../read-config.js";
import { Backfill } from "./backfill.js";
import { CpuCompute } from "./cpu-compute.js";
import { DataEvents } from "./data-events.js";
import { GpuCompute } from "./gpu-compute.js";
import { ScanBuckets } from "./scan-buckets.js";
import { ScanCosts } from "./scan-costs.js";
import { ScanFunctions } from "./scan-functions.js";
import { ScanIntake } from "./scan-intake.js";
import type { LogKeeping } from "./scan-log.js";
import { ScanNetwork } from "./scan-network.js";
import { ScanNotices } from "./scan-notices.js";
import { ScanWorkflow } from "./scan-workflow.js";
import { type ComputeKind, StageJobs } from "./stage-jobs.js";

/**
 * Everything of one deployment, from the upload's event to the published result, in a stack of whoever uses it. What
 * of it others work with is public: subscribe to `ended`, give rights on `buckets`.
 */
export class ScanPipeline extends Construct {
  readonly buckets: ScanBuckets;
  readonly stateMachine: StateMachine;
  /** Starts the workflow for many scans. */
  readonly backfill: StateMachine;
  readonly intake: ScanIntake;
  readonly notices: ScanNotices;

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
    // What rules and alarms send to encrypted topics and queues; these services send no source to compare.
    for (const service of ["events.amazonaws.com", "cloudwatch.amazonaws.com"]) {
      buckets.key.grantEncryptDecrypt(new ServicePrincipal(service));
    }
    const logs: LogKeeping = { key: buckets.key, retention: retention.logDays };
    const network = new ScanNetwork(this, "Network", { network: config.network, logs });
    const compute =
      chosen.kind === "gpu"
        ? new GpuCompute(this, "Compute", { ...chosen, network })
        : new CpuCompute(this, "Compute", { ...chosen, network });
    const kind: ComputeKind = { compute: chosen.kind, postprocessGpu: chosen.postprocessGpu };
    const gpuInstanceTypes = chosen.instanceTypes;
    const jobs = new StageJobs(this, "Jobs", { ...kind, gpuInstanceTypes, buckets, network, logs, selection });
    const functions = new ScanFunctions(this, "Functions", { buckets, logs, kind, selection, limits: config.limits });
    const { stateMachine } = new ScanWorkflow(this, "Workflow", {
      ...{ buckets, functions, jobs, logs },
      queue: compute.queue,
    });
    this.backfill = new Backfill(this, "Backfill", {
      ...{ buckets, logs },
      handler: functions.backfill,
      scans: stateMachine,
    }).stateMachine;
    new ScanCosts(this, "Costs", { Function: functions.publish.logGroup, Job: jobs.logGroup });
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
      deadLetters: intake.deadLetters,
    });
    if (config.dataEvents) new DataEvents(this, "DataEvents", { buckets });
    this.buckets = buckets;
    this.stateMachine = stateMachine;
    this.intake = intake;
    this.notices = notices;
  }
}
