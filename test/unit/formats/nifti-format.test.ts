import { gzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { findScans } from "#src/formats/find-scans.js";
import { loadScan, loadScanCompact } from "#src/formats/load-scan.js";
import { buildNifti } from "../../support/nifti-builder.js";
import { uploadOf } from "../../support/phantom-series.js";

async function loadAll(files: readonly { name: string; bytes: Uint8Array }[]) {
  const entries = uploadOf(files);
  const { scans, warnings } = await findScans(entries);
  return { scans, warnings, loaded: await Promise.all(scans.map((scan) => loadScan(scan, entries))) };
}

describe("NIfTI images of an upload", () => {
  it("takes every volume of a 4-D file as an image of its own", async () => {
    const voxels = Uint8Array.from({ length: 12 }, (_, i) => i);
    const bytes = buildNifti({ dim: [4, 2, 2, 1, 3, 1, 1, 1], voxels });
    const { scans, loaded } = await loadAll([{ name: "a.nii.gz", bytes: gzipSync(bytes) }]);
    expect(scans.map(({ parts, instances }) => [parts, instances[1]])).toEqual([
      [[1], "volume 1"],
      [[2], "volume 2"],
      [[3], "volume 3"],
    ]);
    expect(loaded.map(({ volume }) => Array.from(volume.data))).toEqual([
      [0, 1, 2, 3],
      [4, 5, 6, 7],
      [8, 9, 10, 11],
    ]);
  });

  it("refuses vectors at each voxel and more than 1,000 volumes", async () => {
    const vectors = buildNifti({ dim: [5, 2, 2, 1, 1, 3, 1, 1], voxels: new Uint8Array(12) });
    await expect(loadAll([{ name: "a.nii", bytes: vectors }])).rejects.toMatchObject({
      code: "InputUnsupported",
      message: "entry 0 holds 3 numbers at each voxel (a fifth dimension), expected one or a colour",
    });
    const many = buildNifti({ dim: [4, 1, 1, 1, 1001, 1, 1, 1], voxels: new Uint8Array(1001) });
    await expect(loadAll([{ name: "a.nii", bytes: many }])).rejects.toMatchObject({ code: "InputUnsupported" });
  });

  it("reads the luminance of RGB24 and RGBA32 and keeps the colours", async () => {
    const rgb = Uint8Array.of(255, 0, 0, 0, 255, 0, 0, 0, 255, 10, 20, 30);
    const file = (dim: number, datatype: number, voxels: Uint8Array) =>
      buildNifti({ dim: [3, dim, 1, 1, 1, 1, 1, 1], datatype, bitsPerVoxel: (voxels.length / dim) * 8, voxels });
    const { loaded } = await loadAll([{ name: "a.nii", bytes: file(4, 128, rgb) }]);
    const expected = [76.245, 149.685, 29.07, 18.15];
    for (const [i, value] of expected.entries()) expect(loaded[0]?.volume.data[i]).toBeCloseTo(value, 4);
    expect(loaded[0]?.colours?.map((plane) => plane[3])).toEqual([10, 20, 30]);
    const entries = uploadOf([{ name: "a.nii", bytes: file(4, 128, rgb) }]);
    const blue = await loadScan({ format: "nifti", entries: [entries[0]?.ordinal ?? 0], colour: "blue" }, entries);
    expect([...blue.volume.data]).toEqual([0, 0, 255, 30]);
    expect(loaded[0]?.warnings.map(({ code }) => code)).toEqual(["ColourReduced"]);

    const rgba = await loadAll([{ name: "a.nii", bytes: file(2, 2304, Uint8Array.of(1, 1, 1, 255, 2, 2, 2, 254)) }]);
    expect(Array.from(rgba.loaded[0]?.volume.data ?? [])).toEqual([1, 2]);
    expect(rgba.loaded[0]?.warnings.map(({ code }) => code)).toEqual(["ColourReduced", "AlphaIgnored"]);
  });

  it("counts whole numbers that float32 cannot hold", async () => {
    const voxels = new Uint8Array(new Int32Array([2 ** 24, 2 ** 24 + 1, -5, 7]).buffer);
    const bytes = buildNifti({ dim: [3, 4, 1, 1, 1, 1, 1, 1], datatype: 8, bitsPerVoxel: 32, voxels });
    const { loaded } = await loadAll([{ name: "a.nii", bytes }]);
    expect(Array.from(loaded[0]?.volume.data ?? [])).toEqual([2 ** 24, 2 ** 24, -5, 7]);
    expect(loaded[0]?.warnings).toEqual([
      { code: "PrecisionReduced", message: "1 of 4 voxels are whole numbers beyond float32 and were rounded" },
    ]);
  });

  it("leaves it to the reader to find damage, where an image will be loaded and the file's end gives the right length", async () => {
    // Beyond the first 64 KiB, which are unpacked for the header.
    let state = 1;
    const voxels = Uint8Array.from({ length: 131_072 }, () => {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
      return state >>> 24;
    });
    const packed = gzipSync(buildNifti({ dim: [3, 64, 64, 32, 1, 1, 1, 1], voxels }));
    const damaged = packed.slice();
    // Of its checksum.
    damaged[packed.length - 8] = (packed[packed.length - 8] ?? 0) ^ 0xff;
    const damagedUpload = uploadOf([{ name: "a.nii.gz", bytes: damaged }]);
    await expect(findScans(damagedUpload)).rejects.toMatchObject({ code: "InputUnreadable" });
    const { scans } = await findScans(damagedUpload, { willLoad: true });
    expect(scans[0]).toMatchObject({ grid: { size: [64, 64, 32] }, voxelBytes: 1, entries: [0] });
    await expect(loadScan({ format: "nifti", entries: [0] }, damagedUpload)).rejects.toMatchObject({
      code: "InputUnreadable",
    });

    const cut = uploadOf([{ name: "a.nii.gz", bytes: packed.subarray(0, -9) }]);
    await expect(findScans(cut, { willLoad: true })).rejects.toMatchObject({ code: "InputUnreadable" });
    const longer = gzipSync(buildNifti({ dim: [3, 64, 64, 31, 1, 1, 1, 1], voxels }));
    const found = await findScans(uploadOf([{ name: "a.nii.gz", bytes: longer }]), { willLoad: true });
    expect(found.scans[0]?.warnings.map(({ code }) => code)).toEqual(["TrailingBytes"]);
  });

  it("keeps integers of 8 bits, and signed ones of 16, as integers where those will do", async () => {
    const words = Int16Array.of(-1024, 0, 3071, 32_767);
    const file = (datatype: number, array: Int16Array | Uint8Array | Uint16Array, slope = 1) =>
      uploadOf([
        {
          name: "a.nii",
          bytes: buildNifti({
            ...{ dim: [3, array.length, 1, 1, 1, 1, 1, 1], datatype, bitsPerVoxel: 8 * array.BYTES_PER_ELEMENT, slope },
            voxels: new Uint8Array(array.buffer),
          }),
        },
      ]);
    const read = async (entries: ReturnType<typeof file>) =>
      (await loadScanCompact({ format: "nifti", entries: [0] }, entries)).volume.data;
    expect(await read(file(4, words))).toEqual(words);
    expect(await read(file(2, Uint8Array.of(0, 200, 255)))).toEqual(Int16Array.of(0, 200, 255));
    expect(await read(file(512, Uint16Array.of(0, 65_535)))).toEqual(Float32Array.of(0, 65_535));
    expect(await read(file(4, words, 2))).toEqual(Float32Array.of(-2048, 0, 6142, 65_534));
    const heldBytes = async (entries: ReturnType<typeof file>) => (await findScans(entries)).scans[0]?.heldBytes;
    expect(await heldBytes(file(4, words))).toBe(2);
    expect(await heldBytes(file(2, Uint8Array.of(0)))).toBe(2);
    expect(await heldBytes(file(512, Uint16Array.of(0)))).toBe(4);
    expect(await heldBytes(file(4, words, 2))).toBe(4);
    const { volume } = await loadScan({ format: "nifti", entries: [0] }, file(4, words));
    expect(volume.data).toEqual(Float32Array.from(words));
  });

  it("reads a pair of .hdr and .img, whatever their order, and claims the .img", async () => {
    const header = buildNifti({ magic: "ni1\0", voxOffset: 2, voxels: new Uint8Array(0) });
    const voxels = Uint8Array.of(9, 9, 1, 2, 3, 4, 5, 6, 7, 8);
    const [plain, packed] = [(bytes: Uint8Array) => bytes, (bytes: Uint8Array) => gzipSync(bytes)];
    for (const [head, body] of [
      [plain, plain],
      [packed, packed],
      [plain, packed],
      [packed, plain],
    ] as const) {
      const { scans, warnings, loaded } = await loadAll([
        { name: `brain.img${body === packed ? ".gz" : ""}`, bytes: body(voxels) },
        { name: `brain.hdr${head === packed ? ".gz" : ""}`, bytes: head(header) },
      ]);
      expect(scans.map(({ entries }) => entries)).toEqual([[1, 0]]);
      expect(warnings).toEqual([]);
      expect(Array.from(loaded[0]?.volume.data ?? [])).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
    }
  });

  it("refuses half a pair and a data file that is there twice", async () => {
    const header = { name: "b.hdr", bytes: buildNifti({ magic: "ni1\0", voxels: new Uint8Array(0) }) };
    const image = { name: "b.img", bytes: new Uint8Array(8) };
    await expect(loadAll([header])).rejects.toMatchObject({
      code: "InputUnreadable",
      message: "entry 0 names a data file that the upload does not hold",
    });
    await expect(loadAll([header, image, image])).rejects.toMatchObject({ code: "InputUnsupported" });
    await expect(loadAll([{ ...header, name: "b" }, image])).rejects.toMatchObject({ code: "InputUnsupported" });
  });
});
