import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { writeNifti } from "#src/formats/nifti-write.js";
import { scanlane } from "../support/cli.js";
import { phantomSeries } from "../support/phantom-series.js";
import { brightManifest, brightNetwork, modelsFolderWith } from "../support/tiny-models.js";

const volume = (bright: number) =>
  writeNifti({
    size: [8, 8, 8],
    affineRas: [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0],
    spacingMm: [1, 1, 1],
    data: new Int16Array(512).fill(150, 201, 201 + bright),
  });

let models: string;
beforeAll(async () => {
  const network = brightNetwork();
  models = await modelsFolderWith([{ manifest: brightManifest(network), network }]);
});

describe("scanlane watch", () => {
  it("takes good uploads and bad ones, each once, also over a restart", async () => {
    const folder = await mkdtemp(join(tmpdir(), "watch-"));
    const inbox = join(folder, "inbox");
    await mkdir(inbox);
    await writeFile(join(inbox, "a.nii"), volume(3));
    await writeFile(join(inbox, "b.nii"), volume(4).subarray(0, 600));
    await writeFile(join(inbox, "c.nii"), volume(5));
    const args = ["watch", inbox, "--models", models, "--model", "bright3d", "--out", join(folder, "out")];
    const first = await scanlane([...args, "--count", "3"]);
    expect(first.code, first.stderr).toBe(65);
    expect(first.stdout).toMatch(/a\.nii: bright3d[\s\S]*b\.nii: set aside at inspect[\s\S]*c\.nii: bright3d/);
    const table = await readFile(join(folder, "out", "results.csv"), "utf8");
    expect(table.split("\r\n").filter(Boolean)).toHaveLength(4);

    await writeFile(join(inbox, "d.nii"), volume(6));
    const second = await scanlane([...args, "--count", "1"]);
    expect(second.code, second.stderr).toBe(0);
    expect(second.stderr).toMatch(/a\.nii: already done[\s\S]*b\.nii: already done[\s\S]*c\.nii: already done/);
    expect(second.stdout).toContain("d.nii: bright3d");
  });

  it("goes on after a restart with an upload of which an image was not published yet", async () => {
    const folder = await mkdtemp(join(tmpdir(), "watch-"));
    const [inbox, out] = [join(folder, "inbox"), join(folder, "out")];
    await mkdir(inbox);
    const data = new Int16Array(1024).fill(150, 201, 204).fill(150, 713, 717);
    const grid = { size: [8, 8, 8], affineRas: [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0], spacingMm: [1, 1, 1] } as const;
    await writeFile(join(inbox, "two.nii"), writeNifti({ ...grid, data, channels: 2 }));
    const args = ["watch", inbox, "--models", models, "--model", "bright3d", "--out", out, "--count", "1", "--json"];
    const whole = await scanlane(args);
    expect(whole.code, whole.stderr).toBe(0);
    const { scanId, outcomes } = JSON.parse(whole.stdout);

    // As a run leaves it that is killed when the first image was published: the second has its task alone.
    const line = join(out, "index", scanId, "a1-t1.json");
    const { resultKey } = JSON.parse(await readFile(line, "utf8"));
    const identity = resultKey.split("/")[0];
    for (const path of [line, join(out, identity), join(out, ".work", identity)]) await rm(path, { recursive: true });

    const again = await scanlane(args, { killAfterMs: 20_000 });
    expect(again.code, again.stderr).toBe(0);
    const names = (all: { folder: string }[]) => all.map((one) => one.folder).sort();
    expect(names(JSON.parse(again.stdout).outcomes)).toEqual(names(outcomes));
    const lines = (await readFile(join(out, "index.jsonl"), "utf8")).trim().split("\n");
    expect(lines.map((text) => JSON.parse(text).subject)).toEqual(["t0", "t1"]);
  });

  it("takes loose slices as one series, and sets a folder with a gap aside after waiting for the slice", async () => {
    const folder = await mkdtemp(join(tmpdir(), "watch-"));
    const inbox = join(folder, "inbox");
    await mkdir(join(inbox, "gap"), { recursive: true });
    for (const { name, bytes } of phantomSeries({ seriesUid: "1.2.3" })) await writeFile(join(inbox, name), bytes);
    const slices = phantomSeries({ size: [6, 5, 6], seriesUid: "1.2.4" }).filter(({ name }) => !name.endsWith("2"));
    for (const { name, bytes } of slices) await writeFile(join(inbox, "gap", name), bytes);
    const args = ["watch", inbox, "--models", models, "--model", "bright3d", "--out", join(folder, "out")];
    const run = await scanlane([...args, "--quiet-seconds", "3", "--max-wait-seconds", "5", "--count", "2"]);
    expect(run.code, run.stderr).toBe(65);
    expect(run.stdout).toMatch(/^a0 and 3 more: bright3d[\s\S]*gap: set aside at inspect/);
    const lines = (await readFile(join(folder, "out", "index.jsonl"), "utf8")).trim().split("\n");
    const records = lines.map((line) => JSON.parse(line));
    expect(records.map(({ code, completeness }) => [code, completeness]).sort()).toEqual([
      [null, { evidence: "quiet-period", instances: 4, supersedes: null }],
      ["SeriesIncomplete", { evidence: "none", instances: 5, supersedes: null }],
    ]);
  });

  it("names an inbox that is not there", async () => {
    const missing = await scanlane(["watch", join(tmpdir(), "no-such-inbox"), "--out", join(tmpdir(), "no-out")]);
    expect(missing).toMatchObject({ code: 65, stderr: expect.stringContaining("inbox is not there") });
  });
});
