import { SFNClient } from "@aws-sdk/client-sfn";
import type { SQSBatchResponse, SQSEvent } from "aws-lambda";
import { readIntakeEnv } from "../runtime/env.js";
import { stageDeps } from "../runtime/stage-deps.js";
import { startExecution } from "./start-execution.js";
import { takeInObjects } from "./take-in-objects.js";

const { SCAN_BUCKET, STATE_MACHINE_ARN } = readIntakeEnv();
const start = startExecution(new SFNClient(), STATE_MACHINE_ARN);
const deps = { ...stageDeps("intake"), bucket: SCAN_BUCKET, start };

export async function handler(event: SQSEvent): Promise<SQSBatchResponse> {
  const failed = await takeInObjects(event.Records, deps);
  return { batchItemFailures: failed.map((itemIdentifier) => ({ itemIdentifier })) };
}
