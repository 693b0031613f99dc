import { fileURLToPath } from "node:url";
import { Duration, Size } from "aws-cdk-lib";
import {
  Action,
  EcsEc2ContainerDefinition,
  EcsFargateContainerDefinition,
  EcsJobDefinition,
  EcsVolume,
  LinuxParameters,
  Reason,
  RetryStrategy,
} from "aws-cdk-lib/aws-batch";
import { Platform } from "aws-cdk-lib/aws-ecr-assets";
import { ContainerImage, LogDriver } from "aws-cdk-lib/aws-ecs";
import { Role, ServicePrincipal } from "aws-cdk-lib/aws-iam";
import type { LogGroup } from "aws-cdk-lib/aws-logs";
import { Construct } from "constructs";
import { ERROR_CLASSES } from "#src/core/errors.js";
import type { JobSize } from "#src/workflow/job-sizes.js";
import { FARGATE_SCRATCH_GIB } from "../job-sizes.js";
import type { ModelSelection } from "../model-selection.js";
import type { DeidVault } from "./deid-vault.js";
import { grantRead, grantRemove, grantWrite } from "./grants.js";
import type { ScanBuckets } from "./scan-buckets.js";
import { type LogKeeping, scanLog } from "./scan-log.js";
import { serviceOf } from "./scan-metrics.js";
import type { ScanNetwork } from "./scan-network.js";

const REPO = fileURLToPath(new URL("../../", import.meta.url));
/** Tries of a job that was lost or ended with a transient failure; the local engine has the same number. */
const ATTEMPTS = 3;
/** Longest that one try may run. */
const ATTEMPT_TIMEOUT = Duration.hours(6);
/** Whether Postprocess has a GPU: where it is asked for, and there is one. */
const hasStepGpu = ({ compute, postprocessGpu }: ComputeKind) => compute === "gpu" && postprocessGpu;

/** What of a deployment decides the rounding of its results. */
export type ComputeKind = Pick<StageJobsProps, "compute" | "postprocessGpu">;

/** The devices that functions and jobs are told of: all of them the same, since results are named by them. */
export function providers(kind: ComputeKind): Record<"PROVIDER" | "STEP_PROVIDER", string> {
  return { PROVIDER: kind.compute === "gpu" ? "cuda" : "cpu", STEP_PROVIDER: hasStepGpu(kind) ? "cuda" : "cpu" };
}

/** The packages that functions and jobs are told to use; all that are there where nothing is said. */
export function modelsTold({ models }: ModelSelection): { readonly MODELS?: string } {
  return models === null ? {} : { MODELS: JSON.stringify(models) };
}

export interface StageJobsProps {
  readonly buckets: ScanBuckets;
  /** @default none: nothing is de-identified */
  readonly vault?: DeidVault | undefined;
  readonly network: ScanNetwork;
  readonly logs: LogKeeping;
  readonly selection: ModelSelection;
  /** `cpu`: the image without CUDA, on Fargate. */
  readonly compute: "gpu" | "cpu";
  readonly postprocessGpu: boolean;
  /** Sizes that a job can have: it gets the first one where nothing else is asked for. */
  readonly sizes: readonly JobSize[];
}

/** The stages that run as containers: one image, one job definition a stage, least rights. */
export class StageJobs extends Construct {
  readonly preprocess: EcsJobDefinition;
  readonly segment: EcsJobDefinition;
  readonly postprocess: EcsJobDefinition;
  readonly publish: EcsJobDefinition;

  constructor(scope: Construct, id: string, props: StageJobsProps) {
    super(scope, id);
    // What goes into the build's context is in `.dockerignore`.
    const image = ContainerImage.fromAsset(REPO, {
      file: "functions/container/Dockerfile",
      target: props.compute,
      buildArgs: { MODELS: props.selection.models?.join(" ") ?? "*" },
      platform: Platform.LINUX_AMD64,
      assetName: "scanlane-stages",
    });
    const logGroup = scanLog(this, "Log", props.logs);
    const job = (stage: string, gpu: boolean) => this.#job(stage, gpu, image, logGroup, props);
    this.preprocess = job("preprocess", false);
    this.segment = job("segment", props.compute === "gpu");
    this.postprocess = job("postprocess", hasStepGpu(props));
    this.publish = job("publish", false);
  }

  #job(
    stage: string,
    gpu: boolean,
    image: ContainerImage,
    logGroup: LogGroup,
    props: StageJobsProps,
  ): EcsJobDefinition {
    const { buckets, compute, sizes } = props;
    const [smallest] = sizes;
    if (smallest === undefined) throw new RangeError("a deployment has at least one size of a job");
    const name = stage.slice(0, 1).toUpperCase() + stage.slice(1);
    const role = new Role(this, `${name}Role`, {
      assumedBy: new ServicePrincipal("ecs-tasks.amazonaws.com"),
      description: `What the ${stage} container may do`,
    });
    if (stage === "preprocess") grantRead(buckets.scans, role);
    if (stage === "publish") {
      grantRead(buckets.results, role);
      grantWrite(buckets.results, role);
      props.vault?.grantPublish(role);
    }
    grantRead(buckets.work, role);
    grantWrite(buckets.work, role);
    // A job removes the failure record of its earlier try, and nothing else.
    grantRemove(buckets.work, role, `s-*/a*/failures/t*-${stage}.json`);

    const container = {
      image,
      command: ["node", `/app/${stage}.mjs`, "Ref::taskKey"],
      cpu: smallest.vcpus,
      environment: {
        SCAN_BUCKET: buckets.scans.bucketName,
        WORK_BUCKET: buckets.work.bucketName,
        RESULT_BUCKET: buckets.results.bucketName,
        ...props.vault?.environment,
        MODELS_DIR: "/app/models",
        ...providers(props),
        POWERTOOLS_SERVICE_NAME: serviceOf(this),
        ...modelsTold(props.selection),
        JOB_SIZES: JSON.stringify(sizes),
        JOB_SIZE: "0",
      },
      jobRole: role,
      user: "node",
      readonlyRootFilesystem: true,
      volumes: [EcsVolume.host({ name: "scratch", containerPath: "/tmp" })],
      linuxParameters: new LinuxParameters(this, `${name}Linux`, { initProcessEnabled: true }),
      logging: LogDriver.awsLogs({ streamPrefix: stage, logGroup }),
    };

    const memory = Size.mebibytes(smallest.memoryMiB);
    return new EcsJobDefinition(this, name, {
      container:
        compute === "gpu"
          ? new EcsEc2ContainerDefinition(this, `${name}Container`, {
              ...container,
              memory,
              privileged: false,
              ...(gpu ? { gpu: 1 } : {}),
            })
          : new EcsFargateContainerDefinition(this, `${name}Container`, {
              ...container,
              memory,
              ephemeralStorageSize: Size.gibibytes(FARGATE_SCRATCH_GIB),
              assignPublicIp: props.network.publicAddress,
            }),
      parameters: { taskKey: "none" },
      timeout: ATTEMPT_TIMEOUT,
      retryAttempts: ATTEMPTS,
      retryStrategies: retryStrategies(),
      // Fair share needs a priority inside a share; all jobs of a share are equal.
      schedulingPriority: 0,
      // Executions that run while a new version is deployed still submit the revision they know.
      skipDeregisterOnUpdate: true,
    });
  }
}

/**
 * Again: the instance was reclaimed or lost, or the stage ended with a transient failure. Not again: every other exit
 * code, since the same input would fail the same way. The first rule that fits decides; where none does (a job that
 * ended without an exit code: the machine's fault), Batch tries again.
 */
function retryStrategies(): RetryStrategy[] {
  const exit = (code: number) => Reason.custom({ onExitCode: String(code) });
  return [
    RetryStrategy.of(Action.RETRY, Reason.custom({ onStatusReason: "Host EC2*" })),
    RetryStrategy.of(Action.RETRY, Reason.custom({ onStatusReason: "Your Spot Task was interrupted*" })),
    RetryStrategy.of(Action.RETRY, exit(ERROR_CLASSES.transient.exitCode)),
    RetryStrategy.of(Action.RETRY, Reason.custom({ onReason: "CannotPullContainerError*" })),
    RetryStrategy.of(Action.EXIT, Reason.custom({ onExitCode: "*" })),
  ];
}
