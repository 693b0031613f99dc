import { mkdir, mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { scanlane } from "../support/cli.js";
import { buildNifti } from "../support/nifti-builder.js";
import { phantomSeries } from "../support/phantom-series.js";

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "inspect-"));
  for (const name of ["good", "gap"]) await mkdir(join(folder, name));
  for (const file of phantomSeries()) await writeFile(join(folder, "good", file.name), file.bytes);
  await writeFile(join(folder, "good", "z.nii"), buildNifti({}));
  await writeFile(join(folder, "good", "notes.txt"), "no image");
  const gap = phantomSeries({ depthMm: (k) => (k < 2 ? 2 * k : 2 * k + 6) });
  for (const file of gap) await writeFile(join(folder, "gap", file.name), file.bytes);
});

describe("scanlane inspect", () => {
  it("says what each image is, and which files are none", async () => {
    const { code, stdout } = await scanlane(["inspect", join(folder, "good")]);
    expect(code).toBe(0);
    expect(stdout).toContain("dicom MR");
    expect(stdout).toContain("6 x 5 x 4 voxels");
    expect(stdout).toContain("nifti, 2 x 2 x 2 voxels, 1.000 x 1.000 x 1.000 mm, RAS");
    expect(stdout).toContain("no image: entry");
    expect(stdout).not.toContain("notes.txt");
  });

  it("says why a series is refused, and ends in the exit code of bad input", async () => {
    const { code, stdout } = await scanlane(["inspect", join(folder, "gap"), "--json"]);
    expect(code).toBe(65);
    const [image] = JSON.parse(stdout);
    expect(image).toMatchObject({ kind: "failed", entries: [0, 1, 2, 3] });
    expect(image.code).toMatch(/^Series|Slice/);
    expect(image.message).toContain("mm");
  });

  it("names files where that is asked for", async () => {
    await writeFile(join(folder, "cut.nii"), buildNifti({}).subarray(0, 355));
    const cut = await scanlane(["inspect", join(folder, "cut.nii"), "--names"]);
    expect(cut.stdout).toContain("\n   entry 0 is cut.nii\n");
    const { stdout } = await scanlane(["inspect", join(folder, "good"), "--names", "--json"]);
    const [series] = JSON.parse(stdout);
    expect(series.names).toEqual(phantomSeries().map(({ name }) => name));
    const refused = await scanlane(["convert", join(folder, "cut.nii"), join(folder, "never.nii")]);
    expect([refused.code, refused.stderr]).toEqual([
      65,
      expect.stringMatching(/^entry 0 is cut\.nii\ncut\.nii: Input/),
    ]);
  }, 30_000);

  it("fails on nothing but files that are no image", async () => {
    const { code, stdout } = await scanlane(["inspect", join(folder, "good", "notes.txt")]);
    expect(code).toBe(65);
    expect(stdout).toContain("no image: entry 0");
  });
});
