import { describe, expect, it } from "vitest";
import { sha256 } from "#src/core/ids.js";
import { silentLogger } from "#src/core/logger.js";
import { folderModels } from "#src/model/model-library.js";
import { documentBytes, readDocument, writeDocument } from "#src/stages/documents.js";
import { inspect } from "#src/stages/inspect.js";
import { preprocess } from "#src/stages/preprocess.js";
import { readRecorded } from "#src/stages/recorded-output.js";
import { runTask } from "#src/stages/run-task.js";
import type { StageDefinition } from "#src/stages/stage.js";
import type { StageDeps } from "#src/stages/stage-deps.js";
import { RESULT_FILES, resultKeys, STAGE_FILES, workKeys } from "#src/storage/keys.js";
import { memoryStore } from "#src/storage/memory-store.js";
import { DoneRecord, type StageInput, type TaskRef } from "#src/workflow/contract.js";
import { buildNifti } from "../../support/nifti-builder.js";
import { putUpload } from "../../support/put-upload.js";
import { recordedKey } from "../../support/recorded-key.js";
import { brightManifest, brightNetwork, modelsFolderWith } from "../../support/tiny-models.js";

const network = brightNetwork();
const models = folderModels(await modelsFolderWith([{ manifest: brightManifest(network), network }]));
const { labels } = STAGE_FILES;
const bytesOf = (text: string) => new TextEncoder().encode(text);

const image = (value: number) => buildNifti({ voxels: new Uint8Array(8).fill(value) });

/** What Inspect makes of each upload, given as its images, all tasks through Preprocess. */
async function inspected(...uploads: readonly (readonly Uint8Array[])[]) {
  const stores = { source: memoryStore(), work: memoryStore(), results: memoryStore() };
  const deps: StageDeps = { stores, models, logger: silentLogger, provider: "cpu" };
  const scans: (readonly TaskRef[])[] = [];
  for (const [n, images] of uploads.entries()) {
    const scanId = `s-${String(n + 1).repeat(40)}`;
    await putUpload(stores, scanId, ...images.map((bytes, i) => ({ key: `${n}${i}.nii`, bytes })));
    const { tasks } = await inspect({ scanId, attempt: 1 }, deps);
    for (const task of tasks) await runTask(preprocess, task, deps);
    scans.push(tasks);
  }
  return { deps, scans };
}

function ofOneIdentity(deps: StageDeps, [a, b]: readonly (TaskRef | undefined)[]) {
  if (a === undefined || b === undefined) throw new Error("a scan has a task for each image");
  expect(a.identity).toBe(b.identity);
  return { deps, a, b };
}

/** Two uploads of one image, both through Preprocess: they have one result. */
async function twoScans() {
  const { deps, scans } = await inspected([image(0)], [image(0)]);
  return ofOneIdentity(deps, scans.flat());
}

/** The same image, in the second upload behind another one. */
async function secondInAnotherUpload() {
  const { deps, scans } = await inspected([image(0)], [image(9), image(0)]);
  return ofOneIdentity(deps, [scans[0]?.[0], scans[1]?.[1]]);
}

/** An upload that has its image twice. */
async function twiceInOneUpload() {
  const { deps, scans } = await inspected([image(0), image(0)]);
  return ofOneIdentity(deps, scans.flat());
}

/** A stage that rounds in its own way, and what happens in the middle of it. */
const segmented = (rounding: string, meanwhile = async () => {}): StageDefinition => ({
  stage: "segment",
  async run(work) {
    await work.write(labels, bytesOf(rounding));
    await meanwhile();
    return { facts: { rounding } };
  },
});

/** A later stage: hands on what it read. */
const postprocessed: StageDefinition = {
  stage: "postprocess",
  async run(work) {
    await work.write(labels, await work.read("segment", labels));
    return {};
  },
};

const segmentRecord = ({ stores: { work } }: StageDeps, { identity }: TaskRef) =>
  readDocument(work, workKeys.done(identity, "segment"), DoneRecord);

async function labelsOf({ stores: { work } }: StageDeps, task: TaskRef, stage: "segment" | "postprocess") {
  const record = await readDocument(work, workKeys.done(task.identity, stage), DoneRecord);
  return new TextDecoder().decode(await readRecorded(work, [stage, labels], [record]));
}

describe("two runs of one stage whose bytes differ", () => {
  it.each(["before", "after"] as const)(
    "go on with what the first record names, where the other run wrote its outputs %s it",
    async (when) => {
      const { deps, a, b } = await twoScans();
      // B begins when there is no record, and ends after A.
      const runA = async () => void (await runTask(segmented("a"), a, deps));
      const { run, ...stage } = segmented("b", when === "before" ? runA : async () => {});
      const late: StageDefinition = {
        ...stage,
        async run(work) {
          if (when === "after") await runA();
          return run(work);
        },
      };
      await runTask(late, b, deps);
      expect((await segmentRecord(deps, a)).facts).toEqual({ rounding: "a" });
      expect(await labelsOf(deps, a, "segment")).toBe("a");
      for (const task of [a, b]) await runTask(postprocessed, task, deps);
      expect(await labelsOf(deps, b, "postprocess")).toBe("a");
    },
  );

  it("leave the outputs of a run that reads them as they were, where the other one never ends", async () => {
    const { deps, a, b } = await twoScans();
    await runTask(segmented("a"), a, deps);
    const lost = segmented("b", () => Promise.reject(new Error("the machine was lost")));
    // As if B had begun before there was a record.
    const done = workKeys.done(a.identity, "segment");
    const record = await deps.stores.work.get(done);
    await deps.stores.work.delete(done);
    await expect(runTask(lost, b, deps)).rejects.toThrow();
    await deps.stores.work.put(done, record);
    await runTask(postprocessed, a, deps);
    expect(await labelsOf(deps, a, "postprocess")).toBe("a");
  });

  it("replace a record whose outputs are damaged, and heal those of the same bytes", async () => {
    const { deps, a, b } = await twoScans();
    await runTask(segmented("a"), a, deps);
    const key = await recordedKey(deps.stores.work, a, "segment", labels);
    await deps.stores.work.put(key, bytesOf("?"));
    expect(await runTask(segmented("b"), b, deps)).toMatchObject({ skipped: false });
    expect(await labelsOf(deps, a, "segment")).toBe("b");
    await deps.stores.work.put(await recordedKey(deps.stores.work, a, "segment", labels), bytesOf("?"));
    await runTask(segmented("b"), a, deps);
    expect(await labelsOf(deps, a, "segment")).toBe("b");
  });

  it("keep the record of a run of other input out of the way", async () => {
    const { deps, a, b } = await twoScans();
    const other = { ...(await segmentedOnce(deps, a)), inputDigest: "f".repeat(64) };
    const done = workKeys.done(a.identity, "segment");
    await runTask(
      segmented("b", async () => void (await writeDocument(deps.stores.work, done, other))),
      b,
      deps,
    );
    expect(await labelsOf(deps, b, "segment")).toBe("b");
  });
});

/** The record of a run of Segment, taken away again. */
async function segmentedOnce(deps: StageDeps, task: TaskRef): Promise<DoneRecord> {
  await runTask(segmented("a"), task, deps);
  const record = await segmentRecord(deps, task);
  await deps.stores.work.delete(workKeys.done(task.identity, "segment"));
  return record;
}

describe("two runs of Publish", () => {
  /** Publishes a label map, a table of times and last the result, and what happens between them. */
  const published = (rounding: string, seconds: number, meanwhile = async () => {}): StageDefinition => ({
    stage: "publish",
    async run(work) {
      await work.publish(RESULT_FILES.labels, bytesOf(rounding), { contentType: "application/gzip" });
      await work.publish(RESULT_FILES.run, documentBytes({ seconds }), { contentType: "application/json" });
      await meanwhile();
      const result = documentBytes({ labels: sha256(rounding) });
      await work.publish(RESULT_FILES.result, result, { contentType: "application/json" });
      return { facts: { warnings: 0 } };
    },
  });

  async function beforePublish(scans = twoScans) {
    const { deps, a, b } = await scans();
    for (const stage of [segmented("a"), postprocessed]) await runTask(stage, a, deps);
    const { results } = deps.stores;
    const one = async () => {
      const map = await results.get(resultKeys.file(a.identity, RESULT_FILES.labels));
      const result = JSON.parse(new TextDecoder().decode(await results.get(resultKeys.result(a.identity))));
      return { labels: new TextDecoder().decode(map), isOne: result.labels === sha256(map) };
    };
    const publishing = (definition: StageDefinition, task: StageInput) => runTask(definition, task, deps);
    return { a, b, one, publishing };
  }

  it.each([
    ["of two uploads", twoScans],
    ["of two uploads, under another number", secondInAnotherUpload],
    ["of one upload", twiceInOneUpload],
  ])(
    "%s end with one result where their bytes differ: the one that finds both mixed is told to try again",
    async (_, scans) => {
      const { a, b, one, publishing } = await beforePublish(scans);
      const inside = async () => void (await publishing(published("a", 1), a));
      await expect(publishing(published("b", 2, inside), b)).rejects.toMatchObject({ code: "StoreBusy" });
      expect(await one()).toEqual({ labels: "a", isOne: false });
      expect(await publishing(published("b", 2), b)).toMatchObject({ kind: "published" });
      expect(await one()).toEqual({ labels: "b", isOne: true });
    },
  );

  it("are both content where nothing but times differs", async () => {
    const { a, b, one, publishing } = await beforePublish();
    const inside = async () => void (await publishing(published("a", 1), a));
    expect(await publishing(published("a", 2, inside), b)).toMatchObject({ kind: "published" });
    expect(await one()).toEqual({ labels: "a", isOne: true });
  });
});
