import { expect, it } from "vitest";
import { silentLogger } from "#src/core/logger.js";
import { folderModels } from "#src/model/model-library.js";
import { writeDocument } from "#src/stages/documents.js";
import { inspect } from "#src/stages/inspect.js";
import { workKeys } from "#src/storage/keys.js";
import { memoryStore } from "#src/storage/memory-store.js";
import { buildNifti } from "../../support/nifti-builder.js";
import { brightManifest, brightNetwork, modelsFolderWith } from "../../support/tiny-models.js";
import { zipOf } from "../../support/zip-builder.js";

const network = brightNetwork();
const models = folderModels(await modelsFolderWith([{ manifest: brightManifest(network), network }]));
const scanId = `s-${"a".repeat(40)}`;

/** Inspects an upload of so many images, where so many are allowed. */
async function inspected(images: number, maxImages?: number) {
  const stores = { source: memoryStore(), work: memoryStore(), results: memoryStore() };
  const files = Array.from({ length: images }, (_, n) => ({
    name: `${n}.nii`,
    bytes: buildNifti({ voxels: new Uint8Array(8).fill(n) }),
  }));
  const bytes = await zipOf(files);
  await stores.source.put("a.zip", bytes);
  await writeDocument(stores.work, workKeys.source(scanId), {
    schemaVersion: 1,
    scanId,
    bucket: "uploads",
    objects: [{ key: "a.zip", version: "1", size: bytes.length }],
    request: { model: "bright3d", refine: "on", seg: "binary", outputs: [], share: "stat" },
  });
  const deps = { stores, models, logger: silentLogger, provider: "cpu" as const };
  return inspect({ scanId, attempt: 1 }, maxImages === undefined ? deps : { ...deps, maxImages });
}

it("takes as many images as the place can keep records of, and says how many there were of more", async () => {
  expect((await inspected(3, 3)).tasks).toHaveLength(3);
  await expect(inspected(4, 3)).rejects.toMatchObject({
    code: "InputUnsupported",
    message: "the upload holds 4 images, expected at most 3 here; send it in parts",
  });
  // One machine keeps no history that could be full.
  expect((await inspected(151)).tasks).toHaveLength(151);
});
