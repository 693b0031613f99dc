import { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { SFNClient } from "@aws-sdk/client-sfn";
import { BackfillAction } from "#src/backfill/backfill-contract.js";
import { takeAction } from "#src/backfill/settle-scan.js";
import { readBackfillEnv } from "../runtime/env.js";
import { executionsOf } from "../runtime/executions.js";
import { lambdaEntry } from "../runtime/lambda-entry.js";
import { stageDeps } from "../runtime/stage-deps.js";
import { dynamoPurse } from "./dynamo-purse.js";

const own = stageDeps("backfill");
const env = readBackfillEnv();
const deps = {
  results: own.stores.results,
  executions: executionsOf(new SFNClient(), env.STATE_MACHINE_ARN),
  purse: dynamoPurse(new DynamoDBClient(), env.SPEND_TABLE),
};

export const handler = lambdaEntry(BackfillAction, own, (action) => takeAction(action, deps));
