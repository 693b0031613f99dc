import { expect, it } from "vitest";
import type { Provider } from "#src/core/ids.js";
import { silentLogger } from "#src/core/logger.js";
import { folderModels } from "#src/model/model-library.js";
import { inspect } from "#src/stages/inspect.js";
import type { StageDeps } from "#src/stages/stage-deps.js";
import { memoryStore } from "#src/storage/memory-store.js";
import { buildNifti } from "../../support/nifti-builder.js";
import { putUpload } from "../../support/put-upload.js";
import { brightManifest, brightNetwork, modelsFolderWith } from "../../support/tiny-models.js";

const network = brightNetwork();
const models = folderModels(await modelsFolderWith([{ manifest: brightManifest(network), network }]));
const scanId = `s-${"a".repeat(40)}`;

/** The name of the result of one scan, on the devices of a deployment. */
async function identity(provider: Provider, stepProvider?: Provider): Promise<string | undefined> {
  const stores = { source: memoryStore(), work: memoryStore(), results: memoryStore() };
  const deps: StageDeps = { stores, models, logger: silentLogger, provider, ...(stepProvider ? { stepProvider } : {}) };
  const bytes = buildNifti({});
  await putUpload(stores, scanId, { bytes });
  return (await inspect({ scanId, attempt: 1 }, deps)).tasks[0]?.identity;
}

it("names a result by the devices of Segment and of Postprocess; the CPU goes without saying", async () => {
  const names = [
    await identity("cpu"),
    await identity("cuda"),
    await identity("cuda", "cuda"),
    await identity("tensorrt"),
  ];
  expect(new Set(names).size).toBe(4);
  expect(await identity("cpu", "cpu")).toBe(names[0]);
  expect(await identity("cuda", "cpu")).toBe(names[1]);
});
