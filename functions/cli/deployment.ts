import { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { SFNClient } from "@aws-sdk/client-sfn";
import type { ErasableLedger } from "#src/intake/series-ledger.js";
import type { Deployment } from "#src/operate/deployment.js";
import type { ScanStore } from "#src/storage/scan-store.js";
import { dynamoLedger } from "../intake/dynamo-ledger.js";
import { executionsOf } from "../runtime/executions.js";
import { s3Store } from "../runtime/s3-store.js";
import { s3Client } from "../runtime/stage-deps.js";

/** Outputs of the stack. */
export interface CloudPlaces {
  readonly resultBucket: string;
  readonly workBucket: string;
  readonly machine: string;
  /** For commands that look into what intake remembers. */
  readonly scanBucket?: string | undefined;
  readonly ledgerTable?: string | undefined;
  /** What undoes de-identifications, in a deployment that has it. */
  readonly deidBucket?: string | undefined;
  /** Whether locks in governance mode are lifted for what is deleted. */
  readonly liftLocks?: boolean | undefined;
}

/** The buckets and services of one stack. Region and credentials are those of the environment, as of the AWS CLI. */
export function cloudDeployment(places: CloudPlaces): Deployment {
  const { resultBucket, workBucket, machine, scanBucket, ledgerTable, deidBucket, liftLocks = false } = places;
  const client = s3Client();
  return {
    results: s3Store({ client, bucket: resultBucket, liftLocks }),
    work: s3Store({ client, bucket: workBucket }),
    deid: deidBucket === undefined ? null : s3Store({ client, bucket: deidBucket }),
    executions: executionsOf(new SFNClient(), machine),
    ledger: ledgerTable === undefined ? null : ledgerOf(ledgerTable),
    bucket: scanBucket ?? null,
  };
}

/** The results alone, for commands that need nothing else. */
export function cloudResults(bucket: string): ScanStore {
  return s3Store({ client: s3Client(), bucket });
}

function ledgerOf(table: string): ErasableLedger {
  // Nothing is entered from here: no item is given a time to live.
  return dynamoLedger({ client: new DynamoDBClient(), table, retentionDays: 1 });
}
