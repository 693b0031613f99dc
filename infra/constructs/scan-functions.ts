import { fileURLToPath } from "node:url";
import { Duration, RemovalPolicy, Size } from "aws-cdk-lib";
import { type IGrantable, Role, ServicePrincipal } from "aws-cdk-lib/aws-iam";
import { Architecture, Runtime, Tracing } from "aws-cdk-lib/aws-lambda";
import { NodejsFunction, OutputFormat } from "aws-cdk-lib/aws-lambda-nodejs";
import { LogGroup, RetentionDays } from "aws-cdk-lib/aws-logs";
import { Construct } from "constructs";
import { BUNDLING, CODEC_BINARIES } from "../../functions/bundling.js";
import { grantRead, grantWrite } from "./grants.js";
import type { ScanBuckets } from "./scan-buckets.js";
import { type ComputeKind, providers } from "./stage-jobs.js";

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
  intake: { memoryMiB: 2048, timeout: Duration.minutes(2) },
  inspect: { memoryMiB: 3008, timeout: LONGEST },
  preprocess: { memoryMiB: 10_240, timeout: LONGEST, scratchGiB: 10 },
  publish: { memoryMiB: 10_240, timeout: LONGEST, scratchGiB: 10 },
  quarantine: { memoryMiB: 512, timeout: Duration.seconds(60) },
  backfill: { memoryMiB: 512, timeout: Duration.seconds(60) },
} as const satisfies Record<string, Size3>;
export type FunctionName = keyof typeof SIZES;

/** Folder with the model packages' manifests inside a function's bundle. */
const MODELS_DIR = "/var/task/models";

export interface ScanFunctionsProps {
  readonly buckets: ScanBuckets;
  readonly kind: ComputeKind;
}

/** The Lambdas of the workflow, each with the rights that its stage needs and no other. */
export class ScanFunctions extends Construct {
  readonly intake: NodejsFunction;
  readonly inspect: NodejsFunction;
  readonly preprocess: NodejsFunction;
  readonly publish: NodejsFunction;
  readonly quarantine: NodejsFunction;
  readonly backfill: NodejsFunction;

  constructor(scope: Construct, id: string, props: ScanFunctionsProps) {
    super(scope, id);
    const { buckets } = props;
    const make = (name: FunctionName) => this.#function(name, buckets, props.kind);

    this.intake = make("intake");
    grantRead(buckets.scans, this.intake);
    grantWrite(buckets.work, this.intake, "*/source.json");

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

    this.quarantine = make("quarantine");
    grantRead(buckets.work, this.quarantine);
    grantWrite(buckets.results, this.quarantine, "quarantine/*");
    grantWrite(buckets.results, this.quarantine, "index/*");

    this.backfill = make("backfill");
    grantRead(buckets.results, this.backfill);
    grantWrite(buckets.results, this.backfill, "backfill/*");
  }

  #function(name: FunctionName, buckets: ScanBuckets, kind: ComputeKind): NodejsFunction {
    const size: Size3 = SIZES[name];
    const logGroup = new LogGroup(this, `${pascal(name)}Log`, {
      retention: RetentionDays.THREE_MONTHS,
      encryptionKey: buckets.key,
      removalPolicy: RemovalPolicy.DESTROY,
    });
    // The managed policy of other functions may write to every log group of the account.
    const role = new Role(this, `${pascal(name)}Role`, {
      assumedBy: new ServicePrincipal("lambda.amazonaws.com"),
      description: `What the ${name} function may do`,
    });
    logGroup.grantWrite(role);
    return new NodejsFunction(this, pascal(name), {
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
        MODELS_DIR,
        ...providers(kind),
        ...(size.scratchGiB ? { SCRATCH_MIB: String(size.scratchGiB * 1024) } : {}),
        NODE_OPTIONS: "--enable-source-maps",
      },
      bundling: {
        format: OutputFormat.ESM,
        target: BUNDLING.target,
        banner: BUNDLING.banner,
        externalModules: [...BUNDLING.external],
        esbuildArgs: { "--conditions": BUNDLING.conditions.join(",") },
        minify: true,
        sourceMap: true,
        commandHooks: { beforeBundling: () => [], beforeInstall: () => [], afterBundling: copyAssets },
      },
    });
  }
}

/**
 * Codecs, routes and manifests beside the bundle: a function decodes images, chooses models and reads plans, but never
 * runs a network.
 */
function copyAssets(from: string, to: string): string[] {
  return [
    ...CODEC_BINARIES.map((path) => `cp ${from}/node_modules/${path} ${to}/`),
    `mkdir -p ${to}/models`,
    `cp ${from}/models/routes.json ${to}/models/`,
    `for m in ${from}/models/*/manifest.json ${from}/models/*/cost.json; do d=${to}/models/$(basename $(dirname $m)); mkdir -p $d && cp $m $d/; done`,
  ];
}

/** Stages read what earlier ones wrote and write their own files; none removes anything. */
function grantWork(buckets: ScanBuckets, stage: IGrantable): void {
  grantRead(buckets.work, stage);
  grantWrite(buckets.work, stage);
}

function pascal(name: string): string {
  return name.slice(0, 1).toUpperCase() + name.slice(1);
}
