import { EventBridgeClient, PutRuleCommand, PutTargetsCommand } from "@aws-sdk/client-eventbridge";
import { CreateBucketCommand, S3Client } from "@aws-sdk/client-s3";
import { CreateTopicCommand, SNSClient, SubscribeCommand } from "@aws-sdk/client-sns";
import { CreateQueueCommand, DeleteMessageCommand, ReceiveMessageCommand, SQSClient } from "@aws-sdk/client-sqs";
import type { SQSBatchResponse, SQSEvent } from "aws-lambda";
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { z } from "zod";
import { s3Store } from "#functions/runtime/s3-store.js";
import { writeDocument } from "#src/stages/documents.js";
import { resultKeys } from "#src/storage/keys.js";
import type { IndexRecord } from "#src/workflow/contract.js";
import { ScanEnded, ScanEvent } from "#src/workflow/scan-events.js";
import { hasMoto, type MotoServer, startMoto } from "../support/moto-server.js";

const SQS = "arn:aws:sqs:us-east-1:123456789012";
const MACHINE = "arn:aws:states:us-east-1:123456789012:stateMachine:scans";
const PLANTED = "Doe^John";
const idOf = (digit: string) => `s-${digit.repeat(40)}`;

/** A message of the queue, with the event as Step Functions has it. */
function ended(scanId: string, attempt: number, status: string, change: Record<string, unknown> = {}) {
  const name = attempt === 1 ? scanId : `${scanId}-a${attempt}`;
  const detail = {
    executionArn: `${MACHINE.replace("stateMachine", "execution")}:${name}`,
    stateMachineArn: MACHINE,
    name,
    status,
    startDate: 1_767_225_600_000,
    stopDate: 1_767_225_660_000,
    input: JSON.stringify({ schemaVersion: 1, scanId, attempt }),
    inputDetails: { included: true },
    output: null,
    ...change,
  };
  const body = { version: "0", source: "aws.states", "detail-type": "Step Functions Execution Status Change", detail };
  return { messageId: name, body: JSON.stringify(body) };
}

describe.skipIf(!hasMoto)("events of scans on real topics, queues and a bus (needs moto_server)", () => {
  let moto: MotoServer;
  let s3: S3Client;
  let sqs: SQSClient;
  let handler: (event: SQSEvent) => Promise<SQSBatchResponse>;
  const urls: Record<string, string> = {};
  const tell = async (...Records: { messageId: string; body: string }[]) =>
    (await handler({ Records } as unknown as SQSEvent)).batchItemFailures.map(({ itemIdentifier }) => itemIdentifier);

  async function line(scanId: string, attempt: number, subject: string, change: Partial<IndexRecord>): Promise<void> {
    const record: IndexRecord = {
      schemaVersion: 1,
      scanId,
      attempt,
      subject,
      source: `ward 7/${PLANTED}.zip`,
      status: "published",
      code: null,
      model: "bright3d",
      volumesMl: {},
      resultKey: null,
      ...change,
    };
    await writeDocument(s3Store({ client: s3, bucket: "results" }), resultKeys.index(scanId, attempt, subject), record);
  }

  /** What is in a queue, which is empty then. */
  async function heard(name: string): Promise<string[]> {
    const texts: string[] = [];
    for (;;) {
      const { Messages = [] } = await sqs.send(
        new ReceiveMessageCommand({ QueueUrl: urls[name], MaxNumberOfMessages: 10 }),
      );
      if (Messages.length === 0) return texts;
      for (const { Body = "", ReceiptHandle } of Messages) {
        texts.push(Body);
        await sqs.send(new DeleteMessageCommand({ QueueUrl: urls[name], ReceiptHandle }));
      }
    }
  }
  const events = async (name: string): Promise<ScanEvent[]> =>
    (await heard(name)).map((text) => ScanEvent.parse(JSON.parse(text)));

  beforeAll(async () => {
    moto = await startMoto();
    for (const [name, value] of Object.entries(moto.environment)) vi.stubEnv(name, value);
    s3 = new S3Client({ forcePathStyle: true });
    sqs = new SQSClient();
    await s3.send(new CreateBucketCommand({ Bucket: "results" }));
    for (const name of ["ended", "all", "aside", "bus"]) {
      urls[name] = (await sqs.send(new CreateQueueCommand({ QueueName: name }))).QueueUrl ?? "";
    }
    const sns = new SNSClient();
    const topic = async (Name: string) => (await sns.send(new CreateTopicCommand({ Name }))).TopicArn ?? "";
    const [endedTopic, eventTopic] = [await topic("ended"), await topic("events")];
    const subscribe = (TopicArn: string, queue: string, filter: Record<string, string> = {}) =>
      sns.send(
        new SubscribeCommand({
          TopicArn,
          Protocol: "sqs",
          Endpoint: `${SQS}:${queue}`,
          Attributes: { RawMessageDelivery: "true", ...filter },
        }),
      );
    await subscribe(endedTopic, "ended");
    await subscribe(eventTopic, "all");
    await subscribe(eventTopic, "aside", { FilterPolicy: JSON.stringify({ event: ["quarantined"] }) });
    const bus = new EventBridgeClient();
    const EventPattern = JSON.stringify({ source: ["scanlane"], "detail-type": ["Scan Ended"], resources: [MACHINE] });
    await bus.send(new PutRuleCommand({ Name: "scans", EventPattern }));
    await bus.send(new PutTargetsCommand({ Rule: "scans", Targets: [{ Id: "q", Arn: `${SQS}:bus` }] }));
    for (const client of [sns, bus]) client.destroy();
    const own = {
      SCAN_BUCKET: "uploads",
      WORK_BUCKET: "work",
      RESULT_BUCKET: "results",
      MODELS_DIR: "models",
      PROVIDER: "cpu",
      ENDED_TOPIC_ARN: endedTopic,
      EVENTS_TOPIC_ARN: eventTopic,
      EVENT_BUS_ARN: "arn:aws:events:us-east-1:123456789012:event-bus/default",
    };
    for (const [name, value] of Object.entries(own)) vi.stubEnv(name, value);
    ({ handler } = await import("#functions/announce/handler.js"));
  }, 60_000);
  afterEach(() => vi.restoreAllMocks());
  afterAll(() => {
    for (const client of [s3, sqs]) client?.destroy();
    moto?.close();
    vi.unstubAllEnvs();
  });

  it("tell of a published scan on both topics and the bus, with what consumers of the first version read", async () => {
    const scanId = idOf("1");
    await line(scanId, 1, "t0", { resultKey: "r-1/result.json" });
    expect(await tell(ended(scanId, 1, "SUCCEEDED"))).toEqual([]);
    const [event] = await events("ended");
    expect(event).toMatchObject({
      // The first version had these three.
      ...{ schemaVersion: 1, execution: scanId, status: "SUCCEEDED" },
      ...{ event: "ended", scanId, attempt: 1, time: "2026-01-01T00:01:00.000Z", quarantined: 0 },
      published: [{ subject: "t0", resultKey: "r-1/result.json" }],
    });
    expect(await events("all")).toEqual([event]);
    expect(await events("aside")).toEqual([]);
    const [envelope] = (await heard("bus")).map((text) => JSON.parse(text));
    expect(envelope).toMatchObject({ source: "scanlane", resources: [MACHINE] });
    expect(ScanEnded.parse(envelope.detail)).toEqual(event);
  }, 30_000);

  it("tell of what was set aside to those who asked for it, and of no file's name", async () => {
    const scanId = idOf("2");
    await line(scanId, 1, "t0", { resultKey: "r-2/result.json" });
    await line(scanId, 2, "t0", { resultKey: "r-2/result.json" });
    await line(scanId, 2, "t1", { status: "quarantined", code: "StoreBusy" });
    const written = vi.spyOn(process.stdout, "write").mockReturnValue(true);
    expect(await tell(ended(scanId, 2, "FAILED"))).toEqual([]);
    const lines = written.mock.calls.map(([text]) => String(text));
    const aside = {
      event: "quarantined",
      execution: `${scanId}-a2`,
      items: [{ subject: "t1", code: "StoreBusy", retryable: true, recordKey: `quarantine/${scanId}/a2-t1.json` }],
    };
    expect(await events("aside")).toMatchObject([aside]);
    const all = await heard("all");
    expect(all.map((text) => JSON.parse(text).event).sort()).toEqual(["ended", "quarantined"]);
    const told = [...lines, ...all, ...(await heard("ended")), ...(await heard("bus"))].join("\n");
    expect(told).toContain(`"correlation_id":"${scanId}-a2"`);
    expect(told).not.toMatch(/Doe|ward/);
  }, 30_000);

  it("tell of a version that another takes the place of, once that one is published", async () => {
    const [old, next] = [idOf("3"), idOf("4")];
    const completeness = { evidence: "quiet-period", instances: 20, supersedes: old } as const;
    await line(next, 1, "scan", { status: "quarantined", code: "SeriesGap", completeness });
    expect(await tell(ended(next, 1, "FAILED"))).toEqual([]);
    expect((await events("all")).map(({ event }) => event).sort()).toEqual(["ended", "quarantined"]);
    await line(next, 2, "t0", { resultKey: "r-4/result.json", completeness });
    expect(await tell(ended(next, 2, "SUCCEEDED"))).toEqual([]);
    const [superseded] = (await events("all")).filter(({ event }) => event === "superseded");
    expect(superseded).toMatchObject({ scanId: old, supersededBy: next });
  }, 30_000);

  it("have the same id however often they are delivered, and another for another attempt", async () => {
    const scanId = idOf("5");
    for (const attempt of [1, 2]) await line(scanId, attempt, "t0", { resultKey: "r-5/result.json" });
    await heard("ended");
    await tell(ended(scanId, 1, "SUCCEEDED"), ended(scanId, 1, "SUCCEEDED"), ended(scanId, 2, "SUCCEEDED"));
    const ids = (await events("ended")).map(({ eventId }) => eventId);
    expect([ids.length, new Set(ids).size]).toEqual([3, 2]);
  }, 30_000);

  it("tell of an execution that was stopped or ran out of time, and left no line", async () => {
    await heard("ended");
    await tell(ended(idOf("6"), 1, "TIMED_OUT"), ended(idOf("7"), 1, "ABORTED"));
    const told = (await events("ended")).map((event) => event.event === "ended" && event.status);
    expect(told.sort()).toEqual(["ABORTED", "TIMED_OUT"]);
  }, 30_000);

  it("count executions that left no record of what they failed by, and no others", async () => {
    const written = vi.spyOn(process.stdout, "write").mockReturnValue(true);
    const said = vi.spyOn(console, "log").mockReturnValue();
    const counts = async (status: string, change: Record<string, unknown> = {}): Promise<number> => {
      for (const spy of [written, said]) spy.mockClear();
      await tell(ended(idOf("a"), 1, status, change));
      const lines = [...written.mock.calls, ...said.mock.calls].map(([text]) => String(text));
      return lines.filter((text) => text.includes('"ScansUnrecorded":1')).length;
    };
    expect(await counts("FAILED", { error: "QuarantineFailed", cause: "the quarantine record of a scan" })).toBe(1);
    // An execution that ends by itself runs no state for what it failed by.
    expect(await counts("FAILED", { error: "States.Runtime" })).toBe(1);
    expect(await counts("FAILED", { error: "Quarantined" })).toBe(0);
    expect(await counts("SUCCEEDED", { error: null })).toBe(0);
    expect(await counts("ABORTED")).toBe(0);
    await heard("ended");
  }, 30_000);

  it("come again where one was not understood or could not be told, and the others are told", async () => {
    await heard("ended");
    const written = vi.spyOn(process.stderr, "write").mockReturnValue(true);
    const odd = ended(idOf("8"), 1, "FAILED", { input: JSON.stringify({ name: PLANTED }) });
    const none = { messageId: "none", body: PLANTED };
    expect(await tell(odd, none, ended(idOf("9"), 1, "FAILED"))).toEqual([odd.messageId, "none"]);
    expect(z.array(ScanEnded).parse(await events("ended"))).toHaveLength(1);
    const lines = written.mock.calls.map(([text]) => String(text)).join("");
    expect(lines).toContain("ContractViolation");
    expect(lines).not.toContain(PLANTED);
  }, 30_000);
});
