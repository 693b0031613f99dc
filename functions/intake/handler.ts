import { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { SchedulerClient } from "@aws-sdk/client-scheduler";
import { SFNClient } from "@aws-sdk/client-sfn";
import type { Context, SQSBatchResponse, SQSEvent } from "aws-lambda";
import { readIntakeEnv } from "../runtime/env.js";
import { executionsOf } from "../runtime/executions.js";
import { stageDeps } from "../runtime/stage-deps.js";
import { dynamoLedger } from "./dynamo-ledger.js";
import { scanRuns } from "./scan-runs.js";
import { scheduledMessages } from "./scheduled-messages.js";
import { takeInMessages } from "./take-in-messages.js";

const env = readIntakeEnv();
const deps = {
  ...stageDeps("intake"),
  ...scanRuns(executionsOf(new SFNClient(), env.STATE_MACHINE_ARN)),
  bucket: env.SCAN_BUCKET,
  ledger: dynamoLedger({ client: new DynamoDBClient(), table: env.LEDGER_TABLE, retentionDays: env.LEDGER_DAYS }),
  rules: { quietSeconds: env.QUIET_SECONDS, maxWaitSeconds: env.MAX_WAIT_SECONDS },
  now: () => Date.now(),
  uploads: env.UPLOAD_RULES,
  ...scheduledMessages(new SchedulerClient(), {
    groupName: env.SCHEDULE_GROUP,
    queueArn: env.QUEUE_ARN,
    deadLetterArn: env.DEAD_LETTER_ARN,
    roleArn: env.SCHEDULE_ROLE_ARN,
  }),
};

export async function handler(event: SQSEvent, context: Context): Promise<SQSBatchResponse> {
  deps.begin({}, context);
  const failed = await takeInMessages(event.Records, { ...deps, msLeft: () => context.getRemainingTimeInMillis() });
  return { batchItemFailures: failed.map((itemIdentifier) => ({ itemIdentifier })) };
}
