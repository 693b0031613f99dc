import { spawn } from "node:child_process";
import { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import {
  CreateBucketCommand,
  ListObjectVersionsCommand,
  PutBucketVersioningCommand,
  PutObjectLockConfigurationCommand,
  S3Client,
} from "@aws-sdk/client-s3";
import { CreateStateMachineCommand, ListExecutionsCommand, SFNClient, StopExecutionCommand } from "@aws-sdk/client-sfn";
import { CreateQueueCommand, ReceiveMessageCommand, SQSClient } from "@aws-sdk/client-sqs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { s3Store } from "#functions/runtime/s3-store.js";
import { parseUploadEvents } from "#src/intake/upload-events.js";
import { deidKeys } from "#src/storage/keys.js";
import { CLI } from "../support/cli.js";
import { createLedgerTable } from "../support/ledger-table.js";
import { hasMoto, type MotoServer, startMoto } from "../support/moto-server.js";
import { OperatedScans, resultIdOf, scanIdOf } from "../support/operated-scans.js";

const credentials = { accessKeyId: "test", secretAccessKey: "test" };
const region = "us-east-1";
const [first, second] = [scanIdOf(1), scanIdOf(2)];

describe.skipIf(!hasMoto)("an operator's commands on AWS (needs moto_server)", () => {
  let moto: MotoServer;
  let s3: S3Client;
  let sfn: SFNClient;
  let scans: OperatedScans;
  let machine = "";

  beforeAll(async () => {
    moto = await startMoto();
    const { endpoint } = moto;
    s3 = new S3Client({ endpoint, region, credentials, forcePathStyle: true });
    sfn = new SFNClient({ endpoint, region, credentials });
    await s3.send(new CreateBucketCommand({ Bucket: "work" }));
    await s3.send(new PutBucketVersioningCommand({ Bucket: "work", VersioningConfiguration: { Status: "Enabled" } }));
    await s3.send(new CreateBucketCommand({ Bucket: "deid" }));
    await s3.send(new PutBucketVersioningCommand({ Bucket: "deid", VersioningConfiguration: { Status: "Enabled" } }));
    await s3.send(new CreateBucketCommand({ Bucket: "results", ObjectLockEnabledForBucket: true }));
    // As a deployment with `resultLockDays` has it.
    const Rule = { DefaultRetention: { Mode: "GOVERNANCE", Days: 30 } } as const;
    const ObjectLockConfiguration = { ObjectLockEnabled: "Enabled", Rule } as const;
    await s3.send(new PutObjectLockConfigurationCommand({ Bucket: "results", ObjectLockConfiguration }));
    const definition = JSON.stringify({ StartAt: "A", States: { A: { Type: "Succeed" } } });
    const roleArn = "arn:aws:iam::123456789012:role/scans";
    machine =
      (await sfn.send(new CreateStateMachineCommand({ name: "scans", definition, roleArn }))).stateMachineArn ?? "";
    const dynamo = new DynamoDBClient({ endpoint, region, credentials });
    await createLedgerTable(dynamo, "ledger");
    dynamo.destroy();
    const stores = {
      work: s3Store({ client: s3, bucket: "work" }),
      results: s3Store({ client: s3, bucket: "results" }),
      deid: s3Store({ client: s3, bucket: "deid" }),
    };
    scans = new OperatedScans(stores);
    for (const scanId of [first, second]) await scans.takenIn(scanId);
    await scans.task(first, 1, "t0", resultIdOf(1), ["preprocess", "segment", "postprocess", "publish"]);
    await scans.published(first, 1, "t0", resultIdOf(1), "ward 7/a.zip");
    await scans.setAside(second, 1, "scan", "StoreBusy", "ward 8/b.zip");
  }, 60_000);
  afterAll(() => {
    s3?.destroy();
    sfn?.destroy();
    moto?.close();
  });

  const command = (...args: string[]) => {
    const child = spawn(process.execPath, [CLI, ...args], { env: { ...process.env, ...moto.environment } });
    let [stdout, stderr] = ["", ""];
    child.stdout.on("data", (chunk) => {
      stdout += chunk;
    });
    child.stderr.on("data", (chunk) => {
      stderr += chunk;
    });
    return new Promise<{ code: number | null; stdout: string; stderr: string }>((resolve) => {
      child.once("close", (code) => resolve({ code, stdout, stderr }));
    });
  };
  const inResults = ["--result-bucket", "results"];
  const inStack = () => ["--machine", machine, "--work-bucket", "work", ...inResults];
  const inLedger = ["--scan-bucket", "uploads", "--ledger-table", "ledger"];
  const versions = async (Bucket: string) => {
    const { Versions = [], DeleteMarkers = [] } = await s3.send(new ListObjectVersionsCommand({ Bucket }));
    return [...Versions, ...DeleteMarkers].map(({ Key = "" }) => Key).sort();
  };
  const started = async () => {
    const { executions = [] } = await sfn.send(new ListExecutionsCommand({ stateMachineArn: machine }));
    return executions.map(({ name }) => name);
  };

  it("asks the bucket what was run, and what is set aside", async () => {
    const [lines, quarantined] = await Promise.all([
      command("results", "--source", "ward 7/", "--json", ...inResults),
      command("quarantine", "list", ...inResults),
    ]);
    expect(JSON.parse(lines.stdout)).toMatchObject({ scanId: first, resultKey: `${resultIdOf(1)}/result.json` });
    expect(quarantined.stdout).toContain(`${second}  scan   segment  StoreBusy`);
    expect(quarantined.stdout).not.toContain("ward");
  }, 60_000);

  it("starts another attempt of what one outage set aside, once", async () => {
    const all = ["quarantine", "retry", "--code", "StoreBusy", ...inStack()];
    const unsure = await command(...all);
    expect([unsure.code, unsure.stderr, await started()]).toEqual([64, expect.stringContaining("1 scans"), []]);
    expect((await command(...all, "--yes")).stdout).toBe(`started ${second}-a2\n`);
    const again = await command(...all, "--yes");
    expect([again.code, again.stderr, await started()]).toEqual([
      75,
      expect.stringContaining(`${second}: ScanRunning: attempt 2`),
      [`${second}-a2`],
    ]);
    expect((await command("delete", second, ...inStack(), ...inLedger, "--yes")).code).toBe(75);
    const executionArn = `${machine.replace(":stateMachine:", ":execution:")}:${second}-a2`;
    await sfn.send(new StopExecutionCommand({ executionArn }));
    const status = await command("status", second, ...inStack());
    expect([status.code, status.stdout]).toEqual([75, expect.stringMatching(/left no record[\s\S]*ABORTED/)]);
  }, 120_000);

  it("removes nothing that S3 Object Lock holds, and all of it where a lock is lifted", async () => {
    const before = [await versions("work"), await versions("results")];
    const remove = ["delete", first, ...inStack(), ...inLedger, "--yes"];
    const held = await command(...remove);
    expect([held.code, held.stderr]).toEqual([78, expect.stringMatching(/StoreLocked: S3 Object Lock holds 1 of 1/)]);
    expect([await versions("work"), await versions("results")]).toEqual(before);
    const lifted = await command(...remove, "--lift-locks");
    expect([lifted.code, lifted.stdout]).toEqual([0, expect.stringContaining("removed: 2 files of results")]);
    const left = [...(await versions("work")), ...(await versions("results"))];
    expect(left.filter((key) => key.includes(first) || key.includes(resultIdOf(1)))).toEqual([]);
    expect(left.filter((key) => key.includes(second))).toHaveLength(3);
  }, 120_000);

  it("says that a scan is held, and has intake start it", async () => {
    const held = scanIdOf(3);
    await scans.held(held, "2026-01-02");
    const sqs = new SQSClient({ endpoint: moto.endpoint, region, credentials });
    const { QueueUrl = "" } = await sqs.send(new CreateQueueCommand({ QueueName: "intake" }));
    const status = await command("status", held, ...inStack());
    expect([status.code, status.stdout]).toEqual([75, expect.stringMatching(/: held\n.*2026-01-02 \(UTC\)/)]);
    expect((await command("results", ...inResults)).stdout).toContain("1 scans held");
    const [list, named] = await Promise.all([
      command("held", "list", ...inResults),
      command("held", "list", "--names", ...inResults),
    ]);
    expect(list.stdout).toMatch(new RegExp(`${held} +2026-01-02 +1\n1 held\n$`));
    expect(named.stdout).toContain("ward 7/doe.zip");
    const release = await command("held", "release", held, second, ...inResults, "--to", QueueUrl);
    expect([release.code, release.stderr]).toEqual([65, expect.stringContaining(`${second}: StoreMissing`)]);
    expect(release.stdout).toBe(`${held}: intake was asked to start it\n`);
    const { Messages = [] } = await sqs.send(new ReceiveMessageCommand({ QueueUrl, MaxNumberOfMessages: 10 }));
    const events = Messages.map(({ Body = "" }) => parseUploadEvents(Body));
    expect(events).toEqual([[{ kind: "release", scanId: held, time: 0, isForced: true }]]);
    sqs.destroy();
    const deleted = await command("delete", held, ...inStack(), ...inLedger, "--lift-locks", "--yes");
    expect([deleted.code, deleted.stdout]).toEqual([0, expect.stringContaining("what it was held with")]);
    expect([...(await versions("work")), ...(await versions("results"))].join()).not.toContain(held);
  }, 120_000);

  it("removes what undoes a de-identification only where its bucket is named, and leaves the secret", async () => {
    const scanId = scanIdOf(4);
    await scans.takenIn(scanId);
    await scans.deidentified(scanId, "t0", resultIdOf(4), resultIdOf(5));
    await s3Store({ client: s3, bucket: "deid" }).put(deidKeys.secret, new Uint8Array(64));
    expect((await command("status", scanId, ...inStack())).stdout).toContain(`published as ${resultIdOf(5)}`);
    const remove = ["delete", scanId, ...inStack(), ...inLedger, "--lift-locks", "--yes"];
    const blind = await command(...remove);
    expect([blind.code, blind.stderr]).toEqual([65, expect.stringContaining("--deid-bucket")]);
    const deleted = await command(...remove, "--deid-bucket", "deid");
    expect([deleted.code, deleted.stdout]).toEqual([0, expect.stringContaining("2 UID maps and records")]);
    expect(await versions("deid")).toEqual([deidKeys.secret]);
    expect((await versions("results")).filter((key) => key.includes(resultIdOf(5)))).toEqual([]);
  }, 120_000);

  it("says what is missing on the command line, and in the account", async () => {
    const half = await command("delete", first, ...inStack(), "--yes");
    expect([half.code, half.stderr]).toEqual([64, expect.stringMatching(/needs --scan-bucket, --ledger-table/)]);
    const elsewhere = await command("results", "--result-bucket", "no-such-bucket");
    expect([elsewhere.code, elsewhere.stderr]).toEqual([78, expect.stringContaining("NoSuchBucket (404)")]);
    const typo = await command("quarantine", "list", "--code", "StoreBuzy", ...inResults);
    expect([typo.code, typo.stderr]).toEqual([64, expect.stringContaining("StoreBuzy is no code")]);
  }, 60_000);
});
