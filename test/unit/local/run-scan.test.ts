import { mkdir, mkdtemp, readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { describe, expect, it, vi } from "vitest";
import { ERROR_CLASSES } from "#src/core/errors.js";
import { writeNifti } from "#src/formats/nifti-write.js";
import { Admission, type AskedStage } from "#src/local/admission.js";
import { runScan } from "#src/local/run-scan.js";
import { takeIn } from "#src/local/take-in.js";
import { type AskedJob, WorkerProcess } from "#src/local/worker-process.js";
import { folderStore } from "#src/storage/folder-store.js";
import { brightManifest, brightNetwork, modelsFolderWith } from "../../support/tiny-models.js";

const logger = { info: () => {}, warn: () => {} };

/** Images of 30 x 40 x 50 voxels, taken in, and where their run writes. */
async function upload(images = 1) {
  const network = brightNetwork();
  const models = await modelsFolderWith([{ manifest: brightManifest(network), network }]);
  const uploads = await mkdtemp(join(tmpdir(), "upload-"));
  const [size, affineRas] = [
    [30, 40, 50],
    [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0],
  ] as const;
  const data = new Int16Array(30 * 40 * 50 * images).fill(1, -1);
  const image = writeNifti({ size, affineRas, spacingMm: [1, 1, 1], data, channels: images });
  await writeFile(join(uploads, "a.nii.gz"), gzipSync(image));
  const out = await mkdtemp(join(tmpdir(), "out-"));
  const places = { work: join(out, ".work"), results: out, models };
  return { taken: await takeIn(join(uploads, "a.nii.gz"), { model: "bright3d" }), places, out };
}

describe("runScan", () => {
  it("asks, before a stage runs in this process, for what its task's plan says", async () => {
    const { taken, places, out } = await upload();
    const asks: AskedStage[] = [];
    class Recorder extends Admission {
      override run<T>(asked: AskedStage, work: () => Promise<T>): Promise<T> {
        asks.push(asked);
        return super.run(asked, work);
      }
    }
    // Its process is lost with each job.
    await writeFile(join(out, "lost.mjs"), "process.exit()");
    const worker = new WorkerProcess(join(out, "lost.mjs"), logger);
    const { outcomes, scanId } = await runScan(taken, { places, logger, worker, admission: new Recorder(1000) });
    worker.close();

    expect(outcomes).toMatchObject([{ kind: "quarantined", code: "ComputeLost" }]);
    const task = JSON.parse(new TextDecoder().decode(await folderStore(places.work).get(`${scanId}/a1/tasks/t0.json`)));
    const { preprocess, segment } = task.plan;
    expect(asks).toEqual([{ identity: task.identity, memoryMiB: preprocess.memoryMiB, besideMiB: segment.memoryMiB }]);
  });

  it.each([
    ["again, as often as on AWS", false, 3],
    ["once where the run was interrupted, which ends the worker too", true, 1],
  ])("runs a job whose process is lost %s", async (_, isInterrupted, tries) => {
    const { taken, places } = await upload();
    const interrupt = new AbortController();
    let jobs = 0;
    class Lost extends WorkerProcess {
      override readonly run = async () => {
        jobs++;
        if (isInterrupted) interrupt.abort(new Error("stopped"));
        return null;
      };
    }
    const run = runScan(taken, { places, logger, worker: new Lost("", logger), signal: interrupt.signal });
    if (isInterrupted) await expect(run).rejects.toThrow("stopped");
    else expect(await run).toMatchObject({ outcomes: [{ kind: "quarantined", code: "ComputeLost" }] });
    expect(jobs).toBe(tries);
  });

  it.each([
    ["SIGKILL", "MemoryInsufficient", 1],
    ["SIGSEGV", "ComputeLost", 1],
    ["SIGTERM", "ComputeLost", 3],
  ])("sets a scan aside whose job ends by %s as %s, after as many tries as on AWS", async (signal, code, tries) => {
    const { taken, places, out } = await upload();
    const program = `import { appendFileSync } from "node:fs";
      process.on("message", ({ kind }) => {
        if (kind !== "job") return;
        appendFileSync(${JSON.stringify(join(out, "tries"))}, "x");
        process.kill(process.pid, "${signal}");
      });`;
    await writeFile(join(out, "crash.mjs"), program);
    const worker = new WorkerProcess(join(out, "crash.mjs"), logger);
    const { outcomes } = await runScan(taken, { places, logger, worker });
    worker.close();
    expect(outcomes).toMatchObject([{ kind: "quarantined", code }]);
    expect(await readFile(join(out, "tries"), "utf8")).toHaveLength(tries);
  });

  it("goes on with a worker that was lost once", async () => {
    const { taken, places } = await upload();
    const exits = [null, ERROR_CLASSES.model.exitCode];
    class LostOnce extends WorkerProcess {
      override readonly run = async () => exits.shift() ?? 0;
    }
    const { outcomes } = await runScan(taken, { places, logger, worker: new LostOnce("", logger) });
    expect(outcomes).toMatchObject([{ kind: "quarantined", code: "ModelInvalid" }]);
  });

  it("gives the worker no image of an upload to segment before its turn, and says when it has one", async () => {
    const { taken, places } = await upload();
    const told: string[] = [];
    class Refusing extends WorkerProcess {
      override readonly run = async ({ stage }: AskedJob) => {
        told.push(stage);
        return ERROR_CLASSES.model.exitCode;
      };
    }
    let begin = () => {};
    const segmentAfter = new Promise<void>((resolve) => {
      begin = resolve;
    });
    const states: string[] = [];
    const running = runScan(taken, {
      places,
      logger,
      worker: new Refusing("", logger),
      segmentAfter,
      onSegment: () => told.push("told"),
      onState: ({ state, phase }) => {
        states.push(`${state} ${phase}`);
        if (state !== "Segment" || phase !== "start") return;
        // Longer than the worker needs to be asked.
        setTimeout(() => {
          told.push("turn");
          begin();
        }, 200);
      },
    });
    await running;
    expect(told).toEqual(["turn", "segment", "told"]);
    expect(states).toContain("Segment failed");
  });

  it("holds the bytes of an upload no longer than until its network runs, whoever preprocessed it", async () => {
    const { taken, places } = await upload();
    const { held } = taken;
    if (held === undefined) throw new Error("a packed file is held when it is taken in");
    const letGo = vi.spyOn(held, "letGo");
    const seen: [string, number][] = [];
    class Refusing extends WorkerProcess {
      override readonly run = async ({ stage }: AskedJob) => {
        seen.push([stage, letGo.mock.calls.length]);
        return ERROR_CLASSES.model.exitCode;
      };
    }
    await runScan(taken, { places, logger, worker: new Refusing("", logger) });
    expect(seen).toEqual([["segment", 1]]);
  });

  it("throws what is worth another try where one image of two was set aside and the other could not be", async () => {
    const { taken, places, out } = await upload(2);
    const { scanId } = taken.source;
    // Folders, where the files of the second image's record and of the scan's would be.
    for (const subject of ["t1", "scan"]) {
      await mkdir(join(out, "quarantine", scanId, `a1-${subject}.json`), { recursive: true });
    }
    class Refusing extends WorkerProcess {
      override readonly run = async () => ERROR_CLASSES.model.exitCode;
    }
    const run = runScan(taken, { places, logger, worker: new Refusing("", logger) });
    await expect(run).rejects.toMatchObject({ code: "StoreBusy" });
    const results = folderStore(places.results);
    expect(await results.head(`quarantine/${scanId}/a1-t0.json`)).not.toBeNull();
  });
});
