import { mkdir, mkdtemp, rename, symlink, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { describe, expect, it } from "vitest";
import { openPlaces } from "#src/local/places.js";
import { takeIn, takeInFiles } from "#src/local/take-in.js";
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
    expect(source.name).toBe(basename(root));
  });

  it("leaves out what the command itself writes below the folder, by whatever path it is named", async () => {
    const root = await folder();
    await symlink(root, `${root}-link`);
    for (const own of ["out", "sub/work"]) await mkdir(join(root, own), { recursive: true });
    for (const name of ["a.nii", "out/b.nii", "sub/c.nii", "sub/work/d.nii"]) await writeFile(join(root, name), name);
    const own = [join(`${root}-link`, "out"), join(root, "sub/work"), join(root, "none-yet")];
    const { source } = await takeIn(root, request, own);
    expect(source.objects.map(({ key }) => key)).toEqual(["a.nii", "sub/c.nii"]);

    // A part of it that is named itself is wanted.
    const part = await takeIn(join(root, "out"), request, [root]);
    expect(part.source.objects.map(({ key }) => key)).toEqual(["b.nii"]);
    expect((await takeIn(join(root, "out/b.nii"), request, own)).source.objects).toHaveLength(1);
  });

  it("follows links to files and folders, but not into what the command writes", async () => {
    const [root, elsewhere] = [await folder(), await folder()];
    for (const sub of ["series/deep", "out"]) await mkdir(join(elsewhere, sub), { recursive: true });
    for (const name of ["a", "series/1", "series/deep/2", "out/result"]) await writeFile(join(elsewhere, name), name);
    await symlink(join(elsewhere, "a"), join(root, "a"));
    await symlink(join(elsewhere, "series"), join(root, "linked"));
    await symlink(join(elsewhere, "out"), join(root, "results"));
    await symlink(join(elsewhere, "out", "result"), join(root, "result"));
    const upload = await takeIn(root, request, [join(elsewhere, "out")]);
    expect(upload.source.objects.map(({ key }) => key)).toEqual(["a", "linked/1", "linked/deep/2"]);

    const here = { source: root, work: root, results: root, models: root };
    const read = (places: Parameters<typeof openPlaces>[0]) => openPlaces(places).stores.source.get("linked/deep/2");
    expect(upload.followsLinks).toBe(true);
    expect(new TextDecoder().decode(await read({ ...here, followsLinks: true }))).toBe("series/deep/2");
    // What is dropped into a watched folder may be somebody else's.
    expect((await takeInFiles({ root, name: "a", files: ["a"] }, request)).followsLinks).toBeUndefined();
    await expect(read(here)).rejects.toMatchObject({ code: "InputUnsafe" });
  });

  it("refuses links that lead nowhere or back, as files would be missing without a word", async () => {
    const [lost, round] = [await folder(), await folder()];
    for (const name of ["1", "2"]) await writeFile(join(lost, name), name);
    await symlink(join(lost, "not-there"), join(lost, "3"));
    await expect(takeIn(lost, request)).rejects.toMatchObject({
      code: "StoreMissing",
      message: "folder holds a link that leads nowhere, expected files to be there",
    });
    await mkdir(join(round, "sub"));
    await writeFile(join(round, "1"), "1");
    await symlink(round, join(round, "sub", "back"));
    await expect(takeIn(round, request)).rejects.toMatchObject({ code: "InputUnsafe" });
  });

  it("refuses a folder that the command writes to, but no file in it", async () => {
    const root = await folder();
    await writeFile(join(root, "a.nii"), "voxels");
    await expect(takeIn(root, request, [root])).rejects.toMatchObject({ code: "InputMismatch" });
    expect((await takeIn(join(root, "a.nii"), request, [root])).source.objects).toHaveLength(1);
  });

  it("asks for what the scan.json of a folder says, behind what the command says, and leaves it out", async () => {
    const root = await folder();
    for (const name of ["1.dcm", "scan.complete"]) await writeFile(join(root, name), name);
    const plain = await takeIn(root, {});
    await writeFile(join(root, "scan.json"), '{"model":"liver","seg":"labelmap","refine":"off"}');
    const { source } = await takeIn(root, { seg: "fractional" });
    expect(source.objects.map(({ key }) => key)).toEqual(["1.dcm"]);
    expect(source.request).toMatchObject({ model: "liver", seg: "fractional", refine: "off", share: "routine" });
    expect(source.scanId).not.toBe(plain.source.scanId);
  });

  it("has a folder set aside that holds less than its scan.json promises, or whose scan.json cannot be used", async () => {
    const root = await folder();
    await writeFile(join(root, "1.dcm"), "x");
    await writeFile(join(root, "scan.json"), '{"count":2}');
    const short = await takeIn(root, {});
    expect(short.source.refused).toEqual({
      code: "SeriesIncomplete",
      message: "folder holds 1 of the 2 files that its scan.json promises",
    });
    await writeFile(join(root, "2.dcm"), "y");
    expect((await takeIn(root, {})).source.refused).toBeUndefined();
    for (const text of ["{", '{"model":7}', '{"Doe":1}', '{"seg":"labelmap","outputs":["sr"]}', '{"count":0}']) {
      await writeFile(join(root, "scan.json"), text);
      const { refused } = (await takeIn(root, {})).source;
      expect(refused).toMatchObject({ code: "InputUnreadable", message: expect.stringMatching(/^scan\.json/) });
      expect(refused?.message).not.toContain("Doe");
    }
  });

  it("refuses what is not there, and a folder without files", async () => {
    const root = await folder();
    await expect(takeIn(join(root, "gone.nii"), request)).rejects.toMatchObject({ code: "StoreMissing" });
    await expect(takeIn(root, request)).rejects.toMatchObject({ code: "NoImage" });
  });
});
