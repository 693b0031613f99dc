import { mkdir, mkdtemp, readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { writeNifti } from "#src/formats/nifti-write.js";
import { scanlane } from "../support/cli.js";
import { brightManifest, brightNetwork, modelsFolderWith } from "../support/tiny-models.js";

let folder: string;
let args: (out: string) => string[];

beforeAll(async () => {
  const network = brightNetwork();
  const models = await modelsFolderWith([{ manifest: brightManifest(network), network }]);
  folder = await mkdtemp(join(tmpdir(), "unwritable-"));
  const input = join(folder, "two.nii");
  // Two images, the second with one bright voxel more.
  const data = new Int16Array(1024).fill(150, 201, 204).fill(150, 713, 717);
  const grid = { size: [8, 8, 8], affineRas: [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0], spacingMm: [1, 1, 1] } as const;
  await writeFile(input, writeNifti({ ...grid, data, channels: 2 }));
  args = (out) => ["run", input, "--models", models, "--model", "bright3d", "--out", join(folder, out), "--json"];
});

describe("a run whose results cannot be written", () => {
  it("ends as a failure to be tried again, though another image of the upload was published", async () => {
    const whole = await scanlane(args("whole"));
    expect(whole.code, whole.stderr).toBeLessThanOrEqual(3);
    const { outcomes } = JSON.parse(whole.stdout);
    expect(outcomes.map(({ kind }: { kind: string }) => kind)).toEqual(["published", "published"]);
    const [second] = outcomes.filter(({ result }: { result: { structures: { voxels: number }[] } }) => {
      return result.structures[0]?.voxels === 4;
    });

    // Neither the second image nor the reason why not can be written: a folder is in place of a file, and a file of one.
    await mkdir(join(folder, "full", second.result.identity, "result.json"), { recursive: true });
    await writeFile(join(folder, "full", "quarantine"), "");
    const full = await scanlane(args("full"));
    expect([full.code, full.stdout], full.stderr).toEqual([75, ""]);
    expect(full.stderr).toContain("two.nii: StoreBusy: ");
    // The first image is in the table of runs.
    const table = await readFile(join(folder, "full", "index.jsonl"), "utf8");
    expect(table.trim().split("\n")).toHaveLength(1);
  });
});
