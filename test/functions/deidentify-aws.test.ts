import { CreateBucketCommand, ListObjectsV2Command, PutObjectCommand, S3Client } from "@aws-sdk/client-s3";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { scanIdOfObject } from "#src/core/ids.js";
import { ortSessions } from "#src/inference/ort-session.js";
import { SessionPool } from "#src/inference/session-pool.js";
import { writeDocument } from "#src/stages/documents.js";
import { inspect } from "#src/stages/inspect.js";
import { postprocessStage } from "#src/stages/postprocess.js";
import { preprocess } from "#src/stages/preprocess.js";
import { runTask } from "#src/stages/run-task.js";
import { segmentStage } from "#src/stages/segment.js";
import { deidKeys, resultKeys, workKeys } from "#src/storage/keys.js";
import { IndexRecord, PublishOutput, UidMap } from "#src/workflow/contract.js";
import type { ScanEvent } from "#src/workflow/scan-events.js";
import { hasMoto, type MotoServer, startMoto } from "../support/moto-server.js";
import { phantomSeries } from "../support/phantom-series.js";
import { brightManifest, brightNetwork, modelsFolderWith } from "../support/tiny-models.js";
import { zipOf } from "../support/zip-builder.js";

const BUCKETS = {
  SCAN_BUCKET: "scans-bucket",
  WORK_BUCKET: "work-bucket",
  RESULT_BUCKET: "results-bucket",
  DEID_BUCKET: "deid-bucket",
};
const KEY = "ward/doe-john.zip";

describe.skipIf(!hasMoto)("the publish function of a de-identified scan (needs moto_server)", () => {
  let moto: MotoServer;
  let client: S3Client;
  let publish: (event: unknown) => Promise<unknown>;
  let task: { taskKey: string; identity: string };
  const scanId = scanIdOfObject(BUCKETS.SCAN_BUCKET, KEY, "v ");

  beforeAll(async () => {
    moto = await startMoto();
    const network = brightNetwork();
    const env = {
      ...BUCKETS,
      MODELS_DIR: await modelsFolderWith([{ manifest: brightManifest(network), network }]),
      PROVIDER: "cpu",
      ...moto.environment,
    };
    for (const [name, value] of Object.entries(env)) vi.stubEnv(name, value);
    client = new S3Client({ forcePathStyle: true });
    for (const Bucket of Object.values(BUCKETS)) await client.send(new CreateBucketCommand({ Bucket }));
    // Read when they are loaded, as in a Lambda.
    const { stageDeps } = await import("#functions/runtime/stage-deps.js");
    publish = (await import("#functions/publish/handler.js")).handler;

    const Body = await zipOf(phantomSeries());
    const { ETag } = await client.send(new PutObjectCommand({ Bucket: BUCKETS.SCAN_BUCKET, Key: KEY, Body }));
    const deps = stageDeps("test");
    await writeDocument(deps.stores.work, workKeys.source(scanId), {
      schemaVersion: 1,
      scanId,
      bucket: BUCKETS.SCAN_BUCKET,
      objects: [{ key: KEY, version: `${ETag} `, size: Body.length }],
      request: { model: "bright3d", refine: "on", seg: "binary", deidentify: "basic", share: "stat" },
    });
    const [first] = (await inspect({ scanId, attempt: 1 }, deps)).tasks;
    if (first === undefined) throw new Error("a scan has a task");
    task = first;
    const open = ortSessions("cpu");
    for (const stage of [preprocess, segmentStage(new SessionPool(open)), postprocessStage(open)]) {
      await runTask(stage, task, deps);
    }
  }, 90_000);
  afterAll(() => {
    vi.unstubAllEnvs();
    client?.destroy();
    moto?.close();
  });

  const keysIn = async (Bucket: string) => {
    const { Contents = [] } = await client.send(new ListObjectsV2Command({ Bucket }));
    return Contents.map(({ Key = "" }) => Key).sort();
  };
  const textOf = async (bucket: string, key: string) => {
    const { s3Store } = await import("#functions/runtime/s3-store.js");
    return new TextDecoder().decode(await s3Store({ client, bucket }).get(key));
  };

  it("writes the secret, the map and which upload it was into their own bucket, and nothing of it elsewhere", async () => {
    const { identity, resultKey } = PublishOutput.parse(await publish({ taskKey: task.taskKey }));
    expect(identity).not.toBe(task.identity);
    expect(await keysIn(BUCKETS.DEID_BUCKET)).toEqual(
      [deidKeys.secret, deidKeys.map(identity), deidKeys.scan(scanId, "t0", identity)].sort(),
    );
    const results = await keysIn(BUCKETS.RESULT_BUCKET);
    expect(results).toContain(resultKey);
    expect(results.filter((key) => !key.startsWith(`${identity}/`))).toEqual([resultKeys.index(scanId, 1, "t0")]);

    const map = UidMap.parse(JSON.parse(await textOf(BUCKETS.DEID_BUCKET, deidKeys.map(identity))));
    expect(map).toMatchObject({ identity, taskIdentity: task.identity });
    expect(Object.keys(map.uids)).toContain("1.2.826.0.1.3680043.10");
    expect(await textOf(BUCKETS.DEID_BUCKET, deidKeys.scan(scanId, "t0", identity))).toContain(KEY);
    const secret = (await textOf(BUCKETS.DEID_BUCKET, deidKeys.secret)).trim();
    for (const key of results) {
      const text = await textOf(BUCKETS.RESULT_BUCKET, key);
      for (const needle of [secret, "1.2.826.0.1.3680043", "doe-john", task.identity]) {
        expect(text.includes(needle), `${needle} in ${key}`).toBe(false);
      }
    }
    const line = IndexRecord.parse(JSON.parse(await textOf(BUCKETS.RESULT_BUCKET, resultKeys.index(scanId, 1, "t0"))));
    expect(line).toMatchObject({ source: "", resultKey });
  }, 60_000);

  it("tells events, logs and metrics no more than the scan's id and the name of the result", async () => {
    const lines: string[] = [];
    const heard = vi.spyOn(process.stdout, "write").mockImplementation((text) => lines.push(String(text)) > 0);
    const { identity, resultKey } = PublishOutput.parse(await publish({ taskKey: task.taskKey }));
    const { announceMessages } = await import("#functions/announce/announce-messages.js");
    const { stageDeps } = await import("#functions/runtime/stage-deps.js");
    const deps = stageDeps("test");
    const events: ScanEvent[] = [];
    const detail = {
      ...{ executionArn: "arn:e", name: scanId, stateMachineArn: "arn:m", status: "SUCCEEDED", stopDate: 1 },
      input: JSON.stringify({ schemaVersion: 1, scanId, attempt: 1 }),
    };
    const tell = async (event: ScanEvent) => void events.push(event);
    const body = JSON.stringify({ detail });
    expect(await announceMessages([{ messageId: "m", body }], { ...deps, publish: tell })).toEqual([]);
    heard.mockRestore();
    expect(events).toMatchObject([{ event: "ended", scanId, published: [{ subject: "t0", resultKey }] }]);
    expect(resultKey).toBe(resultKeys.result(identity));
    expect(lines.join("")).toContain(scanId);
    const said = [...lines, JSON.stringify(events)].join("");
    for (const needle of ["1.2.826.0.1.3680043", "doe-john", "ward", task.identity]) expect(said).not.toContain(needle);
    // A log stays longer than results may, and more people read it: it does not say which result is of which scan.
    expect(lines.join("")).not.toContain(identity);
  }, 60_000);

  it("is skipped when it is done, and keeps its secret", async () => {
    const before = await textOf(BUCKETS.DEID_BUCKET, deidKeys.secret);
    const first = PublishOutput.parse(await publish({ taskKey: task.taskKey }));
    expect(PublishOutput.parse(await publish({ taskKey: task.taskKey }))).toEqual(first);
    expect(await textOf(BUCKETS.DEID_BUCKET, deidKeys.secret)).toBe(before);
    expect(await keysIn(BUCKETS.DEID_BUCKET)).toHaveLength(3);
  }, 60_000);
});
