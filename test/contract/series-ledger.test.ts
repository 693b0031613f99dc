import { DynamoDBClient, ScanCommand } from "@aws-sdk/client-dynamodb";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { dynamoLedger } from "#functions/intake/dynamo-ledger.js";
import type { SeriesInstance } from "#src/intake/completeness.js";
import { memoryLedger } from "#src/intake/memory-ledger.js";
import { createLedgerTable } from "../support/ledger-table.js";
import { hasMoto, type MotoServer, startMoto } from "../support/moto-server.js";
import { describeSeriesLedger } from "./series-ledger.suite.js";

describeSeriesLedger("memory", async () => {
  const ledger = memoryLedger();
  return { ledger, another: () => ledger };
});

describe.skipIf(!hasMoto)("on a real DynamoDB server (needs moto_server)", () => {
  let moto: MotoServer;
  let client: DynamoDBClient;
  let tables = 0;

  beforeAll(async () => {
    moto = await startMoto();
    const credentials = { accessKeyId: "test", secretAccessKey: "test" };
    // One connection: moto serves several in threads, and looks at a condition and writes in two steps, as DynamoDB does not.
    const requestHandler = { httpAgent: { maxSockets: 1 }, socketAcquisitionWarningTimeout: 60_000 };
    client = new DynamoDBClient({ endpoint: moto.endpoint, region: "us-east-1", credentials, requestHandler });
  }, 30_000);
  afterAll(() => {
    client?.destroy();
    moto?.close();
  });

  async function freshTable(): Promise<string> {
    const TableName = `ledger-${++tables}`;
    await createLedgerTable(client, TableName);
    return TableName;
  }

  describeSeriesLedger("DynamoDB", async () => {
    const table = await freshTable();
    const another = () => dynamoLedger({ client, table, retentionDays: 30 });
    return { ledger: another(), another };
  });

  it("reads no more of a series than is of use", async () => {
    const ledger = dynamoLedger({ client, table: await freshTable(), retentionDays: 30, maxInstances: 3 });
    const place = { bucket: "b", folder: "", series: "1" };
    for (let n = 0; n < 6; n++) {
      const object = { key: String(n), version: "v", size: 1 };
      const facts = { sha256: "a".repeat(64), order: "1", seenAt: 1, place: null, declared: null };
      await ledger.record("q-1", place, { uid: String(n), object, ...facts });
    }
    const series = await ledger.read("q-1");
    expect([series?.instances.length, series?.head.place]).toEqual([4, place]);
  });

  it("reads records of series that began before steps, numbers and contrasts were kept", async () => {
    const ledger = dynamoLedger({ client, table: await freshTable(), retentionDays: 30 });
    const seriesPlace = { bucket: "b", folder: "", series: "1" };
    const place = { positionLps: [0, 0, 1], orientationLps: [1, 0, 0, 0, 1, 0], thicknessMm: 2 };
    const facts = { sha256: "a".repeat(64), order: "1", seenAt: 1, declared: null };
    const before = { uid: "1", object: { key: "k", version: "v", size: 1 }, ...facts, place };
    await ledger.record("q-1", seriesPlace, before as unknown as SeriesInstance);
    const [read] = (await ledger.read("q-1"))?.instances ?? [];
    expect(read?.place).toEqual({ ...place, declaredStepMm: null, number: null, contrast: {} });
  });

  it("forgets each item after the days that were asked for", async () => {
    const table = await freshTable();
    await dynamoLedger({ client, table, retentionDays: 30 }).remember("o-1");
    const { Items = [] } = await client.send(new ScanCommand({ TableName: table }));
    const days = (Number(Items[0]?.expiresAt?.N) - Date.now() / 1000) / (24 * 3600);
    expect(days).toBeCloseTo(30, 2);
  });
});
