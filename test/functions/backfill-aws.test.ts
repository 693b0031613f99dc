import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CreateTableCommand, DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { CreateBucketCommand, PutObjectCommand, S3Client } from "@aws-sdk/client-s3";
import {
  CreateStateMachineCommand,
  DescribeExecutionCommand,
  ListExecutionsCommand,
  SFNClient,
} from "@aws-sdk/client-sfn";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { dynamoPurse } from "#functions/backfill/dynamo-purse.js";
import { s3Store } from "#functions/runtime/s3-store.js";
import { BackfillInput } from "#src/backfill/backfill-contract.js";
import { readDocument } from "#src/stages/documents.js";
import { workKeys } from "#src/storage/keys.js";
import { SourceDocument } from "#src/workflow/contract.js";
import { hasMoto, type MotoServer, startMoto } from "../support/moto-server.js";

const credentials = { accessKeyId: "test", secretAccessKey: "test" };
const region = "us-east-1";

describe.skipIf(!hasMoto)("backfill on AWS (needs moto_server)", () => {
  let moto: MotoServer;
  let s3: S3Client;
  let sfn: SFNClient;
  let machine = "";

  beforeAll(async () => {
    moto = await startMoto();
    const { endpoint } = moto;
    s3 = new S3Client({ endpoint, region, credentials, forcePathStyle: true });
    sfn = new SFNClient({ endpoint, region, credentials });
    for (const Bucket of ["scans", "work", "results"]) await s3.send(new CreateBucketCommand({ Bucket }));
    for (const Key of ["old/a.zip", "old/b/1.dcm", "old/b/2.dcm", "new/c.zip"]) {
      await s3.send(new PutObjectCommand({ Bucket: "scans", Key, Body: Key }));
    }
    const definition = JSON.stringify({ StartAt: "A", States: { A: { Type: "Succeed" } } });
    const roleArn = "arn:aws:iam::123456789012:role/backfill";
    const made = await sfn.send(new CreateStateMachineCommand({ name: "backfill", definition, roleArn }));
    machine = made.stateMachineArn ?? "";
  }, 30_000);
  afterAll(() => {
    s3?.destroy();
    sfn?.destroy();
    moto?.close();
  });

  const backfill = (prefix: string, ...more: string[]) => {
    const options = ["--machine", machine, "--work-bucket", "work", "--result-bucket", "results"];
    const main = ["--conditions=development", "--import", "tsx", "src/cli/main.ts"];
    return spawnSync(process.execPath, [...main, "backfill", `s3://scans/${prefix}`, ...options, ...more], {
      encoding: "utf8",
      env: { ...process.env, ...moto.environment },
    });
  };
  const command = (...more: string[]) => backfill("old/", ...more);
  const started = async () =>
    (await sfn.send(new ListExecutionsCommand({ stateMachineArn: machine }))).executions ?? [];

  it("quotes and starts nothing where nobody agrees", async () => {
    const { stdout, status } = command();
    expect([status, stdout]).toEqual([0, expect.stringMatching(/^2 scans[\s\S]*not known[\s\S]*nothing was started/)]);
    expect(await started()).toEqual([]);
  }, 30_000);

  it("writes what each scan is, and starts the machine with ids and limits alone", async () => {
    const { status, stdout } = command("--yes", "--budget", "12.5", "--concurrency", "7", "--tolerate", "10");
    expect([status, stdout]).toEqual([0, expect.stringContaining("started b-")]);
    const [execution] = await started();
    const { input } = await sfn.send(new DescribeExecutionCommand({ executionArn: execution?.executionArn }));
    expect(input).not.toContain("old");
    const parsed = BackfillInput.parse(JSON.parse(input ?? ""));
    expect(parsed).toMatchObject({ budgetUsd: 12.5, maxConcurrency: 7, toleratedFailurePercentage: 10 });
    const work = s3Store({ client: s3, bucket: "work" });
    const [head, ...ids] = new TextDecoder()
      .decode(await work.get(parsed.itemsKey))
      .trim()
      .split("\n");
    expect([head, ids.length]).toEqual(["scanId", 2]);
    const sources = await Promise.all(ids.map((id) => readDocument(work, workKeys.source(id), SourceDocument)));
    const keys = sources.map(({ objects }) => objects.map(({ key }) => key)).sort();
    expect(keys).toEqual([["old/a.zip"], ["old/b/1.dcm", "old/b/2.dcm"]]);
    expect(sources.map(({ request }) => request.share)).toEqual(["bulk", "bulk"]);
  }, 30_000);

  /** Source documents of all scans, by their first object. */
  const writtenSources = async () => {
    const work = s3Store({ client: s3, bucket: "work" });
    const sources = new Map<string | undefined, SourceDocument[]>();
    for await (const { key } of work.list("s-")) {
      const source = await readDocument(work, key, SourceDocument);
      const first = source.objects[0]?.key;
      sources.set(first, [...(sources.get(first) ?? []), source]);
    }
    return sources;
  };
  const put = (Key: string, Body: string) => s3.send(new PutObjectCommand({ Bucket: "scans", Key, Body }));

  it("asks for what each folder's scan.json asks for, and never again for less than de-identified outputs", async () => {
    await put("asked/scan.json", JSON.stringify({ deidentify: "basic", model: "theirs" }));
    for (const key of ["asked/a.zip", "asked/s/1.dcm"]) await put(key, key);
    expect(backfill("asked/", "--yes").status).toBe(0);
    const [asked, ...others] = (await writtenSources()).get("asked/a.zip") ?? [];
    expect(others).toEqual([]);
    expect(asked?.request).toMatchObject({ deidentify: "basic", model: "theirs", share: "bulk" });
    expect((await writtenSources()).get("asked/s/1.dcm")?.[0]?.request.deidentify).toBeUndefined();

    await put("asked/scan.json", JSON.stringify({ model: "another" }));
    expect(backfill("asked/", "--yes").status).toBe(0);
    const again = (await writtenSources()).get("asked/a.zip") ?? [];
    expect(again.map(({ request }) => [request.model, request.deidentify])).toEqual([["another", "basic"]]);
  }, 60_000);

  it("holds scan.json to the rules of uploads in the deployment's configuration", async () => {
    const root = mkdtempSync(join(tmpdir(), "backfill-config-"));
    const config = join(root, "scanlane.config.json");
    const uploads = { models: ["ours"], prefixes: [{ prefix: "ruled/er/", model: "er-model" }] };
    writeFileSync(config, JSON.stringify({ stage: "prod", uploads }));
    await put("ruled/scan.json", JSON.stringify({ model: "theirs" }));
    for (const key of ["ruled/a.zip", "ruled/er/a.zip"]) await put(key, key);
    expect(backfill("ruled/", "--yes", "--config", config).status).toBe(0);
    const sources = await writtenSources();
    expect(sources.get("ruled/a.zip")?.[0]?.refused?.code).toBe("RequestDenied");
    expect(sources.get("ruled/er/a.zip")?.[0]?.request.model).toBe("er-model");
    rmSync(root, { recursive: true });
  }, 60_000);

  it("sums up exactly what was spent in the table", async () => {
    const dynamo = new DynamoDBClient({ endpoint: moto.endpoint, region, credentials });
    await dynamo.send(
      new CreateTableCommand({
        TableName: "spend",
        BillingMode: "PAY_PER_REQUEST",
        KeySchema: [{ AttributeName: "pk", KeyType: "HASH" }],
        AttributeDefinitions: [{ AttributeName: "pk", AttributeType: "S" }],
      }),
    );
    const purse = dynamoPurse(dynamo, "spend");
    expect(await purse.spent("b")).toEqual({ usd: 0, unpriced: 0 });
    // One after the other: ADD is atomic in DynamoDB, and loses sums that come at once in moto.
    for (let n = 0; n < 10; n++) await purse.add("b", 0.1, 1);
    expect(await purse.spent("b")).toEqual({ usd: 1, unpriced: 10 });
    dynamo.destroy();
  }, 30_000);
});
