import { S3Client } from "@aws-sdk/client-s3";
import { PipelineError } from "#src/core/errors.js";
import { folderModels } from "#src/model/model-library.js";
import type { StageDeps } from "#src/stages/stage-deps.js";
import { MAX_IMAGES_ON_AWS } from "#src/workflow/execution-limits.js";
import type { ComputePlace } from "#src/workflow/prices.js";
import { type Env, readEnv } from "./env.js";
import { s3Store } from "./s3-store.js";
import { type Telemetry, telemetry } from "./telemetry.js";

/** Stores, models and voice of a function on AWS. The SDK reads region, credentials and endpoint by itself. */
export function stageDeps(stage: string): StageDeps & Telemetry {
  const env = readEnv();
  const client = s3Client();
  return {
    stores: {
      source: s3Store({ client, bucket: env.SCAN_BUCKET, keys: "any" }),
      work: s3Store({ client, bucket: env.WORK_BUCKET }),
      results: s3Store({ client, bucket: env.RESULT_BUCKET }),
      // All know that there is one; Publish alone may use it.
      ...(env.DEID_BUCKET !== undefined && { deid: s3Store({ client, bucket: env.DEID_BUCKET }) }),
    },
    models: folderModels(env.MODELS_DIR, { only: env.MODELS, routes: env.ROUTES }),
    limits: {
      images: Math.min(env.MAX_IMAGES ?? MAX_IMAGES_ON_AWS, MAX_IMAGES_ON_AWS),
      voxels: env.MAX_VOXELS,
      uploadBytes: env.MAX_UPLOAD_BYTES,
    },
    ...telemetry(stage),
    provider: env.PROVIDER,
    stepProvider: env.STEP_PROVIDER,
    place: placeOf(env),
    ...(env.JOB_SIZES !== undefined && {
      jobSizes: env.JOB_SIZES,
      capacity: { sizes: env.JOB_SIZES, isShared: false },
    }),
  };
}

function placeOf({ JOB_SIZES = [], JOB_SIZE }: Env): ComputePlace {
  if (JOB_SIZE === undefined) return lambdaPlace();
  const size = JOB_SIZES[JOB_SIZE];
  if (size !== undefined) return size.place;
  throw new PipelineError("ContractViolation", `JOB_SIZE is ${JOB_SIZE}, expected one of ${JOB_SIZES.length} sizes`);
}

/** A container is told its size; Lambda tells its own memory to every function. */
function lambdaPlace(): ComputePlace {
  return {
    kind: "lambda",
    memoryMiB: Number(process.env.AWS_LAMBDA_FUNCTION_MEMORY_SIZE ?? 128),
    scratchMiB: Number(process.env.SCRATCH_MIB ?? 512),
    architecture: process.arch === "arm64" ? "arm64" : "x64",
  };
}

/** An endpoint of one's own (an S3-compatible server) is addressed by path: it has no name for each bucket. */
export function s3Client(): S3Client {
  return new S3Client({ forcePathStyle: process.env.AWS_ENDPOINT_URL_S3 !== undefined });
}
