import { mkdir, mkdtemp, readdir, readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeAll, describe, expect, it, vi } from "vitest";
import { convert } from "#src/cli/convert.js";
import { niftiChannel, readNifti } from "#src/formats/nifti-read.js";
import type { SegLabels, SegOptions } from "#src/formats/seg-options.js";
import { writeSeg } from "#src/formats/seg-write.js";
import { applyAffine, invertAffine } from "#src/imaging/affine.js";
import type { Grid } from "#src/imaging/volume.js";
import { PLANES, phantomSeries, uploadOf } from "../../support/phantom-series.js";
import { segOptions } from "../../support/seg-phantom.js";

const SIZE = [9, 8, 5] as const;
const VOXELS = 9 * 8 * 5;

let folder: string;
const at = (...names: string[]): string => join(folder, ...names);

async function run(input: string, output: string, flags: Parameters<typeof convert>[2] = {}): Promise<string[]> {
  const silent = [vi.spyOn(console, "log"), vi.spyOn(console, "error")].map((spy) => spy.mockImplementation(() => {}));
  try {
    return (await convert(at(input), at(output), flags)).map((path) => path.slice(folder.length + 1));
  } finally {
    for (const spy of silent) spy.mockRestore();
  }
}

const images = async (name: string) => readNifti(await readFile(at(name)));

/** Shares of segments 1 (label 7) and 2 (label 1): the first falls along x; the second is 0.6 in one voxel of it. */
function shares(options: SegOptions & SegLabels): ReadonlyMap<number, Float32Array> {
  const of = (value: number) =>
    Float32Array.from({ length: VOXELS }, (_, i) => {
      if (value === 7) return 1 - (i % 9) / 8;
      return i === 2 + 9 * (3 + 8 * 2) || (options.labels.data[i] === 1 && i % 9 > 4) ? 0.6 : 0;
    });
  return new Map([7, 1].map((value) => [value, of(value)]));
}

const phantom = (plane: keyof typeof PLANES = "oblique") => segOptions(uploadOf(phantomSeries({ plane, size: SIZE })));

/** Voxel of `grid` for each voxel of an image, by the place of both in the patient. */
function voxelsOf(image: Grid, grid: Grid): number[] {
  const toGrid = invertAffine(grid.affineRas);
  const [nx, ny, nz] = image.size;
  return Array.from({ length: nx * ny * nz }, (_, i) => {
    const ras = applyAffine(image.affineRas, [i % nx, Math.floor(i / nx) % ny, Math.floor(i / (nx * ny))]);
    const place = applyAffine(toGrid, ras);
    const [x, y, z] = place.map(Math.round) as [number, number, number];
    expect(Math.hypot(place[0] - x, place[1] - y, place[2] - z)).toBeLessThan(0.02);
    return x + grid.size[0] * (y + grid.size[1] * z);
  });
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "convert-seg-"));
  const options = await phantom();
  await writeFile(at("binary"), writeSeg(options));
  await writeFile(at("labelmap"), writeSeg({ ...options, kind: "labelmap" }));
  const probabilities = shares(options);
  await writeFile(at("fractional"), writeSeg({ ...options, kind: "fractional", size: SIZE, probabilities }));
});

describe("a DICOM SEG as NIfTI", () => {
  it.each(Object.keys(PLANES) as (keyof typeof PLANES)[])("lies where its frames lie: %s", async (plane) => {
    const options = await phantom(plane);
    for (const kind of ["binary", "labelmap"] as const) {
      // Segments of a BINARY are numbered in their order, those of a LABELMAP by their values.
      const number = (label = 0) => (kind === "labelmap" ? label : ({ 7: 1, 1: 2 }[label] ?? 0));
      await writeFile(at(`${plane}-${kind}`), writeSeg({ ...options, kind }));
      expect(await run(`${plane}-${kind}`, `${plane}-${kind}.nii`)).toEqual([`${plane}-${kind}.nii`]);
      const image = await images(`${plane}-${kind}.nii`);
      const truth = voxelsOf(image, options.labels).map((voxel) => number(options.labels.data[voxel]));
      expect([...image.data]).toEqual(truth);
      expect(truth.filter((label) => label > 0)).toHaveLength(options.labels.data.filter((label) => label > 0).length);
    }
  });

  it.each([1.5, 3, 6])("has slices as far apart as its frames, however thick they are: %s mm", async (thicknessMm) => {
    const options = await phantom();
    await run("binary", "told.nii");
    const bytes = Buffer.from(writeSeg({ ...options, source: { ...options.source, sliceThicknessMm: thicknessMm } }));
    // Spacing Between Slices becomes an element that nobody knows.
    const at88 = bytes.indexOf(Buffer.from([0x18, 0, 0x88, 0, 0x44, 0x53]));
    expect(at88).toBeGreaterThan(0);
    bytes[at88 + 2] = 0x8e;
    await writeFile(at("thick"), bytes);
    await run("thick", "untold.nii");
    const [told, untold] = [await images("told.nii"), await images("untold.nii")];
    expect(untold.size).toEqual(told.size);
    expect(untold.affineRas).toEqual(told.affineRas.map((value) => expect.closeTo(value, 4)));
    expect([...untold.data]).toEqual([...told.data]);
  });

  it("keeps the shares of a FRACTIONAL one, segments along the fourth axis", async () => {
    const options = await phantom();
    await run("fractional", "shares.nii.gz");
    const image = await images("shares.nii.gz");
    expect(image.channels).toBe(2);
    const voxels = voxelsOf(image, options.labels);
    for (const [n, truth] of [...shares(options).values()].entries()) {
      const { data } = niftiChannel(image, n);
      for (const [i, voxel] of voxels.entries()) {
        expect(Math.abs((data[i] ?? 9) - (truth[voxel] ?? 0))).toBeLessThanOrEqual(0.5 / 255 + 1e-6);
      }
    }
  });

  it("cuts shares at a threshold into a label map, and refuses segments that then overlap", async () => {
    const options = await phantom();
    const [first = new Float32Array(0)] = shares(options).values();
    for (const threshold of [0.61, 0.9]) {
      await run("fractional", "cut.nii", { threshold });
      const image = await images("cut.nii");
      const truth = voxelsOf(image, options.labels).map((voxel) => ((first[voxel] ?? 0) >= threshold ? 1 : 0));
      expect([...image.data]).toEqual(truth);
    }
    await expect(run("fractional", "never.nii", { threshold: 0.5 })).rejects.toMatchObject({
      code: "InputUnsupported",
      message: expect.stringContaining("--segments separate writes a file each"),
    });
    expect(await readdir(folder)).not.toContain("never.nii");
  });

  it("writes a file a segment, overlapping or not", async () => {
    const options = await phantom();
    const [first = new Float32Array(0), second = new Float32Array(0)] = shares(options).values();
    const names = ["each-segment-1.nii.gz", "each-segment-2.nii.gz"];
    expect(await run("fractional", "each.nii.gz", { segments: "separate", threshold: 0.5 })).toEqual(names);
    for (const [n, truth] of [first, second].entries()) {
      const image = await images(names[n] ?? "");
      const voxels = voxelsOf(image, options.labels);
      expect([...image.data]).toEqual(voxels.map((voxel) => ((truth[voxel] ?? 0) >= 0.5 ? 1 : 0)));
    }
    await run("fractional", "each.nii.gz", { segments: "separate" });
    const image = await images(names[1] ?? "");
    const most = Math.max(...image.data);
    expect(most).toBeCloseTo(0.6, 6);
    expect(await run("labelmap", "maps.nii", { segments: "separate" })).toEqual([
      "maps-segment-1.nii",
      "maps-segment-7.nii",
    ]);
    const seven = await images("maps-segment-7.nii");
    expect([...seven.data].filter((value) => value === 1)).toHaveLength(
      [...options.labels.data].filter((label) => label === 7).length,
    );
    expect(Math.max(...seven.data)).toBe(1);
  });

  it("stands beside the images of a folder, and makes surfaces", async () => {
    await mkdir(at("both"));
    for (const file of phantomSeries({ plane: "oblique", size: SIZE }))
      await writeFile(at("both", file.name), file.bytes);
    await writeFile(at("both", "z"), await readFile(at("binary")));
    expect(await run("both", "results.old")).toEqual([
      "results.old/image-001.nii.gz",
      "results.old/segmentation-001.nii.gz",
    ]);
    expect(await run("labelmap", "body.stl")).toEqual(["body-label-1.stl", "body-label-7.stl"]);
  });

  it.each([
    ["binary", "x.nii", { threshold: 0.5 }, "is BINARY, a threshold is for FRACTIONAL"],
    ["fractional", "x.nii", { threshold: 0 }, "threshold is 0"],
    ["fractional", "x.glb", {}, "expected --threshold for surfaces"],
    ["binary", "x.dcm", {}, "output ends in .dcm, expected one of .nii"],
    ["binary", "x.nrrd", {}, "output ends in .nrrd"],
  ])("refuses %s as %s %o and leaves nothing behind", async (input, out, flags, message) => {
    await expect(run(input, out, flags)).rejects.toMatchObject({
      code: "InputMismatch",
      message: expect.stringContaining(message),
    });
    expect(await readdir(folder)).not.toContain(out);
  });
});

describe("the options of convert", () => {
  it("brings an irregular series to a regular grid where asked to, and refuses it else", async () => {
    await mkdir(at("uneven"));
    const depthMm = (k: number) => (k < 4 ? 3 * k : 9 + 4 * (k - 3));
    for (const file of phantomSeries({ size: [9, 8, 9], depthMm }))
      await writeFile(at("uneven", file.name), file.bytes);
    await expect(run("uneven", "even.nii")).rejects.toMatchObject({ code: "SeriesIrregular" });
    expect(await run("uneven", "even.nii", { irregular: "resample" })).toEqual(["even.nii"]);
    expect((await images("even.nii")).size[2]).toBeGreaterThan(9);
  });

  it("refuses options of segmentations where there is none", async () => {
    await mkdir(at("series"));
    for (const file of phantomSeries({ size: SIZE })) await writeFile(at("series", file.name), file.bytes);
    for (const flags of [{ threshold: 0.5 }, { segments: "separate" as const }]) {
      await expect(run("series", "y.nii", flags)).rejects.toThrow("input holds no DICOM SEG");
    }
  });
});
