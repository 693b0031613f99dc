import { beforeAll, describe, expect, it } from "vitest";
import { scanIdOfObject } from "#src/core/ids.js";
import { silentLogger } from "#src/core/logger.js";
import { SCHEMA_VERSION } from "#src/core/versions.js";
import { folderModels, type ModelLibrary } from "#src/model/model-library.js";
import { writeDocument } from "#src/stages/documents.js";
import { inspect } from "#src/stages/inspect.js";
import type { StageDeps, UploadSizeLimits } from "#src/stages/stage-deps.js";
import { workKeys } from "#src/storage/keys.js";
import { memoryStore } from "#src/storage/memory-store.js";
import { RunRequest, type SourceDocument } from "#src/workflow/contract.js";
import { buildNifti } from "../../support/nifti-builder.js";
import { brightManifest, brightNetwork, modelsFolderWith } from "../../support/tiny-models.js";

const scanId = scanIdOfObject("b", "k", "v");
let models: ModelLibrary;

beforeAll(async () => {
  const network = brightNetwork();
  models = folderModels(await modelsFolderWith([{ manifest: brightManifest(network), network }]));
});

/** Inspect of an upload of volumes of 2 x 2 x 2 voxels. */
async function inspected(files: number, limits: UploadSizeLimits, request: object = {}) {
  const stores = { source: memoryStore(), work: memoryStore(), results: memoryStore() };
  const bytes = buildNifti({});
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
  const deps: StageDeps = { stores, models, logger: silentLogger, provider: "cpu", limits };
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
