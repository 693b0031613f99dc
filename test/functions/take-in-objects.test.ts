import { ExecutionAlreadyExists, type SFNClient } from "@aws-sdk/client-sfn";
import { describe, expect, it } from "vitest";
import { startExecution } from "#functions/intake/start-execution.js";
import { type IntakeDeps, takeInObjects } from "#functions/intake/take-in-objects.js";
import type { LogFields } from "#src/core/logger.js";
import { readDocument } from "#src/stages/documents.js";
import { workKeys } from "#src/storage/keys.js";
import { memoryStore } from "#src/storage/memory-store.js";
import { SourceDocument } from "#src/workflow/contract.js";

const KEY = "ward 7/Doe^John+ü.zip";

async function intake() {
  const logged: unknown[] = [];
  const started: { name: string; input: unknown }[] = [];
  const log = (message: string, fields?: LogFields) => logged.push({ message, ...fields });
  const stores = { source: memoryStore(), work: memoryStore() };
  await stores.source.put(KEY, new Uint8Array(12));
  const start: IntakeDeps["start"] = async (name, input) => {
    if (started.some((one) => one.name === name)) return "exists";
    started.push({ name, input });
    return "started";
  };
  const deps: IntakeDeps = { bucket: "uploads", stores, logger: { info: log, warn: log }, start };
  return { deps, logged, started };
}

let messages = 0;
const created = (object: object) => ({
  messageId: `m${++messages}`,
  body: JSON.stringify({
    "detail-type": "Object Created",
    detail: { bucket: { name: "uploads" }, object: { key: KEY, size: 12, etag: "e", sequencer: "1", ...object } },
  }),
});

describe("takeInObjects", () => {
  it("writes down the source and starts the workflow under the scan's id, with no name in it", async () => {
    const { deps, logged, started } = await intake();
    expect(await takeInObjects([created({ "version-id": "v1" })], deps)).toEqual([]);
    const [execution] = started;
    expect(execution?.name).toMatch(/^s-[0-9a-f]{40}$/);
    expect(execution?.input).toEqual({ schemaVersion: 1, scanId: execution?.name, attempt: 1 });
    const source = await readDocument(deps.stores.work, workKeys.source(execution?.name ?? ""), SourceDocument);
    expect(source).toMatchObject({ bucket: "uploads", objects: [{ key: KEY, version: "v1", size: 12 }] });
    expect(JSON.stringify([logged, started])).not.toMatch(/Doe|ward/);
  });

  it("starts one execution for an event that comes twice, and another for another version", async () => {
    const { deps, started } = await intake();
    await takeInObjects(
      [created({ "version-id": "v1" }), created({ "version-id": "v1" }), created({ "version-id": "v2" })],
      deps,
    );
    expect(started).toHaveLength(2);
  });

  it("tells versions apart by eTag and sequencer in a bucket without versions", async () => {
    const { deps, started } = await intake();
    await takeInObjects([created({}), created({}), created({ sequencer: "2" })], deps);
    expect(started).toHaveLength(2);
  });

  it("leaves what is no upload, and what was deleted meanwhile", async () => {
    const { deps, started } = await intake();
    const keys = ["ward 7/", "a.zip.partial", "a.tmp", "x/.DS_Store", "x/scan.json", "deleted.zip"];
    expect(
      await takeInObjects(
        keys.map((key) => created({ key })),
        deps,
      ),
    ).toEqual([]);
    expect(started).toEqual([]);
  });

  it("asks again for the messages that failed, and only for those", async () => {
    const { deps, started } = await intake();
    const start: IntakeDeps["start"] = async (name, input) => {
      if (started.length === 1) throw new TypeError("throttled");
      return deps.start(name, input);
    };
    const batch = [created({ "version-id": "1" }), created({ "version-id": "2" }), { messageId: "bad", body: "{" }];
    expect(await takeInObjects(batch, { ...deps, start })).toEqual([batch[1]?.messageId, "bad"]);
  });
});

describe("an event of another bucket", () => {
  it("starts nothing, and is not taken for done", async () => {
    const { deps, started } = await intake();
    const message = created({ "version-id": "v1" });
    expect(await takeInObjects([message], { ...deps, bucket: "others" })).toEqual([message.messageId]);
    expect(started).toEqual([]);
  });
});

describe("startExecution", () => {
  const client = (send: () => Promise<unknown>) => ({ send }) as unknown as SFNClient;
  const input = { schemaVersion: 1, scanId: "s", attempt: 1 } as const;

  it("takes a name that was used for success, and passes on any other failure", async () => {
    const taken = new ExecutionAlreadyExists({ message: "taken", $metadata: {} });
    expect(
      await startExecution(
        client(async () => ({})),
        "arn",
      )("s", input),
    ).toBe("started");
    expect(
      await startExecution(
        client(() => Promise.reject(taken)),
        "arn",
      )("s", input),
    ).toBe("exists");
    await expect(
      startExecution(
        client(() => Promise.reject(new TypeError("no"))),
        "arn",
      )("s", input),
    ).rejects.toThrow("no");
  });
});
