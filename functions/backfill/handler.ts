import { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { BackfillAction } from "#src/backfill/backfill-contract.js";
import { takeAction } from "#src/backfill/settle-scan.js";
import { readBackfillEnv } from "../runtime/env.js";
import { lambdaEntry } from "../runtime/lambda-entry.js";
import { stageDeps } from "../runtime/stage-deps.js";
import { dynamoPurse } from "./dynamo-purse.js";

const { stores, logger } = stageDeps("backfill");
const deps = { results: stores.results, purse: dynamoPurse(new DynamoDBClient(), readBackfillEnv().SPEND_TABLE) };

export const handler = lambdaEntry(BackfillAction, logger, (action) => takeAction(action, deps));
