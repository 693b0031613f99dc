import { SFNClient } from "@aws-sdk/client-sfn";
import type { SQSBatchResponse, SQSEvent } from "aws-lambda";
import { readIntakeEnv } from "../runtime/env.js";
import { stageDeps } from "../runtime/stage-deps.js";
import { startExecution } from "./start-execution.js";
import { takeInObjects } from "./take-in-objects.js";

const deps = { ...stageDeps("intake"), start: startExecution(new SFNClient(), readIntakeEnv().STATE_MACHINE_ARN) };

export async function handler(event: SQSEvent): Promise<SQSBatchResponse> {
  const failed = await takeInObjects(event.Records, deps);
  return { batchItemFailures: failed.map((itemIdentifier) => ({ itemIdentifier })) };
}
