import { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { BackfillAction } from "#src/backfill/backfill-contract.js";
import { takeAction } from "#src/backfill/settle-scan.js";
import { readBackfillEnv } from "../runtime/env.js";
import { lambdaEntry } from "../runtime/lambda-entry.js";
import { stageDeps } from "../runtime/stage-deps.js";
import { dynamoPurse } from "./dynamo-purse.js";

const own = stageDeps("backfill");
const deps = { results: own.stores.results, purse: dynamoPurse(new DynamoDBClient(), readBackfillEnv().SPEND_TABLE) };

export const handler = lambdaEntry(BackfillAction, own, (action) => takeAction(action, deps));
