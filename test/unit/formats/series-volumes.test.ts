import { describe, expect, it } from "vitest";
import { describeUpload } from "#src/formats/describe-upload.js";
import { findScans } from "#src/formats/find-scans.js";
import { loadScan } from "#src/formats/load-scan.js";
import { applyAffine } from "#src/imaging/affine.js";
import { buildDicom, type DicomElements } from "../../support/dicom-builder.js";
import {
  type PhantomSeries,
  phantomSeries,
  phantomSlice,
  phantomValue,
  uploadOf,
} from "../../support/phantom-series.js";

function set(tag: string, vr: string, ...Value: unknown[]) {
  return (elements: DicomElements) => {
    elements[tag] = { vr, Value };
  };
}

/** Slices of `count` volumes in the same places, with other pixels in each. */
function volumes(
  count: number,
  edit: (elements: DicomElements, k: number, n: number) => void,
  size = [4, 3, 5] as const,
) {
  return Array.from({ length: count }, (_, n) =>
    Array.from({ length: size[2] }, (_unused, k) => {
      const elements = phantomSlice({ size }, k);
      const pixels = new Int16Array(elements["7FE00010"]?.Value?.[0] as ArrayBuffer).map((value) => value + n);
      elements["7FE00010"] = { vr: "OW", Value: [pixels.buffer] };
      elements["00080018"] = { vr: "UI", Value: [`1.2.${((n + 1) * 31 + k * 7) % 97}.${n}.${k}`] };
      elements["00200013"] = { vr: "IS", Value: ["1"] };
      edit(elements, k, n);
      return { name: `v${n}s${k}`, bytes: buildDicom(elements) };
    }),
  ).flat();
}

const shuffled = <T>(items: readonly T[]) => items.map((_, i) => items[(i * 7 + 3) % items.length] as T);

describe("several volumes in one series", () => {
  it.each([
    {
      told: "echo time",
      edit: (e: DicomElements, _: number, n: number) => set("00180081", "DS", String(10 + 5 * n))(e),
    },
    {
      told: "image type",
      edit: (e: DicomElements, _: number, n: number) => set("00080008", "CS", "ORIGINAL", "PRIMARY", "FIP"[n])(e),
    },
    { told: "b-value", edit: (e: DicomElements, _: number, n: number) => set("00189087", "FD", 900 * n)(e) },
    {
      told: "temporal position",
      edit: (e: DicomElements, _: number, n: number) => set("00200100", "IS", String(n + 9))(e),
    },
    {
      told: "acquisition number",
      edit: (e: DicomElements, _: number, n: number) => set("00200012", "IS", String(n + 9))(e),
    },
    // Moments of their own for each slice: the volumes follow each other in every place.
    {
      told: "trigger time",
      edit: (e: DicomElements, k: number, n: number) => set("00181060", "DS", String(100 * n + k))(e),
    },
    // Counted volume after volume, and place after place.
    {
      told: "instance number",
      edit: (e: DicomElements, k: number, n: number) => set("00200013", "IS", String(5 * n + k))(e),
    },
    {
      told: "instance number",
      edit: (e: DicomElements, k: number, n: number) => set("00200013", "IS", String(3 * k + n))(e),
    },
  ])("are one image each, told apart by $told", async ({ told, edit }) => {
    const files = shuffled(volumes(3, edit));
    const { scans } = await findScans(uploadOf(files));
    const slices = scans.map((scan) => scan.entries.map((ordinal) => files[ordinal]?.name));
    expect(slices).toEqual([0, 1, 2].map((n) => [0, 1, 2, 3, 4].map((k) => `v${n}s${k}`)));
    expect(scans[2]?.warnings).toEqual([
      { code: "SeriesSplit", message: `the series holds 3 volumes told apart by ${told}; this image is volume 3` },
    ]);
  });

  it("are told apart by two traits where it takes two", async () => {
    const files = volumes(4, (e, _, n) => {
      set("00180081", "DS", String(10 + (n % 2)))(e);
      set("00189087", "FD", n < 2 ? 0 : 900)(e);
    });
    const { scans } = await findScans(uploadOf(files));
    expect(scans.map((scan) => files[scan.entries[0] ?? 0]?.name)).toEqual(["v0s0", "v2s0", "v1s0", "v3s0"]);
    expect(scans[0]?.warnings[0]?.message).toMatch(/4 volumes told apart by echo time and b-value/);
  });

  it.each([
    { name: "nothing tells them apart", files: volumes(2, () => undefined) },
    {
      name: "one of them lacks a slice",
      files: volumes(2, (e, _, n) => set("00200012", "IS", String(n))(e)).slice(1),
    },
    {
      name: "instance numbers follow no order",
      files: volumes(2, (e, k, n) => set("00200013", "IS", String(10 * k + (n + 1) * (k + 1)))(e)),
    },
  ])("are refused where $name", async ({ files }) => {
    await expect(findScans(uploadOf(files))).rejects.toMatchObject({ code: "SeriesInconsistent" });
  });

  it("are told apart by instance number where they show the same in some places", async () => {
    const blank = (e: DicomElements, k: number, n: number) => {
      set("00200013", "IS", String(5 * n + k))(e);
      if (k === 0 || k === 4) set("7FE00010", "OW", new Int16Array(12).buffer)(e);
    };
    const { scans } = await findScans(uploadOf(shuffled(volumes(3, blank))));
    expect(scans.map((scan) => scan.grid.size[2])).toEqual([5, 5, 5]);
    expect(scans.flatMap(({ warnings }) => warnings.map(({ code }) => code))).toEqual(Array(3).fill("SeriesSplit"));
  });

  it("are told apart by contrast where no two slices share a place, each regular by itself", async () => {
    const echo = (of: (k: number) => string) =>
      uploadOf(phantomSeries({ size: [4, 3, 8], edit: (e, k) => set("00180081", "DS", of(k))(e) }));
    for (const of of [(k: number) => (k < 4 ? "10" : "90"), (k: number) => (k % 2 === 0 ? "10" : "90")]) {
      const { scans } = await findScans(echo(of));
      expect(scans.map((scan) => scan.grid.size[2])).toEqual([4, 4]);
      expect(scans[1]?.warnings).toContainEqual({
        code: "SeriesSplit",
        message: "the series holds 2 volumes told apart by echo time; this image is volume 2",
      });
    }
    const rounded = await findScans(echo((k) => String(90 + (k % 2) * 0.1)));
    expect(rounded.scans.map(({ warnings }) => warnings)).toEqual([[]]);
  });

  it("are one with a warning where contrast does not make them regular; acquisitions are no contrast", async () => {
    const one = phantomSeries({ size: [4, 3, 8], edit: (e, k) => set("00180081", "DS", k === 3 ? "90" : "10")(e) });
    const { scans } = await findScans(uploadOf(one));
    const mixed = { code: "ContrastMixed", message: "slices differ in echo time; they were taken as one volume" };
    expect(scans.map(({ warnings }) => warnings)).toEqual([[mixed]]);
    // Two slices are always evenly spaced.
    const two = phantomSeries({ size: [4, 3, 8], edit: (e, k) => set("00180081", "DS", k < 6 ? "10" : "90")(e) });
    expect((await findScans(uploadOf(two))).scans.map(({ warnings }) => warnings)).toEqual([[mixed]]);
    const silent = (last: string) =>
      phantomSeries({
        size: [4, 3, 8],
        edit: (e, k) => {
          if (k < 4) set("00180081", "DS", k === 0 ? last : "10")(e);
          else delete e["00180081"];
        },
      });
    expect((await findScans(uploadOf(silent("10")))).scans.map(({ warnings }) => warnings)).toEqual([[]]);
    expect((await findScans(uploadOf(silent("90")))).scans.map(({ warnings }) => warnings)).toEqual([[mixed]]);
    const ct = phantomSeries({
      size: [4, 3, 8],
      edit: (e, k) => {
        set("00080060", "CS", "CT")(e);
        set("00080008", "CS", "ORIGINAL", "PRIMARY", "AXIAL", ...(k < 4 ? ["ADD"] : []))(e);
      },
    });
    expect((await findScans(uploadOf(ct))).scans.map(({ warnings }) => warnings)).toEqual([[]]);
    const acquisitions = phantomSeries({ size: [4, 3, 8], edit: (e, k) => set("00200012", "IS", String(k))(e) });
    expect((await findScans(uploadOf(acquisitions))).scans.map(({ warnings }) => warnings)).toEqual([[]]);
  });

  it("leave out a copy beside them, and a file that came twice", async () => {
    const files = volumes(2, (e, _, n) => set("00200012", "IS", String(n))(e));
    const copy = phantomSlice({ size: [4, 3, 5] }, 2);
    set("00200012", "IS", "0")(copy);
    set("00080018", "UI", "1.9")(copy);
    const [first] = files;
    if (first === undefined) throw new Error("no file");
    const { scans } = await findScans(uploadOf([...files, { name: "copy", bytes: buildDicom(copy) }, first]));
    expect(scans.map(({ entries }) => entries.length)).toEqual([5, 5]);
    expect(scans[0]?.warnings.filter(({ code }) => code === "DuplicateDropped").map(({ message }) => message)).toEqual([
      "entry 11 is a copy of another slice and was left out",
      "entry 10 is a copy of another slice and was left out",
    ]);
  });
});

describe("slices of several shapes in one series", () => {
  it("are one image a shape, the one of most slices first", async () => {
    const coronal = phantomSeries({
      plane: "coronal",
      size: [6, 5, 2],
      edit: (e, k) => set("00080018", "UI", `1.5.${k}`)(e),
    });
    const wide = phantomSeries({ size: [7, 5, 3], edit: (e, k) => set("00080018", "UI", `1.6.${k}`)(e) });
    const { scans } = await findScans(uploadOf([...coronal, ...phantomSeries(), ...wide]));
    expect(scans.map(({ grid }) => grid.size)).toEqual([
      [6, 5, 4],
      [7, 5, 3],
      [6, 5, 2],
    ]);
    expect(scans[2]?.warnings).toEqual([
      {
        code: "SeriesSplit",
        message: "the series holds slices of 3 orientations, sizes or pixel spacings; this image is 2 of them",
      },
    ]);
  });

  it("are refused where one of them is missing a slice then", async () => {
    const files = phantomSeries({
      size: [4, 4, 5],
      edit: (e, k) => k === 2 && set("00280030", "DS", "1.3", "0.75")(e),
    });
    await expect(findScans(uploadOf(files))).rejects.toMatchObject({ code: "SeriesGap" });
  });
});

const twoSpacings: PhantomSeries = { size: [6, 5, 10], depthMm: (k) => (k < 5 ? 3 * k : 12 + 4.4 * (k - 4)) };
const tilted: PhantomSeries = {
  size: [6, 5, 6],
  edit: (elements, k) => {
    const [x, y = "0", z] = elements["00200032"]?.Value ?? [];
    elements["00200032"] = { vr: "DS", Value: [x, String(Number(y) + 0.8 * k), z] };
    // The phantom's plane moves with the slice: 20 a millimetre to the front is -20 to the back.
    elements["00281052"] = { vr: "DS", Value: [String(Number(elements["00281052"]?.Value?.[0]) - 16 * k)] };
  },
};

describe("an irregular series that is resampled", () => {
  it.each([
    { name: "two spacings", series: twoSpacings, size: [6, 5, 12], reason: /off its spacing/ },
    { name: "a tilt", series: tilted, size: [6, 9, 6], reason: /a gantry tilt of 14.9 degrees/ },
  ])("lies on a regular grid, with $name", async ({ series, size, reason }) => {
    const entries = uploadOf(phantomSeries(series));
    await expect(findScans(entries)).rejects.toMatchObject({
      code: "SeriesIrregular",
      message: expect.stringMatching(reason),
    });
    const { scans } = await findScans(entries, { irregular: "resample" });
    const [scan] = scans;
    if (scan === undefined) throw new Error("no scan");
    expect(scan.irregular).toMatch(reason);
    expect(scan.grid.size).toEqual(size);
    expect(scan.warnings.map(({ code }) => code)).toEqual(["SeriesResampled"]);
    const { volume, stack, dicom } = await loadScan(scan, entries);
    expect(volume.affineRas).toEqual(scan.grid.affineRas);
    expect([volume.affineRas[8], volume.affineRas[2], volume.affineRas[6]]).toEqual([
      0,
      expect.closeTo(0, 9),
      expect.closeTo(0, 9),
    ]);
    expect(stack?.size).toEqual(series.size);
    // Every slice's corner lies where the file says.
    for (const [k, slice] of (dicom?.slices ?? []).entries()) {
      const [x, y, z] = applyAffine(volume.affineRas, stack?.offsetsVox[k] ?? [0, 0, 0]);
      for (const [axis, mm] of [-x, -y, z].entries()) expect(mm).toBeCloseTo(slice.positionLps[axis] ?? 0, 6);
    }
    let farthest = 0;
    for (const [i, value] of volume.data.entries()) {
      const voxel = [i % 6, Math.floor(i / 6) % (size[1] ?? 0), Math.floor(i / (6 * (size[1] ?? 0)))] as const;
      const rows = stack?.offsetsVox[voxel[2]]?.[1] ?? 0;
      // Beyond the slice's edge there is nothing to compare with.
      const isInside = size[1] === 5 || (voxel[1] >= rows && voxel[1] <= rows + 4);
      if (isInside) farthest = Math.max(farthest, Math.abs(value - phantomValue(applyAffine(volume.affineRas, voxel))));
    }
    // Half a step of the stored integers, of slope 1 at most.
    expect(farthest).toBeLessThan(0.51);
  });

  it("is still refused where a slice is missing", async () => {
    const gap = uploadOf(phantomSeries({ size: [4, 4, 9], depthMm: (k) => 3 * (k < 4 ? k : k + 1) }));
    await expect(findScans(gap, { irregular: "resample" })).rejects.toMatchObject({ code: "SeriesGap" });
  });

  it("is refused where its regular grid would be many times as large", async () => {
    const depthMm = (k: number) => (k < 6 ? 0.1 * k : 0.5 + 2.45 * (k - 5));
    const entries = uploadOf(phantomSeries({ size: [4, 4, 9], depthMm }));
    await expect(findScans(entries, { irregular: "resample" })).rejects.toMatchObject({
      code: "SeriesIrregular",
      message: expect.stringMatching(/times as large, expected at most 8 times/),
    });
  });

  it("takes common steps of twice the spacing as gaps unless the slices are as thick", async () => {
    const depthMm = (k: number) => (k < 6 ? 3 * k : 15 + 6 * (k - 5));
    const series: PhantomSeries = { size: [4, 4, 10], depthMm };
    await expect(findScans(uploadOf(phantomSeries(series)))).rejects.toMatchObject({ code: "SeriesGap" });
    const edit = (elements: DicomElements, k: number) => k >= 6 && set("00180050", "DS", "6")(elements);
    const thick = findScans(uploadOf(phantomSeries({ ...series, edit })));
    await expect(thick).rejects.toMatchObject({ code: "SeriesIrregular" });
  });
});

describe("describeUpload", () => {
  it("tells of every image, the refused ones too", async () => {
    const gap = phantomSeries({ seriesUid: "1.2.7", size: [4, 4, 9], depthMm: (k) => 3 * (k < 4 ? k : k + 1) });
    const irregular = phantomSeries({ ...twoSpacings, seriesUid: "1.2.8" });
    const text = { name: "a.txt", bytes: new TextEncoder().encode("just text") };
    const broken = { name: "b", bytes: phantomSeries()[0]?.bytes.subarray(0, 600) ?? new Uint8Array() };
    const described = await describeUpload(uploadOf([broken, ...gap, ...irregular, text, ...phantomSeries()]));
    expect(described).toMatchObject([
      { kind: "failed", entries: [0], code: "InputUnreadable" },
      {
        kind: "failed",
        entries: [1, 2, 3, 4, 5, 6, 7, 8, 9],
        code: "SeriesGap",
        message: expect.stringMatching(/a gap in 8 steps/),
      },
      { kind: "image", size: [6, 5, 12], irregular: expect.stringMatching(/off its spacing/) },
      { kind: "image", modality: "MR", size: [6, 5, 4], orientation: "LPS", irregular: null, warnings: [] },
      { kind: "ignored", entries: [20] },
    ]);
  });
});
