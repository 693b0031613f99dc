import { mkdtemp, readdir, readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it, vi } from "vitest";
import { counted } from "#functions/runtime/counted.js";
import { telemetry } from "#functions/runtime/telemetry.js";
import { ortSessions } from "#src/inference/ort-session.js";
import { SessionPool } from "#src/inference/session-pool.js";
import { folderModels } from "#src/model/model-library.js";
import { writeDocument } from "#src/stages/documents.js";
import { inspect } from "#src/stages/inspect.js";
import { postprocessStage } from "#src/stages/postprocess.js";
import { preprocess } from "#src/stages/preprocess.js";
import { publish } from "#src/stages/publish.js";
import { quarantine } from "#src/stages/quarantine.js";
import { runTask } from "#src/stages/run-task.js";
import { segmentStage } from "#src/stages/segment.js";
import { workKeys } from "#src/storage/keys.js";
import { memoryStore } from "#src/storage/memory-store.js";
import { scanlane } from "../support/cli.js";
import type { DicomElements } from "../support/dicom-builder.js";
import { phantomSeries } from "../support/phantom-series.js";
import { brightManifest, brightNetwork, modelsFolderWith } from "../support/tiny-models.js";
import { zipOf } from "../support/zip-builder.js";

const PLANTED = "PLANTED";
const TEXT_VRS = new Set(["LO", "SH", "PN", "LT", "ST", "UT"]);

/** Puts the planted word into every attribute of text, and into those that usually name a person or place. */
function plant(elements: DicomElements): void {
  for (const element of Object.values(elements)) {
    if (TEXT_VRS.has(element.vr)) element.Value = element.vr === "PN" ? [{ Alphabetic: PLANTED }] : [PLANTED];
  }
  for (const tag of ["00080080", "00081030", "0008103E", "00101040", "00104000", "00324000", "00204000", "00080050"]) {
    elements[tag] = { vr: tag === "00080050" ? "SH" : "LO", Value: [PLANTED] };
  }
}

const network = brightNetwork();
const models = await modelsFolderWith([{ manifest: brightManifest(network), network }]);
const stages = [
  preprocess,
  segmentStage(new SessionPool(ortSessions("cpu"))),
  postprocessStage(ortSessions("cpu")),
  publish,
];
const scanId = `s-${"a".repeat(40)}`;

/** Everything that leaves through logs, state outputs and errors. */
async function emittedBy(archive: Uint8Array): Promise<string> {
  const emitted: unknown[] = [];
  const listen = (stream: NodeJS.WriteStream) =>
    vi.spyOn(stream, "write").mockImplementation((chunk) => emitted.push(String(chunk)) > 0);
  const streams = [listen(process.stdout), listen(process.stderr)];
  const stores = { source: memoryStore(), work: memoryStore(), results: memoryStore() };
  const voice = telemetry("test");
  const deps = { stores, models: folderModels(models), provider: "cpu" as const, ...voice };
  await stores.source.put(`${PLANTED}.zip`, archive);
  await writeDocument(stores.work, workKeys.source(scanId), {
    schemaVersion: 1,
    scanId,
    bucket: "uploads",
    objects: [{ key: `${PLANTED}.zip`, version: "1", size: archive.length }],
    request: { model: "bright3d", refine: "on", seg: "binary", outputs: [], share: "stat" },
  });
  try {
    const found = await inspect({ scanId, attempt: 1 }, deps);
    emitted.push(found);
    for (const { taskKey } of found.tasks) {
      for (const stage of stages) emitted.push(await runTask(stage, { taskKey }, deps));
    }
  } catch (error) {
    const { name, message } = error as Error;
    const caught = { Error: name, Cause: JSON.stringify({ errorMessage: message }) };
    const outcome = await quarantine({ scanId, attempt: 1, task: null, error: { Inspect: caught } }, deps);
    emitted.push(caught, counted(outcome, voice.meter));
  } finally {
    for (const stream of streams) stream.mockRestore();
  }
  return JSON.stringify(emitted);
}

describe("patient names", () => {
  it("are in no log line and no state's output of a scan that goes well", async () => {
    const emitted = await emittedBy(await zipOf(phantomSeries({ edit: plant })));
    for (const word of ["stage done", "CloudWatchMetrics", "StageBytesOut", "ReceiptsUnpriced", "correlation_id"]) {
      expect(emitted).toContain(word);
    }
    expect(emitted).not.toContain(PLANTED);
  });

  it("are in no error either", async () => {
    const gap = phantomSeries({ edit: plant, size: [8, 8, 9], depthMm: (k) => (k < 4 ? k : k + 1) * 3 });
    // Two stacks that make no one volume.
    const mixed = [...phantomSeries({ edit: plant }), ...phantomSeries({ edit: plant, originLps: [9, 9, 9] })].map(
      (file, n) => ({ ...file, name: `${n}` }),
    );
    const truncated = phantomSeries({ edit: plant }).map((file) => ({ ...file, bytes: file.bytes.subarray(0, -40) }));
    const renamed = (files: typeof gap) => files.map((file, n) => ({ ...file, name: `${PLANTED}-${n}.dcm` }));
    for (const files of [gap, mixed, truncated]) {
      const emitted = await emittedBy(await zipOf(renamed(files)));
      expect(emitted).toContain("quarantined");
      for (const word of ["set aside", "Outcomes"]) expect(emitted).toContain(word);
      expect(emitted).not.toContain(PLANTED);
    }
  });

  it("are in the DICOM results, which must carry them, and in no report or record of the result", async () => {
    const folder = await mkdtemp(join(tmpdir(), "names-"));
    const path = join(folder, "upload.zip");
    await writeFile(path, await zipOf(phantomSeries({ edit: plant })));
    const out = join(folder, "out");
    const run = await scanlane(["run", path, "--models", models, "--model", "bright3d", "--out", out, "--json"]);
    expect(run.stdout + run.stderr).not.toContain(PLANTED);
    const [result] = (await readdir(out)).filter((name) => name.startsWith("r-"));
    const holding: string[] = [];
    for (const name of await readdir(join(out, result ?? ""))) {
      const bytes = await readFile(join(out, result ?? "", name));
      if (bytes.includes(PLANTED)) holding.push(name);
    }
    expect(holding).toEqual(["seg.dcm", "sr.dcm"]);
  });
});
