import { beforeAll, describe, expect, it } from "vitest";
import { scanIdOfObject } from "#src/core/ids.js";
import { silentLogger } from "#src/core/logger.js";
import { SCHEMA_VERSION } from "#src/core/versions.js";
import { folderModels, type ModelLibrary } from "#src/model/model-library.js";
import { Routes } from "#src/model/routes.js";
import { readDocument, writeDocument } from "#src/stages/documents.js";
import { inspect } from "#src/stages/inspect.js";
import type { StageDeps, UploadSizeLimits } from "#src/stages/stage-deps.js";
import { workKeys } from "#src/storage/keys.js";
import { memoryStore } from "#src/storage/memory-store.js";
import { RunRequest, type SourceDocument, TaskDocument } from "#src/workflow/contract.js";
import { buildDicom } from "../../support/dicom-builder.js";
import { buildNifti } from "../../support/nifti-builder.js";
import { phantomSeries, phantomSlice } from "../../support/phantom-series.js";
import { brightManifest, brightNetwork, modelsFolderWith } from "../../support/tiny-models.js";

const scanId = scanIdOfObject("b", "k", "v");
let models: ModelLibrary;

beforeAll(async () => {
  const network = brightNetwork();
  models = folderModels(await modelsFolderWith([{ manifest: brightManifest(network), network }]));
});

/** Inspect of an upload of volumes of 2 x 2 x 2 voxels. */
async function inspected(
  files: number,
  limits: UploadSizeLimits,
  request: object = {},
  more: Partial<StageDeps> = {},
  bytes = buildNifti({}),
) {
  const stores = { source: memoryStore(), work: memoryStore(), results: memoryStore() };
  const objects = Array.from({ length: files }, (_, n) => ({ key: `${n}.nii`, version: "v", size: bytes.length }));
  for (const { key } of objects) await stores.source.put(key, bytes);
  const source: SourceDocument = {
    schemaVersion: SCHEMA_VERSION,
    scanId,
    bucket: "b",
    objects,
    request: RunRequest.parse({ model: "bright3d", ...request }),
  };
  await writeDocument(stores.work, workKeys.source(scanId), source);
  const deps: StageDeps = { stores, models, logger: silentLogger, provider: "cpu", limits, ...more };
  return inspect({ scanId, attempt: 1 }, deps);
}

describe("what an upload may hold", () => {
  it("is as many images as the deployment says, told before a task is written", async () => {
    expect((await inspected(3, { images: 3 })).tasks).toHaveLength(3);
    await expect(inspected(4, { images: 3 })).rejects.toMatchObject({
      code: "InputUnsupported",
      message: "the upload holds 4 images, expected at most 3 here; send it in parts",
    });
  });

  it("is not counted on one machine, which keeps no history that could be full", async () => {
    expect((await inspected(151, {})).tasks).toHaveLength(151);
  });

  it("is images of as many voxels, and files of as many bytes", async () => {
    expect((await inspected(1, { voxels: 8, uploadBytes: 10_000 })).tasks).toHaveLength(1);
    await expect(inspected(1, { voxels: 7 })).rejects.toMatchObject({
      message: "the image of entry 0 has 8 voxels, expected at most 7",
    });
    await expect(inspected(1, { uploadBytes: 100 })).rejects.toMatchObject({
      code: "InputUnsupported",
      message: expect.stringMatching(/^file 0 has \d+ bytes, expected at most 100$/),
    });
  });
});

describe("what jobs ask for", () => {
  const place = { kind: "local" } as const;
  const sizes = (smallest: number, largest: number): Partial<StageDeps> => {
    const jobSizes = [
      { memoryMiB: smallest, vcpus: 4, workers: 1, place },
      { memoryMiB: largest, vcpus: 8, workers: 2, place },
    ];
    return { jobSizes, capacity: { sizes: jobSizes, isShared: false } };
  };

  it("is the size that the plan takes, with its workers, and the GPU where the deployment has one", async () => {
    // Of several tiles, so that a second worker has something to do.
    const long = buildNifti({ dim: [3, 64, 2, 2, 1, 1, 1, 1], voxels: new Uint8Array(256) });
    const [task] = (await inspected(1, {}, {}, sizes(100, 10_000), long)).tasks;
    const resources = [
      { Type: "VCPU", Value: "8" },
      { Type: "MEMORY", Value: "10000" },
    ];
    const environment = [
      { Name: "JOB_SIZE", Value: "1" },
      { Name: "WORKERS", Value: "2" },
    ];
    const asks = { resources, environment };
    expect(task?.jobs).toEqual({ image: asks, segment: asks, postprocess: asks });
    const [onGpu] = (await inspected(1, {}, {}, { ...sizes(5000, 10_000), provider: "cuda" })).tasks;
    expect(onGpu?.jobs?.segment).toEqual({
      resources: [
        { Type: "VCPU", Value: "4" },
        { Type: "MEMORY", Value: "5000" },
        { Type: "GPU", Value: "1" },
      ],
      environment: [
        { Name: "JOB_SIZE", Value: "0" },
        { Name: "WORKERS", Value: "1" },
      ],
    });
    expect(onGpu?.jobs?.image.resources).toHaveLength(2);
  });

  it("is refused where the largest size does not hold it, with what is needed and what is there", async () => {
    await expect(inspected(1, {}, {}, sizes(50, 100))).rejects.toMatchObject({
      code: "MemoryInsufficient",
      message: expect.stringMatching(/is predicted to need 1\d\d MiB of memory, available are 100$/),
    });
  });

  it("has room for the slices of a bucket that are read before their turn", async () => {
    // Larger for what is beside their pixels than for these, so that no later step holds more.
    const beside = { vr: "OB", Value: [new ArrayBuffer(4 * 2 ** 20)] };
    const files = phantomSeries({ size: [6, 5, 9], edit: (e) => Object.assign(e, { "00420011": beside }) });
    const memoryOf = async (bucket: string) => {
      const stores = { source: memoryStore(), work: memoryStore(), results: memoryStore() };
      const objects = files.map(({ bytes }, n) => ({ key: `${n}`, version: "v", size: bytes.length }));
      for (const [n, { bytes }] of files.entries()) await stores.source.put(`${n}`, bytes);
      const request = RunRequest.parse({ model: "bright3d" });
      const source: SourceDocument = { schemaVersion: SCHEMA_VERSION, scanId, bucket, objects, request };
      await writeDocument(stores.work, workKeys.source(scanId), source);
      const deps: StageDeps = { stores, models, logger: silentLogger, provider: "cpu" };
      const [task] = (await inspect({ scanId, attempt: 1 }, deps)).tasks;
      const read = await readDocument(stores.work, task?.taskKey ?? "", TaskDocument);
      return read.plan?.preprocess.memoryMiB ?? 0;
    };
    expect((await memoryOf("uploads")) - (await memoryOf("local"))).toBe(8 * 4);
  }, 30_000);

  it("is nothing on one machine", async () => {
    const [task] = (await inspected(1, {})).tasks;
    expect(task?.jobs?.segment).toEqual({ resources: [], environment: [] });
  });
});

describe("an upload of several images", () => {
  const routed = async (rules: readonly object[], request: object = {}) => {
    const stores = { source: memoryStore(), work: memoryStore(), results: memoryStore() };
    const files = [
      ...phantomSeries({ size: [4, 4, 4] }),
      ...phantomSeries({
        size: [4, 4, 3],
        seriesUid: "1.2.9",
        edit: (e) => Object.assign(e, { "00080008": { vr: "CS", Value: ["ORIGINAL", "PRIMARY", "LOCALIZER"] } }),
      }),
      { name: "screen", bytes: screenshot() },
    ];
    const objects = files.map(({ bytes }, n) => ({ key: `${n}`, version: "v", size: bytes.length }));
    for (const [n, { bytes }] of files.entries()) await stores.source.put(`${n}`, bytes);
    const source: SourceDocument = {
      schemaVersion: SCHEMA_VERSION,
      scanId,
      bucket: "b",
      objects,
      request: RunRequest.parse(request),
    };
    await writeDocument(stores.work, workKeys.source(scanId), source);
    const network = brightNetwork();
    const root = await modelsFolderWith([{ manifest: brightManifest(network), network }]);
    const routes = Routes.parse({ schemaVersion: 1, routes: rules });
    const deps: StageDeps = { stores, models: folderModels(root, { routes }), logger: silentLogger, provider: "cpu" };
    const { tasks } = await inspect({ scanId, attempt: 1 }, deps);
    const documents = await Promise.all(tasks.map(({ taskKey }) => stores.work.get(taskKey)));
    return documents.map((bytes) => JSON.parse(new TextDecoder().decode(bytes ?? new Uint8Array())));
  };
  /** A secondary capture that lies nowhere. */
  const screenshot = () => {
    const elements = phantomSlice({ seriesUid: "1.2.8" }, 0);
    elements["00080016"] = { vr: "UI", Value: ["1.2.840.10008.5.1.4.1.1.7"] };
    elements["00080060"] = { vr: "CS", Value: ["OT"] };
    for (const tag of ["00200032", "00200037"]) delete elements[tag];
    return buildDicom(elements);
  };
  const any = { format: "dicom", modality: "MR", model: "bright3d" };
  const localizer = { imageType: "LOCALIZER", model: null };

  it("leaves out with a warning what no rule gives a model, and what a rule gives none", async () => {
    const both = await routed([any]);
    expect(both).toHaveLength(2);
    const documents = await routed([localizer, any]);
    expect(documents).toHaveLength(1);
    expect(documents[0].warnings).toContainEqual({
      code: "ImageSkipped",
      message:
        "images were left out, since no rule gives them a model: that of entry 4 (dicom, modality MR, 3-D), that of entry 7 (dicom, modality OT, 2-D)",
    });
  });

  it("is refused where no image has a model, and all have the one that is named", async () => {
    for (const rules of [[], [{ model: null }]]) {
      await expect(routed(rules)).rejects.toMatchObject({
        code: "NoRoute",
        message:
          "no rule gives this image (dicom, modality MR, 3-D) a model, expected a model by name or by routes.json",
      });
    }
    expect(await routed([localizer], { model: "bright3d" })).toHaveLength(3);
  });
});
