import { fileURLToPath } from "node:url";
import { Duration, RemovalPolicy, Size } from "aws-cdk-lib";
import { type IGrantable, Role, ServicePrincipal } from "aws-cdk-lib/aws-iam";
import { Architecture, Runtime, Tracing } from "aws-cdk-lib/aws-lambda";
import { NodejsFunction, OutputFormat } from "aws-cdk-lib/aws-lambda-nodejs";
import { Construct } from "constructs";
import type { JobSize } from "#src/workflow/job-sizes.js";
import { BUNDLING, bundleAssets } from "../../functions/bundling.js";
import type { InfraConfig } from "../config.js";
import type { ModelSelection } from "../model-selection.js";
import type { DeidVault } from "./deid-vault.js";
import { limitEnvironment } from "./environment-limit.js";
import { grantRead, grantRemove, grantWrite } from "./grants.js";
import type { ScanBuckets } from "./scan-buckets.js";
import { type LogKeeping, scanLog } from "./scan-log.js";
import { serviceOf } from "./scan-metrics.js";
import { type ComputeKind, modelsTold, providers } from "./stage-jobs.js";

const REPO = fileURLToPath(new URL("../../", import.meta.url));
/** Longest that a Lambda may run. */
const LONGEST = Duration.minutes(15);

/** How much of the machine a function gets. */
interface Size3 {
  readonly memoryMiB: number;
  readonly timeout: Duration;
  readonly scratchGiB?: number;
}

/** Memory is also the share of CPU: what decodes and resamples volumes gets all there is. */
const SIZES = {
  // Reads loose files whole, for their digests.
  intake: { memoryMiB: 2048, timeout: Duration.minutes(5) },
  // Holds what is uploaded, and 4 GiB of what it unpacks to.
  inspect: { memoryMiB: 10_240, timeout: LONGEST, scratchGiB: 10 },
  preprocess: { memoryMiB: 10_240, timeout: LONGEST, scratchGiB: 10 },
  publish: { memoryMiB: 10_240, timeout: LONGEST, scratchGiB: 10 },
  quarantine: { memoryMiB: 512, timeout: Duration.seconds(60) },
  backfill: { memoryMiB: 512, timeout: Duration.seconds(60) },
  announce: { memoryMiB: 512, timeout: Duration.seconds(60) },
  "queue-watch": { memoryMiB: 256, timeout: Duration.seconds(60) },
} as const satisfies Record<string, Size3>;
export type FunctionName = keyof typeof SIZES;

/**
 * Rules in place of those in the bundle: Inspect goes by them, and Quarantine, which may only name an upload where none
 * of them asks for de-identified outputs.
 */
function routesTold({ routes }: ModelSelection): { readonly ROUTES?: string } {
  return routes === null ? {} : { ROUTES: JSON.stringify(routes) };
}

/** What Inspect alone decides by. */
function toldToInspect({ limits, sizes }: ScanFunctionsProps): Record<string, string> {
  return {
    JOB_SIZES: JSON.stringify(sizes),
    MAX_IMAGES: String(limits.imagesPerUpload),
    MAX_VOXELS: String(limits.voxelsPerImage),
    MAX_UPLOAD_BYTES: String(limits.uploadMiB * 2 ** 20),
  };
}

/** Folder with the model packages' manifests inside a function's bundle. */
const MODELS_DIR = "/var/task/models";

export interface ScanFunctionsProps {
  readonly buckets: ScanBuckets;
  /** @default none: nothing is de-identified */
  readonly vault?: DeidVault | undefined;
  readonly logs: LogKeeping;
  readonly kind: ComputeKind;
  readonly selection: ModelSelection;
  readonly limits: InfraConfig["limits"];
  /** Sizes that a job can have, by which Inspect plans. */
  readonly sizes: readonly JobSize[];
}

/** The Lambdas of the workflow, each with the rights that its stage needs and no other. */
export class ScanFunctions extends Construct {
  readonly intake: NodejsFunction;
  readonly inspect: NodejsFunction;
  readonly preprocess: NodejsFunction;
  readonly publish: NodejsFunction;
  readonly quarantine: NodejsFunction;
  readonly backfill: NodejsFunction;
  readonly announce: NodejsFunction;
  readonly queueWatch: NodejsFunction;
  /** All of them, by name. */
  readonly byName: ReadonlyMap<FunctionName, NodejsFunction>;

  constructor(scope: Construct, id: string, props: ScanFunctionsProps) {
    super(scope, id);
    const { buckets } = props;
    const byName = new Map<FunctionName, NodejsFunction>();
    const make = (name: FunctionName) => {
      const made = this.#function(name, props);
      byName.set(name, made);
      return made;
    };

    this.intake = make("intake");
    grantRead(buckets.scans, this.intake);
    grantRead(buckets.work, this.intake, "*/source.json");
    grantWrite(buckets.work, this.intake, "*/source.json");
    // Scans that wait for the runs of another day.
    grantRead(buckets.results, this.intake, "held/*");
    grantWrite(buckets.results, this.intake, "held/*");
    grantRemove(buckets.results, this.intake, "held/*");

    this.inspect = make("inspect");
    this.preprocess = make("preprocess");
    for (const stage of [this.inspect, this.preprocess]) {
      grantRead(buckets.scans, stage);
      grantWork(buckets, stage);
    }
    this.publish = make("publish");
    grantWork(buckets, this.publish);
    grantRead(buckets.results, this.publish);
    grantWrite(buckets.results, this.publish);
    props.vault?.grantPublish(this.publish);

    this.quarantine = make("quarantine");
    grantRead(buckets.work, this.quarantine);
    grantWrite(buckets.results, this.quarantine, "quarantine/*");
    grantWrite(buckets.results, this.quarantine, "index/*");

    this.backfill = make("backfill");
    grantRead(buckets.results, this.backfill);
    grantWrite(buckets.results, this.backfill, "backfill/*");

    this.announce = make("announce");
    grantRead(buckets.results, this.announce, "index/*");
    this.queueWatch = make("queue-watch");
    this.byName = byName;
  }

  #function(name: FunctionName, props: ScanFunctionsProps): NodejsFunction {
    const { buckets, vault, kind, selection } = props;
    const size: Size3 = SIZES[name];
    const logGroup = scanLog(this, `${pascal(name)}Log`, props.logs);
    // The managed policy of other functions may write to every log group of the account.
    const role = new Role(this, `${pascal(name)}Role`, {
      assumedBy: new ServicePrincipal("lambda.amazonaws.com"),
      description: `What the ${name} function may do`,
    });
    logGroup.grantWrite(role);
    const made = new NodejsFunction(this, pascal(name), {
      description: `scanlane: ${name}`,
      entry: `${REPO}functions/${name}/handler.ts`,
      projectRoot: REPO,
      depsLockFilePath: `${REPO}package-lock.json`,
      runtime: Runtime.NODEJS_22_X,
      architecture: Architecture.ARM_64,
      memorySize: size.memoryMiB,
      timeout: size.timeout,
      ...(size.scratchGiB ? { ephemeralStorageSize: Size.gibibytes(size.scratchGiB) } : {}),
      tracing: Tracing.ACTIVE,
      role,
      logGroup,
      environment: {
        SCAN_BUCKET: buckets.scans.bucketName,
        WORK_BUCKET: buckets.work.bucketName,
        RESULT_BUCKET: buckets.results.bucketName,
        ...vault?.environment,
        MODELS_DIR,
        ...providers(kind),
        // The service of its logs and metrics.
        POWERTOOLS_SERVICE_NAME: serviceOf(this),
        ...modelsTold(selection),
        ...(name === "inspect" || name === "quarantine" ? routesTold(selection) : {}),
        ...(name === "inspect" ? toldToInspect(props) : {}),
        ...(size.scratchGiB ? { SCRATCH_MIB: String(size.scratchGiB * 1024) } : {}),
        NODE_OPTIONS: "--enable-source-maps",
      },
      // Executions under way call the version that they began with (`ScanWorkflow`), which a deployment must not remove.
      currentVersionOptions: { removalPolicy: RemovalPolicy.RETAIN },
      bundling: {
        format: OutputFormat.ESM,
        target: BUNDLING.target,
        banner: BUNDLING.banner,
        externalModules: [...BUNDLING.external],
        esbuildArgs: { "--conditions": BUNDLING.conditions.join(",") },
        minify: true,
        sourceMap: true,
        commandHooks: {
          beforeBundling: () => [],
          beforeInstall: () => [],
          afterBundling: (from, to) => bundleAssets(from, to, selection.models),
        },
      },
    });
    limitEnvironment(made, name);
    return made;
  }
}

/** Stages read what earlier ones wrote and write their own files; none removes anything. */
function grantWork(buckets: ScanBuckets, stage: IGrantable): void {
  grantRead(buckets.work, stage);
  grantWrite(buckets.work, stage);
}

function pascal(name: string): string {
  return name.replace(/(?:^|-)(\w)/g, (_, first: string) => first.toUpperCase());
}
