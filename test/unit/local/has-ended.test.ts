import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { hasEnded } from "#src/local/has-ended.js";
import { deidentifiedWork, type Places } from "#src/local/places.js";
import { folderStore } from "#src/storage/folder-store.js";
import type { RunRequest } from "#src/workflow/contract.js";
import { OperatedScans, resultIdOf, scanIdOf } from "../../support/operated-scans.js";
import { modelsFolderWith } from "../../support/tiny-models.js";

const scanId = scanIdOf(1);
const plain: RunRequest = { refine: "on", seg: "binary", share: "stat" };
const all = ["preprocess", "segment", "postprocess", "publish"] as const;
let places: Omit<Places, "source">;

beforeEach(async () => {
  const folder = await mkdtemp(join(tmpdir(), "ended-"));
  const results = join(folder, "out");
  places = {
    ...{ results, work: join(results, ".work"), deid: join(folder, "deid") },
    models: await modelsFolderWith([]),
  };
});

/** What a run leaves, with its intermediate files in this folder. */
const scansWith = (work: string) =>
  new OperatedScans({ work: folderStore(work, { isPrivate: true }), results: folderStore(places.results) });

const ended = (request = plain) =>
  hasEnded({ root: "/uploads", source: { schemaVersion: 1, scanId, bucket: "local", objects: [], request } }, places);

describe("hasEnded", () => {
  it("says no of a scan that nothing is known of, and of one that has not begun", async () => {
    expect(await ended()).toBe(false);
    await scansWith(places.work).takenIn(scanId);
    expect(await ended()).toBe(false);
  });

  it("says yes of one with every image published or set aside", async () => {
    const scans = scansWith(places.work);
    await scans.task(scanId, 1, "t0", resultIdOf(1), all);
    await scans.published(scanId, 1, "t0", resultIdOf(1));
    expect(await ended()).toBe(true);
    await scans.task(scanId, 1, "t1", resultIdOf(2), ["preprocess"]);
    expect(await ended()).toBe(false);
    await scans.setAside(scanId, 1, "t1", "ComputeLost");
    expect(await ended()).toBe(true);
  });

  it("looks for the images of a scan that is de-identified where its intermediate files are", async () => {
    const scans = scansWith(deidentifiedWork(places.deid ?? ""));
    const deidentify = { profile: "basic", pictures: "image" } as const;
    await scans.task(scanId, 1, "t0", resultIdOf(1), all, { deidentify });
    await scans.task(scanId, 1, "t1", resultIdOf(2), ["preprocess"], { deidentify });
    await scans.published(scanId, 1, "t0", resultIdOf(3));
    expect(await ended({ ...plain, deidentify: "basic" })).toBe(false);
  });
});
