import { mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { ownOutputs } from "#src/cli/own-outputs.js";

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "own-"));
  for (const name of ["out-segment-1.nii.gz", "out-segment-12.nii.gz", "out-flair.nii.gz", "other-segment-1.nii.gz"]) {
    await writeFile(join(folder, name), "");
  }
  for (const name of ["out-liver.stl", "out.nii", "out-segment-1.glb"]) await writeFile(join(folder, name), "");
});

describe("ownOutputs", () => {
  it.each([
    ["out.nii.gz", ["out.nii.gz", "out-segment-1.nii.gz", "out-segment-12.nii.gz"]],
    ["out.nii", ["out.nii"]],
    ["out.stl", ["out.stl", "out-liver.stl"]],
    ["out.glb", ["out.glb", "out-segment-1.glb"]],
    ["nifti", ["nifti"]],
  ])("of %s are %o", async (output, expected) => {
    const found = await ownOutputs(join(folder, output));
    expect(found.map((path) => basename(path)).sort()).toEqual(expected.toSorted());
  });

  it("are those that will be where there is no folder yet", async () => {
    expect(await ownOutputs(join(folder, "deep", "out.nii"))).toEqual([join(folder, "deep", "out.nii")]);
  });
});
