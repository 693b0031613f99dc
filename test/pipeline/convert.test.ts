import { mkdir, mkdtemp, readdir, readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { readNifti } from "#src/formats/nifti-read.js";
import { applyAffine } from "#src/imaging/affine.js";
import { scanlane } from "../support/cli.js";
import { buildNifti } from "../support/nifti-builder.js";
import { phantomSeries, phantomValue } from "../support/phantom-series.js";

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "convert-"));
});

async function seriesIn(name: string, options: Parameters<typeof phantomSeries>[0]): Promise<string> {
  const path = join(folder, name);
  await mkdir(path, { recursive: true });
  for (const file of phantomSeries(options)) await writeFile(join(path, file.name), file.bytes);
  return path;
}

describe("scanlane convert", () => {
  it.each(["one.nii", "one.nii.gz"])("writes a series as %s, every voxel where its value says it is", async (name) => {
    const input = await seriesIn("oblique", { plane: "oblique" });
    const { code } = await scanlane(["convert", input, join(folder, name)]);
    expect(code).toBe(0);
    const bytes = await readFile(join(folder, name));
    expect(bytes[0] === 0x1f).toBe(name.endsWith("gz"));
    const { data, size, affineRas } = readNifti(bytes);
    for (let i = 0; i < data.length; i++) {
      const at = [i % size[0], Math.floor(i / size[0]) % size[1], Math.floor(i / size[0] / size[1])] as const;
      expect(Math.abs((data[i] ?? 0) - phantomValue(applyAffine(affineRas, at)))).toBeLessThan(0.75);
    }
  });

  it("writes several images to a folder, and refuses to put them into one file", async () => {
    const input = await seriesIn("two", { seriesUid: "1.2.3" });
    await writeFile(join(input, "z.nii"), buildNifti({}));
    const out = join(folder, "several");
    const converted = await scanlane(["convert", input, out]);
    expect(converted.code).toBe(0);
    expect((await readdir(out)).sort()).toEqual(["image-001.nii.gz", "image-002.nii.gz"]);
    expect(converted.stderr).toMatch(/^image-001\.nii\.gz <- 4 files, the first \S+ \(entry 0\)$/m);
    expect(converted.stderr).toMatch(/^image-002\.nii\.gz <- z\.nii \(entry 4\)$/m);
    const refused = await scanlane(["convert", input, join(folder, "never.nii")]);
    expect(refused.code).toBe(65);
    expect(refused.stderr).toContain("input holds 2 images, expected one");
  });

  it("does not take what it wrote into the folder before", async () => {
    const input = await seriesIn("inside", {});
    const out = join(input, "nifti");
    for (const _ of ["first", "again"]) expect(await scanlane(["convert", input, out])).toMatchObject({ code: 0 });
    expect(await readdir(out)).toEqual(["image-001.nii.gz"]);
  });

  it("does not write to the folder or the file that it reads", async () => {
    const input = await seriesIn("itself", {});
    const before = await readdir(input);
    const refused = await scanlane(["convert", input, input]);
    expect([refused.code, await readdir(input)]).toEqual([65, before]);
    expect(refused.stderr).toContain("InputMismatch: input is where the command writes");
    await writeFile(join(folder, "same.nii"), buildNifti({}));
    expect(await scanlane(["convert", join(folder, "same.nii"), join(folder, "same.nii")])).toMatchObject({ code: 65 });
  });

  it("leaves nothing behind when the input cannot be read", async () => {
    await writeFile(join(folder, "cut.nii"), buildNifti({}).subarray(0, 355));
    const out = join(folder, "nothing");
    expect(await scanlane(["convert", join(folder, "cut.nii"), out])).toMatchObject({ code: 65 });
    await expect(readdir(out)).rejects.toThrow("ENOENT");
  });
});
