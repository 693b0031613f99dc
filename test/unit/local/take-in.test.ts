import { mkdir, mkdtemp, rename, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { takeIn } from "#src/local/take-in.js";
import { RunRequest } from "#src/workflow/contract.js";

const request = RunRequest.parse({});
const folder = () => mkdtemp(join(tmpdir(), "take-in-"));

describe("takeIn", () => {
  it("names a file by its bytes and what is asked for, not by its name or date", async () => {
    const root = await folder();
    await writeFile(join(root, "a.nii"), "voxels");
    const first = await takeIn(join(root, "a.nii"), request);
    await rename(join(root, "a.nii"), join(root, "b.nii"));
    await utimes(join(root, "b.nii"), 0, 0);
    const renamed = await takeIn(join(root, "b.nii"), request);
    expect(renamed.source.scanId).toBe(first.source.scanId);
    expect(renamed.source.objects).toMatchObject([{ key: "b.nii", size: 6 }]);

    const other = await takeIn(join(root, "b.nii"), { ...request, model: "liver" });
    await writeFile(join(root, "b.nii"), "voxelS");
    const changed = await takeIn(join(root, "b.nii"), request);
    expect(new Set([first, other, changed].map(({ source }) => source.scanId)).size).toBe(3);
  });

  it("takes all files of a folder, but no hidden ones", async () => {
    const root = await folder();
    await mkdir(join(root, "series"));
    await mkdir(join(root, ".cache"));
    for (const name of ["2.dcm", "series/1.dcm", ".DS_Store", ".cache/x"]) await writeFile(join(root, name), name);
    const { source } = await takeIn(root, request);
    expect(source.objects.map(({ key }) => key)).toEqual(["2.dcm", "series/1.dcm"]);
  });

  it("refuses what is not there, and a folder without files", async () => {
    const root = await folder();
    await expect(takeIn(join(root, "gone.nii"), request)).rejects.toMatchObject({ code: "StoreMissing" });
    await expect(takeIn(root, request)).rejects.toMatchObject({ code: "NoImage" });
  });
});
