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

  it("fails on nothing but files that are no image", async () => {
    const { code, stdout } = await scanlane(["inspect", join(folder, "good", "notes.txt")]);
    expect(code).toBe(65);
    expect(stdout).toContain("no image: entry 0");
  });
});
