import { describe, expect, it } from "vitest";
import { PipelineError } from "#src/core/errors.js";
import { silentLogger } from "#src/core/logger.js";
import { folderModels } from "#src/model/model-library.js";
import { openPseudonyms, writeDeidentifiedScan, writeUidMap } from "#src/stages/deidentification.js";
import { readDocument, writeDocument } from "#src/stages/documents.js";
import { inspect } from "#src/stages/inspect.js";
import type { StageDeps } from "#src/stages/stage-deps.js";
import { deidKeys, workKeys } from "#src/storage/keys.js";
import { memoryStore } from "#src/storage/memory-store.js";
import type { ScanStore } from "#src/storage/scan-store.js";
import { SourceDocument, TaskDocument } from "#src/workflow/contract.js";
import type { DicomElements } from "../../support/dicom-builder.js";
import { phantomSeries } from "../../support/phantom-series.js";
import { brightManifest, brightNetwork, modelsFolderWith } from "../../support/tiny-models.js";
import { zipOf } from "../../support/zip-builder.js";

const network = brightNetwork();
const scanId = `s-${"b".repeat(40)}`;
const ROUTE = { modality: "MR", model: "bright3d", deidentify: "basic" };

interface Asked {
  readonly request?: object;
  readonly routes?: readonly Record<string, unknown>[];
  readonly deid?: ScanStore | null;
  readonly edit?: (elements: DicomElements) => void;
}

/** The first task that Inspect writes down for a series. */
async function inspected({ request = {}, routes = [], deid = memoryStore(), edit = () => {} }: Asked) {
  const models = folderModels(await modelsFolderWith([{ manifest: brightManifest(network), network }], routes));
  const stores = { source: memoryStore(), work: memoryStore(), results: memoryStore(), ...(deid && { deid }) };
  const deps: StageDeps = { stores, models, logger: silentLogger, provider: "cpu" };
  const archive = await zipOf(phantomSeries({ edit }));
  await stores.source.put("a.zip", archive);
  await writeDocument(stores.work, workKeys.source(scanId), {
    schemaVersion: 1,
    scanId,
    bucket: "uploads",
    objects: [{ key: "a.zip", version: "1", size: archive.length }],
    request: { refine: "on", seg: "binary", share: "stat", ...request },
  });
  const { tasks } = await inspect({ scanId, attempt: 1 }, deps);
  const task = await readDocument(stores.work, tasks[0]?.taskKey ?? "", TaskDocument);
  return { task, deps };
}

describe("Inspect", () => {
  it("says nothing of it, and names the result as before, where nobody asks", async () => {
    const { task } = await inspected({ request: { model: "bright3d" } });
    expect(task.deidentify).toBeUndefined();
    const other = await inspected({ request: { model: "bright3d", deidentify: "basic" } });
    expect(other.task.deidentify).toEqual({ profile: "basic", pictures: "image" });
    expect(other.task.identity).not.toBe(task.identity);
  });

  it("takes a route's word, also against a request that names the model", async () => {
    const byRoute = await inspected({ routes: [ROUTE] });
    const named = await inspected({ routes: [ROUTE], request: { model: "bright3d" } });
    expect(byRoute.task.deidentify).toEqual({ profile: "basic", pictures: "image" });
    expect(named.task).toEqual(byRoute.task);
  });

  it("lets pictures show the structures alone where text may be burned in", async () => {
    const edit = (elements: DicomElements) =>
      void Object.assign(elements, { "00280301": { vr: "CS", Value: ["YES"] } });
    const { task } = await inspected({ routes: [ROUTE], edit });
    expect(task.deidentify?.pictures).toBe("structures");
  });

  it("repeats no modality that is none in its warnings", async () => {
    const edit = (elements: DicomElements) =>
      void Object.assign(elements, { "00080060": { vr: "CS", Value: ["DOE"] } });
    const request = { model: "bright3d", deidentify: "basic" };
    const { task } = await inspected({ request, edit });
    expect(task.warnings.map(({ code }) => code)).toContain("ModalityUnexpected");
    expect(JSON.stringify(task.warnings)).not.toContain("DOE");
    await expect(inspected({ edit })).rejects.toMatchObject({
      code: "NoRoute",
      message: expect.not.stringContaining("DOE"),
    });
  });

  it("refuses at once where there is no place for secret and maps", async () => {
    await expect(inspected({ routes: [ROUTE], deid: null })).rejects.toMatchObject({
      code: "DeidentificationUnavailable",
    });
  });
});

/** A store that refuses what the function of Publish has no right to on AWS: it may not list, nor ask for what is there. */
function grantedStore(): ScanStore {
  const store = memoryStore();
  const denied = (what: string) => async () => {
    throw new PipelineError("StoreDenied", `${what} is not granted`);
  };
  return {
    head: denied("head"),
    delete: denied("delete"),
    list: () => expect.unreachable("list is not granted"),
    get: async (key) => (key === deidKeys.secret ? store.get(key) : denied("get")()),
    put: async (key, body, options) => {
      const isGranted = /^(maps|scans)\//.test(key) || (key === deidKeys.secret && options?.ifAbsent === true);
      return isGranted ? store.put(key, body, options) : denied("put")();
    },
  };
}

describe("what Publish may do on AWS", () => {
  it("is enough for a secret that is not there yet, for the map and for the upload's record", async () => {
    const { task, deps } = await inspected({ routes: [ROUTE], deid: grantedStore() });
    const pseudonyms = await openPseudonyms(task, deps);
    if (pseudonyms === null) throw new Error("the task is de-identified");
    expect((await openPseudonyms(task, deps))?.keyId).toBe(pseudonyms.keyId);
    const source = await readDocument(deps.stores.work, workKeys.source(scanId), SourceDocument);
    await writeUidMap(task, pseudonyms, new Map([["1.2", "2.25.1"]]), deps);
    await writeDeidentifiedScan(task, pseudonyms.resultId(task.identity), source, deps);
  });
});

describe("the secret", () => {
  it("is made once: of several at the same time all use the same", async () => {
    const { task, deps } = await inspected({ routes: [ROUTE] });
    const opened = await Promise.all(Array.from({ length: 5 }, () => openPseudonyms(task, deps)));
    expect(new Set(opened.map((one) => one?.keyId)).size).toBe(1);
    const text = new TextDecoder().decode(await deps.stores.deid?.get(deidKeys.secret));
    expect(text).toMatch(/^[0-9a-f]{64}\n$/);
    const { deps: elsewhere } = await inspected({ routes: [ROUTE] });
    expect((await openPseudonyms(task, elsewhere))?.keyId).not.toBe(opened[0]?.keyId);
  });

  it("is not opened for a task that nobody asked to de-identify", async () => {
    const { task, deps } = await inspected({ request: { model: "bright3d" } });
    expect(await openPseudonyms(task, deps)).toBeNull();
    expect(await deps.stores.deid?.head(deidKeys.secret)).toBeNull();
  });

  it.each(["", "abc", "g".repeat(64), "a".repeat(66)])("is refused where it is none: %j", async (text) => {
    const { task, deps } = await inspected({ routes: [ROUTE] });
    await deps.stores.deid?.put(deidKeys.secret, new TextEncoder().encode(text));
    await expect(openPseudonyms(task, deps)).rejects.toMatchObject({ code: "DeidentificationUnavailable" });
  });
});
