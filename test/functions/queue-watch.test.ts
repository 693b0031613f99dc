import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { BatchClient } from "@aws-sdk/client-batch";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { QueueEvent, watchQueue } from "#functions/queue-watch/watch-queue.js";

const NOW = 1_767_225_600_000;
const QUEUE = "arn:aws:batch:us-east-1:123456789012:job-queue/scans";
const TICK = { version: "0", source: "aws.events", "detail-type": "Scheduled Event", detail: {} };

/** As Batch sends it, with what is not read here. */
const started = (detail: Record<string, unknown>) => ({
  version: "0",
  source: "aws.batch",
  "detail-type": "Batch Job State Change",
  detail: {
    jobName: "scanlane-segment",
    jobQueue: QUEUE,
    status: "RUNNING",
    attempts: [],
    parameters: { taskKey: "k" },
    ...detail,
  },
});

// moto has no GetJobQueueSnapshot: this answers in its place, over HTTP, as the service documents it.
describe("the watch of the job queue", () => {
  let server: Server;
  let batch: BatchClient;
  let jobs: { jobArn: string; earliestTimeAtPosition: number }[] = [];
  const asked: string[] = [];

  beforeAll(async () => {
    server = createServer((request, response) => {
      let body = "";
      request.on("data", (chunk) => {
        body += chunk;
      });
      request.on("end", () => {
        asked.push(`${request.url} ${body}`);
        response.writeHead(200, { "content-type": "application/json" });
        response.end(JSON.stringify({ frontOfQueue: { jobs, lastUpdatedAt: NOW } }));
      });
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const credentials = { accessKeyId: "test", secretAccessKey: "test" };
    batch = new BatchClient({ endpoint, region: "us-east-1", credentials });
  });
  afterAll(() => {
    batch.destroy();
    server.close();
  });

  async function recorded(event: unknown): Promise<unknown[]> {
    const lines: unknown[] = [];
    const meter = { record: (...line: unknown[]) => void lines.push(line) };
    await watchQueue(QueueEvent.parse(event), { batch, queue: QUEUE, meter, now: () => NOW });
    return lines;
  }

  it("records for how long the first job has been first, and how many wait", async () => {
    jobs = [60, 7200].map((seconds) => ({ jobArn: "a", earliestTimeAtPosition: NOW - seconds * 1000 }));
    expect(await recorded(TICK)).toEqual([[{ QueueHeadSeconds: 60, JobsRunnable: 2 }]]);
    expect(asked.at(-1)).toBe(`/v1/getjobqueuesnapshot {"jobQueue":"${QUEUE}"}`);
  });

  it("records nought of an empty queue, so that no data means that nobody looked", async () => {
    jobs = [];
    expect(await recorded(TICK)).toEqual([[{ QueueHeadSeconds: 0, JobsRunnable: 0 }]]);
  });

  it("records how long a job waited, by its share; a later try from the end of the one before", async () => {
    const times = { createdAt: NOW, startedAt: NOW + 90_500, shareIdentifier: "stat" };
    expect(await recorded(started(times))).toEqual([[{ QueueWaitSeconds: 90.5 }, { share: "stat" }]]);
    const attempts = [{ stoppedAt: NOW + 60_000 }, {}];
    expect(await recorded(started({ ...times, attempts }))).toEqual([[{ QueueWaitSeconds: 30.5 }, { share: "stat" }]]);
  });

  it("refuses events of another kind", () => {
    expect(QueueEvent.safeParse(started({ status: "FAILED" })).success).toBe(false);
    expect(QueueEvent.safeParse({ "detail-type": "Object Created" }).success).toBe(false);
  });
});
