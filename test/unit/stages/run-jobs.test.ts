import { describe, expect, it } from "vitest";
import { silentLogger } from "#src/core/logger.js";
import type { OpenSession } from "#src/inference/network-session.js";
import { ortSessions } from "#src/inference/ort-session.js";
import { SessionPool } from "#src/inference/session-pool.js";
import { folderModels } from "#src/model/model-library.js";
import { readDocument, writeDocument } from "#src/stages/documents.js";
import { inspect } from "#src/stages/inspect.js";
import { preprocess } from "#src/stages/preprocess.js";
import { runJobs } from "#src/stages/run-job.js";
import { runTask } from "#src/stages/run-task.js";
import { segmentStage } from "#src/stages/segment.js";
import type { StageDeps } from "#src/stages/stage-deps.js";
import { warmSegment } from "#src/stages/warm-segment.js";
import { STAGE_FILES, workKeys } from "#src/storage/keys.js";
import { memoryStore } from "#src/storage/memory-store.js";
import { DoneRecord, FailureRecord, TaskDocument, type TaskRef } from "#src/workflow/contract.js";
import { buildNifti } from "../../support/nifti-builder.js";
import { putUpload } from "../../support/put-upload.js";
import { recordedKey } from "../../support/recorded-key.js";
import { brightManifest, brightNetwork, modelsFolderWith } from "../../support/tiny-models.js";

const network = brightNetwork();
const models = folderModels(await modelsFolderWith([{ manifest: brightManifest(network), network }]));

/** Scans that went through Preprocess, a task each. */
async function prepared(scans: number) {
  const stores = { source: memoryStore(), work: memoryStore(), results: memoryStore() };
  const deps: StageDeps = { stores, models, logger: silentLogger, provider: "cpu" };
  const tasks: TaskRef[] = [];
  for (let n = 0; n < scans; n++) {
    const scanId = `s-${String(n).repeat(40)}`;
    // The same bytes would be the same result.
    const bytes = buildNifti({ voxels: new Uint8Array(8).fill(n) });
    await putUpload(stores, scanId, { key: `${n}.nii`, version: String(n), bytes });
    const [task] = (await inspect({ scanId, attempt: 1 }, deps)).tasks;
    if (task === undefined) throw new Error("a scan has a task");
    await runTask(preprocess, task, deps);
    tasks.push(task);
  }
  return { deps, tasks };
}

/** Segment with a real network, and how often one was opened. */
function counted() {
  let opened = 0;
  const real = ortSessions("cpu");
  const open: OpenSession = (request) => {
    opened++;
    return real(request);
  };
  const pool = new SessionPool(open);
  return { stage: segmentStage(pool), pool, opened: () => opened };
}

const doneKey = ({ identity }: TaskRef) => workKeys.done(identity, "segment");
/** Of the n-th scan. */
const failureKey = (n: number) => workKeys.failure(`s-${String(n).repeat(40)}`, 1, "t0", "segment");

describe("a job of several scans", () => {
  it("opens the network once, and goes on after a scan that fails; each has its own record", async () => {
    const { deps, tasks } = await prepared(3);
    const [first, bad, last] = tasks as [TaskRef, TaskRef, TaskRef];
    const { work } = deps.stores;
    const input = await recordedKey(work, bad, "preprocess", STAGE_FILES.networkInput);
    await work.put(input, new Uint8Array(10));

    const { stage, pool, opened } = counted();
    expect(await runJobs(stage, tasks, deps)).toBe(0);
    await pool.close();

    expect(opened()).toBe(1);
    for (const task of [first, last]) {
      expect((await readDocument(work, doneKey(task), DoneRecord)).stage).toBe("segment");
    }
    for (const n of [0, 2]) expect(await work.head(failureKey(n))).toBeNull();
    expect(await work.head(doneKey(bad))).toBeNull();
    expect(await readDocument(work, failureKey(1), FailureRecord)).toMatchObject({
      code: "StoreCorrupt",
      exitCode: 75,
    });
  });

  it("ends with the scan's own exit code where it is the only one", async () => {
    const { deps, tasks } = await prepared(1);
    const [only] = tasks as [TaskRef];
    const input = await recordedKey(deps.stores.work, only, "preprocess", STAGE_FILES.networkInput);
    await deps.stores.work.put(input, new Uint8Array(10));
    const { stage } = counted();
    expect(await runJobs(stage, tasks, deps)).toBe(75);
  });
});

describe("runTask", () => {
  it("replaces a record that a loss of power left empty", async () => {
    const { deps, tasks } = await prepared(1);
    const [task] = tasks as [TaskRef];
    const done = workKeys.done(task.identity, "segment");
    await deps.stores.work.put(done, new Uint8Array());
    const { stage, pool } = counted();
    expect(await runJobs(stage, [task], deps)).toBe(0);
    expect((await readDocument(deps.stores.work, done, DoneRecord)).stage).toBe("segment");
    await pool.close();
  });
});

describe("warmSegment", () => {
  it("opens the network that Segment then uses, and none for a task that is done", async () => {
    const { deps, tasks } = await prepared(1);
    const [task] = tasks as [TaskRef];
    const { stage, pool, opened } = counted();
    await warmSegment(task, deps, pool);
    expect(opened()).toBe(1);
    expect(await runJobs(stage, [task], deps)).toBe(0);
    expect(opened()).toBe(1);
    const other = counted();
    await warmSegment(task, deps, other.pool);
    expect(other.opened()).toBe(0);
    await pool.close();
  });

  it("leaves a network that asks another one to Segment, which runs that one first", async () => {
    const { deps, tasks } = await prepared(1);
    const [task] = tasks as [TaskRef];
    const base = brightManifest(network);
    const inside = { ...base, id: "inside", region: { model: base.id, labels: [1], marginMm: 0 } };
    const both = folderModels(
      await modelsFolderWith([
        { manifest: base, network },
        { manifest: inside, network },
      ]),
    );
    const { work } = deps.stores;
    const document = await readDocument(work, task.taskKey, TaskDocument);
    const named = (id: string) => ({ ...document, model: { ...document.model, id } });
    const { pool, opened } = counted();
    await writeDocument(work, task.taskKey, named("inside"));
    await warmSegment(task, { ...deps, models: both }, pool);
    expect(opened()).toBe(0);
    await writeDocument(work, task.taskKey, named(base.id));
    await warmSegment(task, { ...deps, models: both }, pool);
    expect(opened()).toBe(1);
    await pool.close();
  });

  it.each([
    { network: "that nobody measured", measured: {}, runs: 1 },
    { network: "planned for two workers", measured: { networkSeconds: 0.3 }, runs: 2 },
  ])("asks for $runs runs at once of a network $network", async ({ measured, runs }) => {
    const { deps, tasks } = await prepared(1);
    const [task] = tasks as [TaskRef];
    const { work } = deps.stores;
    const document = await readDocument(work, task.taskKey, TaskDocument);
    const segment = { memoryMiB: 1, jobSize: 0, ...measured };
    await writeDocument(work, task.taskKey, { ...document, plan: { ...document.plan, workers: 2, segment } });
    const asked: number[] = [];
    const run = async () => ({ data: new Float32Array(), shape: [] });
    const open: OpenSession = async ({ bytes }) => {
      await bytes();
      return { run, ready: async (count) => void asked.push(count), close: async () => {} };
    };
    await warmSegment(task, deps, new SessionPool(open));
    expect(asked).toEqual([runs]);
  });
});
