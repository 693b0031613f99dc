import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import {
  CreateBucketCommand,
  DeleteObjectCommand,
  PutBucketNotificationConfigurationCommand,
  PutBucketVersioningCommand,
  PutObjectCommand,
  S3Client,
} from "@aws-sdk/client-s3";
import {
  CreateScheduleGroupCommand,
  DeleteScheduleCommand,
  GetScheduleCommand,
  ListSchedulesCommand,
  SchedulerClient,
} from "@aws-sdk/client-scheduler";
import { CreateStateMachineCommand, ListExecutionsCommand, SFNClient, StopExecutionCommand } from "@aws-sdk/client-sfn";
import {
  CreateQueueCommand,
  DeleteMessageCommand,
  GetQueueAttributesCommand,
  ReceiveMessageCommand,
  SendMessageCommand,
  SQSClient,
} from "@aws-sdk/client-sqs";
import type { Context, SQSEvent } from "aws-lambda";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { deadLetters, redrive } from "#functions/cli/dead-letters.js";
import { s3Store } from "#functions/runtime/s3-store.js";
import { scanIdOfObject } from "#src/core/ids.js";
import { silentLogger } from "#src/core/logger.js";
import { folderModels } from "#src/model/model-library.js";
import { readDocument, writeDocument } from "#src/stages/documents.js";
import { inspect } from "#src/stages/inspect.js";
import { openUpload } from "#src/stages/source-upload.js";
import { workKeys } from "#src/storage/keys.js";
import { SourceDocument } from "#src/workflow/contract.js";
import { scanlane } from "../support/cli.js";
import { createLedgerTable } from "../support/ledger-table.js";
import { hasMoto, type MotoServer, startMoto } from "../support/moto-server.js";
import { phantomSeries } from "../support/phantom-series.js";
import { brightManifest, brightNetwork, modelsFolderWith } from "../support/tiny-models.js";

const ACCOUNT = "arn:aws:sqs:us-east-1:123456789012";
const DELIVERIES = 2;

describe.skipIf(!hasMoto)("intake on real queues, buckets and tables (needs moto_server)", () => {
  let moto: MotoServer;
  let s3: S3Client;
  let sqs: SQSClient;
  let sfn: SFNClient;
  let scheduler: SchedulerClient;
  let queue: string;
  let dead: string;
  let machine: string;
  let models: string;
  let handler: typeof import("#functions/intake/handler.js").handler;

  beforeAll(async () => {
    moto = await startMoto();
    for (const [name, value] of Object.entries(moto.environment)) vi.stubEnv(name, value);
    s3 = new S3Client({ forcePathStyle: true });
    [sqs, sfn, scheduler] = [new SQSClient(), new SFNClient(), new SchedulerClient()];
    for (const Bucket of ["uploads", "work", "results"]) await s3.send(new CreateBucketCommand({ Bucket }));
    dead = (await sqs.send(new CreateQueueCommand({ QueueName: "dead" }))).QueueUrl ?? "";
    const RedrivePolicy = JSON.stringify({ deadLetterTargetArn: `${ACCOUNT}:dead`, maxReceiveCount: DELIVERIES });
    const Attributes = { RedrivePolicy, VisibilityTimeout: "0" };
    queue = (await sqs.send(new CreateQueueCommand({ QueueName: "intake", Attributes }))).QueueUrl ?? "";
    await s3.send(
      new PutBucketNotificationConfigurationCommand({
        Bucket: "uploads",
        NotificationConfiguration: {
          QueueConfigurations: [{ QueueArn: `${ACCOUNT}:intake`, Events: ["s3:ObjectCreated:*"] }],
        },
      }),
    );
    await createLedgerTable(new DynamoDBClient(), "ledger");
    await scheduler.send(new CreateScheduleGroupCommand({ Name: "checks" }));
    machine = "arn:aws:states:us-east-1:123456789012:stateMachine:scans";
    const network = brightNetwork();
    models = await modelsFolderWith(
      [{ manifest: brightManifest(network), network }],
      [{ format: "dicom", modality: "MR", model: "bright3d" }],
    );
    const own = {
      SCAN_BUCKET: "uploads",
      WORK_BUCKET: "work",
      RESULT_BUCKET: "results",
      MODELS_DIR: models,
      PROVIDER: "cpu",
      STATE_MACHINE_ARN: machine,
      LEDGER_TABLE: "ledger",
      LEDGER_DAYS: "30",
      QUIET_SECONDS: "60",
      MAX_WAIT_SECONDS: "600",
      SCHEDULE_GROUP: "checks",
      UPLOAD_RULES: "{}",
      SCHEDULE_ROLE_ARN: "arn:aws:iam::123456789012:role/sender",
      QUEUE_ARN: `${ACCOUNT}:intake`,
      DEAD_LETTER_ARN: `${ACCOUNT}:dead`,
    };
    for (const [name, value] of Object.entries(own)) vi.stubEnv(name, value);
    ({ handler } = await import("#functions/intake/handler.js"));
  }, 60_000);
  afterAll(() => {
    for (const client of [s3, sqs, sfn, scheduler]) client?.destroy();
    moto?.close();
    vi.unstubAllEnvs();
  });

  const createMachine = () =>
    sfn.send(
      new CreateStateMachineCommand({
        name: "scans",
        roleArn: "arn:aws:iam::123456789012:role/workflow",
        definition: JSON.stringify({ StartAt: "Wait", States: { Wait: { Type: "Wait", Seconds: 1, End: true } } }),
      }),
    );

  /** Hands messages to the function as Lambda does it, each batch twice, until the queue is empty. */
  async function drain(): Promise<void> {
    for (;;) {
      const answer = await sqs.send(new ReceiveMessageCommand({ QueueUrl: queue, MaxNumberOfMessages: 10 }));
      const messages = answer.Messages ?? [];
      if (messages.length === 0) return;
      const Records = messages.map(({ MessageId = "", Body = "" }) => ({ messageId: MessageId, body: Body }));
      const failed = await deliver(Records);
      await deliver(Records.toReversed());
      for (const { MessageId, ReceiptHandle } of messages) {
        if (failed.includes(MessageId ?? "")) continue;
        await sqs.send(new DeleteMessageCommand({ QueueUrl: queue, ReceiptHandle }));
      }
    }
  }

  async function deliver(Records: readonly { messageId: string; body: string }[]): Promise<string[]> {
    const context = { getRemainingTimeInMillis: () => 60_000 } as Context;
    const { batchItemFailures } = await handler({ Records } as unknown as SQSEvent, context);
    return batchItemFailures.map(({ itemIdentifier }) => itemIdentifier);
  }

  async function executions(): Promise<string[]> {
    const { executions = [] } = await sfn.send(new ListExecutionsCommand({ stateMachineArn: machine }));
    return executions.map(({ name = "" }) => name);
  }

  /** Does what Scheduler does when the time of its schedules has come. @returns how many there were */
  async function fireSchedules(): Promise<number> {
    const { Schedules = [] } = await scheduler.send(new ListSchedulesCommand({ GroupName: "checks" }));
    for (const { Name } of Schedules) {
      const { Target, ActionAfterCompletion } = await scheduler.send(
        new GetScheduleCommand({ GroupName: "checks", Name }),
      );
      expect([Target?.Arn, ActionAfterCompletion]).toEqual([`${ACCOUNT}:intake`, "DELETE"]);
      await sqs.send(new SendMessageCommand({ QueueUrl: queue, MessageBody: Target?.Input }));
      await scheduler.send(new DeleteScheduleCommand({ GroupName: "checks", Name }));
    }
    return Schedules.length;
  }

  /** By the AWS CLI where there is one: another client than ours. */
  async function upload(folder: string, keys: readonly string[]): Promise<void> {
    const args = ["s3", "cp", "--recursive", "--quiet", folder, "s3://uploads/"];
    const copied = spawnSync("aws", args, { encoding: "utf8" });
    if (copied.error === undefined) {
      expect(copied.stderr).toBe("");
      return;
    }
    for (const Key of keys) {
      await s3.send(new PutObjectCommand({ Bucket: "uploads", Key, Body: readFileSync(join(folder, Key)) }));
    }
  }

  const stores = () => ({
    source: s3Store({ client: s3, bucket: "uploads", keys: "any" }),
    work: s3Store({ client: s3, bucket: "work" }),
    results: s3Store({ client: s3, bucket: "results" }),
  });
  const stageDeps = () =>
    ({ stores: stores(), models: folderModels(models), logger: silentLogger, provider: "cpu" }) as const;

  it("gives up on messages while the workflow is missing; redriven, each scan is started once", async () => {
    const keys = ["a//b.zip", "ward 7/Doe^John+ü%41.zip"];
    for (const Key of keys) await s3.send(new PutObjectCommand({ Bucket: "uploads", Key, Body: "bytes" }));
    for (let n = 0; n <= DELIVERIES; n++) await drain();
    const letters = await deadLetters(sqs, dead);
    expect(letters.map(({ kind }) => kind)).toEqual(["upload", "upload"]);
    expect(JSON.stringify(letters)).not.toMatch(/Doe|ward/);

    await createMachine();
    const listed = await scanlane(["dlq", "list", "--from", dead]);
    expect(listed).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/upload {2}s-[0-9a-f]{40}\n[\s\S]*2 dead letters/),
    });
    const again = await scanlane(["dlq", "redrive", "--from", dead, "--to", queue]);
    expect(again).toMatchObject({ code: 0, stdout: "2 messages were sent to the intake queue again\n" });
    expect(await redrive(sqs, dead, queue)).toBe(0);
    await drain();
    const names = await executions();
    expect(names).toHaveLength(2);
    expect(names.sort()).toEqual(letters.map(({ subject }) => subject).sort());
    const sources = await Promise.all(
      names.map((name) => readDocument(stores().work, workKeys.source(name), SourceDocument)),
    );
    expect(sources.flatMap(({ objects }) => objects.map(({ key }) => key)).sort()).toEqual(keys.sort());
    for (const name of names) {
      const { entries } = await openUpload(name, stageDeps());
      expect(new TextDecoder().decode(await entries[0]?.read())).toBe("bytes");
    }
    const { Attributes } = await sqs.send(
      new GetQueueAttributesCommand({ QueueUrl: queue, AttributeNames: ["ApproximateNumberOfMessages"] }),
    );
    expect(Attributes?.ApproximateNumberOfMessages).toBe("0");
  }, 60_000);

  it("runs a series of loose files once, and again with a late slice when the first run has ended", async () => {
    const before = await executions();
    const files = phantomSeries({ size: [6, 5, 6] }).sort((a, b) => Number(a.name.slice(1)) - Number(b.name.slice(1)));
    const folder = mkdtempSync(join(tmpdir(), "loose-"));
    const at = (n: number) => `in box/é+${n}.dcm`;
    mkdirSync(join(folder, "in box"));
    for (const [n, { bytes }] of files.slice(0, 5).entries()) writeFileSync(join(folder, at(n)), bytes);
    await upload(folder, [0, 1, 2, 3, 4].map(at));
    await drain();
    expect(await executions()).toEqual(before);
    expect(await fireSchedules()).toBe(1);
    await drain();
    const [first = ""] = (await executions()).filter((name) => !before.includes(name));
    const source = await readDocument(stores().work, workKeys.source(first), SourceDocument);
    expect(source.objects.map(({ key }) => key)).toEqual([0, 1, 2, 3, 4].map(at));
    expect(source.completeness).toEqual({ evidence: "quiet-period", instances: 5, supersedes: null });
    expect((await inspect({ scanId: first, attempt: 1 }, stageDeps())).tasks).toHaveLength(1);

    await s3.send(new PutObjectCommand({ Bucket: "uploads", Key: at(5), Body: files[5]?.bytes ?? "" }));
    await drain();
    // The first run is still in flight: the check of the late slice arranges another.
    expect(await fireSchedules()).toBe(1);
    await drain();
    expect(await executions()).toHaveLength(before.length + 1);
    const executionArn = `${machine.replace(":stateMachine:", ":execution:")}:${first}`;
    await sfn.send(new StopExecutionCommand({ executionArn }));
    expect(await fireSchedules()).toBe(1);
    await drain();
    const [second = ""] = (await executions()).filter((name) => ![...before, first].includes(name));
    const later = await readDocument(stores().work, workKeys.source(second), SourceDocument);
    expect(later.completeness).toEqual({ evidence: "quiet-period", instances: 6, supersedes: first });
    expect(await fireSchedules()).toBe(0);

    const promised = { ...later, refused: { code: "SeriesIncomplete" as const, message: "one is missing" } };
    await writeDocument(stores().work, workKeys.source(second), promised);
    await expect(inspect({ scanId: second, attempt: 1 }, stageDeps())).rejects.toMatchObject({
      code: "SeriesIncomplete",
      message: "one is missing",
    });
  }, 60_000);

  it("reads what was there when the event was sent, and nothing that was deleted", async () => {
    await s3.send(
      new PutBucketVersioningCommand({ Bucket: "uploads", VersioningConfiguration: { Status: "Enabled" } }),
    );
    const put = async (Key: string, Body: string) =>
      (await s3.send(new PutObjectCommand({ Bucket: "uploads", Key, Body }))).VersionId ?? "";
    const first = await put("v/a.zip", "first");
    const second = await put("v/a.zip", "second, longer");
    const gone = await put("v/gone.zip", "x");
    await s3.send(new DeleteObjectCommand({ Bucket: "uploads", Key: "v/gone.zip" }));
    const event = (key: string, version: string) => ({
      messageId: version,
      body: JSON.stringify({
        time: "2026-01-01T00:00:00Z",
        detail: { bucket: { name: "uploads" }, object: { key, "version-id": version, etag: "e", sequencer: "0" } },
      }),
    });
    const ids = [first, second].map((version) => scanIdOfObject("uploads", "v/a.zip", version));
    expect(await deliver([event("v/a.zip", second), event("v/gone.zip", gone), event("v/a.zip", first)])).toEqual([]);
    const texts = await Promise.all(
      ids.map(async (id) => {
        const { entries } = await openUpload(id, stageDeps());
        return new TextDecoder().decode(await entries[0]?.read());
      }),
    );
    expect(texts).toEqual(["first", "second, longer"]);
    expect(await executions()).not.toContain(scanIdOfObject("uploads", "v/gone.zip", gone));
    expect(await executions()).toEqual(expect.arrayContaining(ids));

    // Without versions: the bytes by their ETag, or none.
    const byTag = stores().source;
    await put("v/b.zip", "now");
    await expect(byTag.get("v/b.zip", undefined, `"${"0".repeat(32)}" 1`)).rejects.toMatchObject({
      code: "StoreMissing",
    });
    expect(await byTag.head("v/b.zip", "no-such-version")).toBeNull();
    // An event without any of these is not lost.
    expect(await byTag.head("v/b.zip", " 1")).toEqual({ key: "v/b.zip", size: 3 });
  }, 60_000);
});
