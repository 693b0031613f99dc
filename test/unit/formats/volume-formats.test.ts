import { gzipSync } from "node:zlib";
import { PNG } from "pngjs";
import { describe, expect, it } from "vitest";
import { findScans } from "#src/formats/find-scans.js";
import { loadScan } from "#src/formats/load-scan.js";
import type { UploadEntry } from "#src/formats/scan.js";
import { applyAffine } from "#src/imaging/affine.js";

const text = (value: string) => new TextEncoder().encode(value);
const joined = (...parts: readonly Uint8Array[]) => new Uint8Array(Buffer.concat(parts));
const SIZE = [3, 4, 2] as const;
/** Spacing 2, 3, 5 mm, first voxel at (10, -20, 30) in LPS. */
const valueAt = (x: number, y: number, z: number) => 100 + x + 10 * y + 40 * z;
const values = Int16Array.from({ length: 24 }, (_, i) => valueAt(i % 3, Math.floor(i / 3) % 4, Math.floor(i / 12)));
const little = new Uint8Array(values.buffer);
const big = new Uint8Array(Buffer.from(little).swap16());

function uploadOf(...files: readonly (readonly [name: string, bytes: Uint8Array])[]): UploadEntry[] {
  return files.map(([name, bytes], ordinal) => ({
    ordinal,
    name,
    size: bytes.length,
    read: async () => bytes,
    readHead: async (length: number) => bytes.subarray(0, length),
  }));
}

async function loaded(...files: readonly (readonly [string, Uint8Array])[]) {
  const entries = uploadOf(...files);
  const { scans } = await findScans(entries);
  expect(scans).toHaveLength(1);
  const [scan] = scans;
  if (scan === undefined) throw new Error("nothing found");
  return (await loadScan(scan, entries)).volume;
}

const nrrd = (fields: readonly string[], data: Uint8Array) => joined(text(`NRRD0004\n${fields.join("\n")}\n\n`), data);
const placed = [
  "type: short",
  "dimension: 3",
  "sizes: 3 4 2",
  "space: left-posterior-superior",
  "space directions: (2,0,0) (0,3,0) (0,0,5)",
  "space origin: (10,-20,30)",
];

describe("NRRD", () => {
  it.each([
    ["raw, little endian", ["encoding: raw", "endian: little"], little],
    ["raw, big endian", ["encoding: raw", "endian: big"], big],
    ["gzip", ["encoding: gzip", "endian: little"], new Uint8Array(gzipSync(little))],
    ["text", ["encoding: ascii"], text([...values].join(" "))],
  ])("reads %s: every voxel, where the header places it", async (_, fields, data) => {
    const { data: found, size, affineRas, spacingMm } = await loaded(["a.nrrd", nrrd([...placed, ...fields], data)]);
    expect(size).toEqual(SIZE);
    expect([...found]).toEqual([...values]);
    expect(spacingMm).toEqual([2, 3, 5]);
    expect(applyAffine(affineRas, [1, 2, 1])).toEqual([-12, 14, 35]);
  });

  it("honours the unit of its space, and of spacings alone", async () => {
    const raw = ["encoding: raw", "endian: little"];
    const micro = [...placed, 'space units: "um" "um" "mm"', ...raw];
    const { spacingMm, affineRas } = await loaded(["a.nrrd", nrrd(micro, little)]);
    expect(spacingMm?.map((mm) => Math.round(1e6 * mm) / 1e6)).toEqual([0.002, 0.003, 5]);
    expect(applyAffine(affineRas, [0, 0, 0]).map((mm) => Math.round(1e6 * mm) / 1e6)).toEqual([-0.01, 0.02, 30]);
    const spaced = ["type: short", "dimension: 3", "sizes: 3 4 2", "spacings: 2 3 5", 'units: "cm" "mm" ""', ...raw];
    expect((await loaded(["a.nrrd", nrrd(spaced, little)])).spacingMm).toEqual([20, 3, 5]);
  });

  it("reads a header whose data lie in a file beside it", async () => {
    const header = text(`NRRD0004\n${[...placed, "encoding: raw", "endian: little", "data file: a.raw"].join("\n")}\n`);
    expect([...(await loaded(["a.nhdr", header], ["a.raw", little])).data]).toEqual([...values]);
  });

  it.each([
    ["bzip2", [...placed, "encoding: bzip2", "endian: little"], little, "InputUnsupported"],
    ["too few bytes", [...placed, "encoding: raw", "endian: little"], little.subarray(0, 30), "InputUnreadable"],
  ])("refuses %s", async (_, fields, data, code) => {
    await expect(findScans(uploadOf(["a.nrrd", nrrd(fields, data)]))).rejects.toMatchObject({ code });
  });
});

describe("MetaImage", () => {
  const header = (...more: readonly string[]) =>
    text(
      `${[
        "ObjectType = Image",
        "NDims = 3",
        "DimSize = 3 4 2",
        "ElementType = MET_SHORT",
        "TransformMatrix = 1 0 0 0 1 0 0 0 1",
        "Offset = 10 -20 30",
        "ElementSpacing = 2 3 5",
        ...more,
      ].join("\n")}\n`,
    );

  it.each([
    ["little endian", joined(header("BinaryDataByteOrderMSB = False", "ElementDataFile = LOCAL"), little)],
    ["big endian", joined(header("BinaryDataByteOrderMSB = True", "ElementDataFile = LOCAL"), big)],
  ])("reads %s: every voxel, where the header places it", async (_, file) => {
    const { data, size, affineRas } = await loaded(["a.mha", file]);
    expect(size).toEqual(SIZE);
    expect([...data]).toEqual([...values]);
    expect(applyAffine(affineRas, [1, 2, 1])).toEqual([-12, 14, 35]);
  });

  it("refuses too few bytes", async () => {
    const file = joined(header("BinaryDataByteOrderMSB = False", "ElementDataFile = LOCAL"), little.subarray(0, 30));
    await expect(findScans(uploadOf(["a.mha", file]))).rejects.toMatchObject({ code: "InputUnreadable" });
  });
});

describe("PNG", () => {
  it("reads colours as luminance, and an unknown spacing as unknown", async () => {
    const picture = new PNG({ width: 2, height: 1 });
    picture.data.set([255, 0, 0, 255, 10, 20, 30, 255]);
    const { data, size, spacingMm } = await loaded(["a.png", new Uint8Array(PNG.sync.write(picture))]);
    expect([size, spacingMm]).toEqual([[2, 1, 1], null]);
    expect(data[0]).toBeCloseTo(0.299 * 255, 3);
    expect(data[1]).toBeCloseTo(0.299 * 10 + 0.587 * 20 + 0.114 * 30, 3);
  });

  it("reads the channel that is asked for; of a grey picture there is only its grey", async () => {
    const coloured = new PNG({ width: 1, height: 1 });
    coloured.data.set([10, 20, 30, 255]);
    const grey = new PNG({ width: 1, height: 1 });
    grey.data.set([7, 7, 7, 255]);
    for (const [picture, expected] of [
      [coloured, [10, 20, 30]],
      [grey, [7, 7, 7]],
    ] as const) {
      const entries = uploadOf(["a.png", new Uint8Array(PNG.sync.write(picture))]);
      const { scans } = await findScans(entries);
      const [scan] = scans;
      if (scan === undefined) throw new Error("nothing found");
      const read = (["red", "green", "blue"] as const).map((colour) => loadScan({ ...scan, colour }, entries));
      expect((await Promise.all(read)).map(({ volume }) => volume.data[0])).toEqual(expected);
    }
  });

  it("refuses a picture that is cut short", async () => {
    const picture = new PNG({ width: 30, height: 30 });
    const bytes = new Uint8Array(PNG.sync.write(picture));
    const cut = findScans(uploadOf(["a.png", bytes.subarray(0, bytes.length - 20)]));
    await expect(cut).rejects.toMatchObject({ name: expect.stringMatching(/^Input/) });
  });
});
