import { mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { writeNifti } from "#src/formats/nifti-write.js";
import { Admission, type AskedStage } from "#src/local/admission.js";
import { runScan } from "#src/local/run-scan.js";
import { takeIn } from "#src/local/take-in.js";
import { WorkerProcess } from "#src/local/worker-process.js";
import { folderStore } from "#src/storage/folder-store.js";
import { brightManifest, brightNetwork, modelsFolderWith } from "../../support/tiny-models.js";

const logger = { info: () => {}, warn: () => {} };

describe("runScan", () => {
  it("asks, before a stage runs in this process, for what its task's plan says", async () => {
    const network = brightNetwork();
    const models = await modelsFolderWith([{ manifest: brightManifest(network), network }]);
    const uploads = await mkdtemp(join(tmpdir(), "upload-"));
    const [size, affineRas] = [
      [30, 40, 50],
      [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0],
    ] as const;
    const data = new Int16Array(30 * 40 * 50);
    await writeFile(join(uploads, "a.nii"), writeNifti({ size, affineRas, spacingMm: [1, 1, 1], data }));
    const upload = await takeIn(join(uploads, "a.nii"), { model: "bright3d" });

    const asks: AskedStage[] = [];
    class Recorder extends Admission {
      override run<T>(asked: AskedStage, work: () => Promise<T>): Promise<T> {
        asks.push(asked);
        return super.run(asked, work);
      }
    }
    const out = await mkdtemp(join(tmpdir(), "out-"));
    const places = { work: join(out, ".work"), results: out, models };
    // Its process is lost with the first job.
    await writeFile(join(out, "lost.mjs"), "process.exit()");
    const worker = new WorkerProcess(join(out, "lost.mjs"), logger);
    const { outcomes, scanId } = await runScan(upload, { places, logger, worker, admission: new Recorder(1000) });
    worker.close();

    expect(outcomes).toMatchObject([{ kind: "quarantined", code: "ComputeLost" }]);
    const task = JSON.parse(new TextDecoder().decode(await folderStore(places.work).get(`${scanId}/a1/tasks/t0.json`)));
    const { preprocess, segment } = task.plan;
    expect(asks).toEqual([{ identity: task.identity, memoryMiB: preprocess.memoryMiB, besideMiB: segment.memoryMiB }]);
  });
});
