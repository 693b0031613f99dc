import { describe, expect, it } from "vitest";
import { silentLogger } from "#src/core/logger.js";
import { Admission } from "#src/local/admission.js";
import { ImagesAhead } from "#src/local/images-ahead.js";
import { folderModels } from "#src/model/model-library.js";
import { readDocument } from "#src/stages/documents.js";
import { inspect } from "#src/stages/inspect.js";
import { preprocess } from "#src/stages/preprocess.js";
import { runTask } from "#src/stages/run-task.js";
import type { StageDeps } from "#src/stages/stage-deps.js";
import { STAGE_FILES } from "#src/storage/keys.js";
import { memoryStore } from "#src/storage/memory-store.js";
import { TaskDocument } from "#src/workflow/contract.js";
import { buildNifti } from "../../support/nifti-builder.js";
import { putUpload } from "../../support/put-upload.js";
import { recordedKey } from "../../support/recorded-key.js";
import { brightManifest, brightNetwork, modelsFolderWith } from "../../support/tiny-models.js";

const scanId = `s-${"0".repeat(40)}`;

/** A scan after Preprocess. */
async function prepared() {
  const network = brightNetwork();
  const models = folderModels(await modelsFolderWith([{ manifest: brightManifest(network), network }]));
  const stores = { source: memoryStore(), work: memoryStore(), results: memoryStore() };
  const deps: StageDeps = { stores, models, logger: silentLogger, provider: "cpu" };
  const bytes = buildNifti({ voxels: Uint8Array.of(0, 1, 2, 3, 4, 5, 6, 100) });
  await putUpload(stores, scanId, { bytes });
  const [input] = (await inspect({ scanId, attempt: 1 }, deps)).tasks;
  if (input === undefined) throw new Error("a scan has a task");
  await runTask(preprocess, input, deps);
  return { deps, input, task: await readDocument(stores.work, input.taskKey, TaskDocument) };
}

const needs = ({ plan }: TaskDocument) => (plan?.publish.memoryMiB ?? 0) + (plan?.segment?.memoryMiB ?? 0);

describe("ImagesAhead", () => {
  it("reads an image once, for the result that it is of, with the values that are shown as black and white", async () => {
    const { deps, input, task } = await prepared();
    const images = new ImagesAhead(deps, new Admission(needs(task)));
    expect(await images.take(task.identity)).toBeNull();
    images.begin(input, task);
    expect(await images.take("r-other")).toBeNull();
    const shown = await images.take(task.identity);
    expect(shown?.image.data).toEqual(Int16Array.of(0, 1, 2, 3, 4, 5, 6, 100));
    expect(shown?.window.black).toBeCloseTo(0.07);
    expect(shown?.window.white).toBeCloseTo(93.42);
    expect(await images.take(task.identity)).toBeNull();
  });

  it("begins only where there is memory for it, which it keeps until Publish comes or cannot come any more", async () => {
    const { deps, input, task } = await prepared();
    const little = new ImagesAhead(deps, new Admission(needs(task) - 1));
    little.begin(input, task);
    expect(await little.take(task.identity)).toBeNull();

    // Steps after the network run in the same process as it.
    const plan = task.plan && { ...task.plan, postprocess: { memoryMiB: needs(task) } };
    const stepped = new ImagesAhead(deps, new Admission(needs(task)));
    stepped.begin(input, { ...task, ...(plan && { plan }) });
    expect(await stepped.take(task.identity)).toBeNull();

    const admission = new Admission(needs(task));
    const images = new ImagesAhead(deps, admission);
    const other = { identity: "r-other", memoryMiB: 1, besideMiB: 0 };
    images.begin(input, task);
    const ran: string[] = [];
    const waiting = admission.run(other, async () => void ran.push("other"));
    await new Promise(setImmediate);
    expect(ran).toEqual([]);
    images.makeRoom(task.identity);
    await waiting;
    expect(await images.take(task.identity)).not.toBeNull();

    images.begin(input, task);
    images.forget("r-other");
    images.forget(task.identity);
    expect(await images.take(task.identity)).toBeNull();
  });

  it("leaves an image that is not as it was written to Publish, which says so", async () => {
    const { deps, input, task } = await prepared();
    const key = await recordedKey(deps.stores.work, task, "preprocess", STAGE_FILES.image);
    await deps.stores.work.put(key, new Uint8Array(3));
    const images = new ImagesAhead(deps, new Admission(needs(task)));
    images.begin(input, task);
    expect(await images.take(task.identity)).toBeNull();
  });
});
