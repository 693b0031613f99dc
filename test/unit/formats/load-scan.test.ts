import { describe, expect, it } from "vitest";
import { findScans } from "#src/formats/find-scans.js";
import { loadScan, loadScanCompact } from "#src/formats/load-scan.js";
import type { UploadEntry } from "#src/formats/scan.js";
import { applyAffine } from "#src/imaging/affine.js";
import { buildDicom, type DicomElements, SYNTAX } from "../../support/dicom-builder.js";
import { enhancedFile } from "../../support/dicom-shapes.js";
import { buildNifti } from "../../support/nifti-builder.js";
import {
  interceptOf,
  type PhantomSeries,
  PLANES,
  phantomSeries,
  phantomSlice,
  phantomValue,
  slopeOf,
  uploadOf,
} from "../../support/phantom-series.js";

async function load(entries: readonly UploadEntry[]) {
  const { scans } = await findScans(entries);
  const [scan] = scans;
  if (scan === undefined) throw new Error("no scan");
  return { scan, loaded: await loadScan(scan, entries) };
}

describe("loadScan of a DICOM series", () => {
  it.each(Object.keys(PLANES) as (keyof typeof PLANES)[])(
    "puts every voxel of a %s series in its place",
    async (plane) => {
      const { scan, loaded } = await load(uploadOf(phantomSeries({ plane })));
      const { size, data, affineRas } = loaded.volume;
      expect(size).toEqual([6, 5, 4]);
      expect(loaded.volume.affineRas).toEqual(scan.grid.affineRas);
      for (const [axis, length] of [0.75, 1.25, 3].entries())
        expect(loaded.volume.spacingMm?.[axis]).toBeCloseTo(length, 4);
      let farthest = 0;
      for (const [i, value] of data.entries()) {
        const voxel = [i % 6, Math.floor(i / 6) % 5, Math.floor(i / 30)] as const;
        const off = Math.abs(value - phantomValue(applyAffine(affineRas, voxel)));
        // Half a step of the stored integers; six decimals of the positions are far below that.
        farthest = Math.max(farthest, off / (slopeOf(voxel[2]) / 2 + 1e-3));
      }
      expect(farthest).toBeLessThanOrEqual(1);
    },
  );

  it("reads the colour that is asked for, of a file and of frames", async () => {
    const us = (value: number) => ({ vr: "US", Value: [value] });
    const inColour = (frames: number) => {
      const samples = Uint8Array.from({ length: 3 * 30 * frames }, (_, i) => i);
      const edit = (elements: DicomElements) =>
        Object.assign(elements, {
          "00280002": us(3),
          "00280004": { vr: "CS", Value: ["RGB"] },
          "00280006": us(0),
          "00280100": us(8),
          "00280101": us(8),
          "00280102": us(7),
          "00280103": us(0),
          "7FE00010": { vr: "OB", Value: [samples.buffer] },
        });
      return { edit, greens: [...samples].filter((_, i) => i % 3 === 1) };
    };
    const [one, two] = [inColour(1), inColour(2)];
    const file = buildDicom(one.edit(phantomSlice({}, 0)));
    const frames = enhancedFile({}, [{ k: 0 }, { k: 1 }], two.edit);
    for (const [bytes, greens] of [
      [file, one.greens],
      [frames, two.greens],
    ] as const) {
      const entries = uploadOf([{ name: "a", bytes }]);
      const { scan } = await load(entries);
      const { volume } = await loadScan({ ...scan, colour: "green" }, entries);
      expect([...volume.data]).toEqual(greens);
    }
  });

  it("applies each file's own slope and intercept", async () => {
    const { loaded } = await load(uploadOf(phantomSeries()));
    expect(slopeOf(0)).not.toBe(slopeOf(1));
    expect(interceptOf(0)).not.toBe(interceptOf(1));
    for (const k of [0, 1]) {
      expect(Math.abs((loaded.volume.data[30 * k] ?? 0) - phantomValue([12, -7, 31 + 3 * k]))).toBeLessThan(0.5);
    }
  });

  it.each(Object.entries(SYNTAX).filter(([name]) => name !== "rle"))(
    "gives the same voxels from %s",
    async (_, transferSyntax) => {
      const plain = await load(uploadOf(phantomSeries()));
      const other = await load(uploadOf(phantomSeries({ transferSyntax })));
      expect(other.loaded).toEqual(plain.loaded);
    },
  );

  it("gives the same voxels from RLE", async () => {
    const plain = await load(uploadOf(phantomSeries()));
    const other = await load(
      uploadOf(
        phantomSeries({
          transferSyntax: SYNTAX.rle,
          edit: (elements) => {
            const raw = new Uint8Array(elements["7FE00010"]?.Value?.[0] as ArrayBuffer);
            elements["7FE00010"] = { vr: "OB", Value: [rleFrame(raw).buffer] };
          },
        }),
      ),
    );
    expect(other.loaded).toEqual(plain.loaded);
  });

  it.each([
    { name: "12 bits, signed", stored: 12, high: 11, signed: true, word: 0xf800, value: -2048 },
    { name: "12 bits, unsigned", stored: 12, high: 11, signed: false, word: 0xf800, value: 2048 },
    { name: "13 bits, signed, garbage above", stored: 13, high: 12, signed: true, word: 0xfffe, value: -2 },
    { name: "12 bits at the top of 16", stored: 12, high: 15, signed: false, word: 0xfff7, value: 4095 },
    { name: "16 bits, unsigned", stored: 16, high: 15, signed: false, word: 0xffff, value: 65535 },
  ])("reads pixels of $name", async ({ stored, high, signed, word, value }) => {
    const { loaded } = await load(
      uploadOf([oneSlice({ stored, high, signed, bytes: Uint8Array.of(word & 255, word >> 8) })]),
    );
    expect(loaded.volume.data[0]).toBe(value);
  });

  it("reads 8-bit and 32-bit pixels", async () => {
    const eight = await load(
      uploadOf([oneSlice({ allocated: 8, stored: 8, high: 7, signed: true, bytes: Uint8Array.of(0xff, 0) })]),
    );
    expect(eight.loaded.volume.data[0]).toBe(-1);
    const bytes = new Uint8Array(Uint32Array.of(0x80000000).buffer);
    const wide = await load(uploadOf([oneSlice({ allocated: 32, stored: 32, high: 31, signed: false, bytes })]));
    expect(wide.loaded.volume.data[0]).toBe(2 ** 31);
  });

  it("copies patient and study attributes as DICOM JSON, in the file's character set", async () => {
    const edit: PhantomSeries["edit"] = (elements) => {
      elements["00080005"] = { vr: "CS", Value: ["ISO_IR 192"] };
      elements["00100010"] = { vr: "PN", Value: [{ Alphabetic: "Buc^Jérôme" }] };
      elements["00101030"] = { vr: "DS", Value: ["71.5"] };
    };
    const { loaded } = await load(uploadOf(phantomSeries({ edit })));
    expect(loaded.dicom?.attributes).toMatchObject({
      "00100010": { vr: "PN", Value: [{ Alphabetic: "Buc^Jérôme" }] },
      "00100020": { vr: "LO", Value: ["P-1"] },
      "00101030": { vr: "DS", Value: [71.5] },
      "0020000D": { vr: "UI", Value: ["1.2.826.0.1.3680043.10"] },
      "00201040": { vr: "LO" },
    });
    expect(loaded.dicom?.slices.map((slice) => slice.positionLps[2])).toEqual([31, 34, 37, 40]);
  });

  it("reads all bits that are stored whatever the header says of the highest, and no frame as one", async () => {
    const edit = (elements: DicomElements) => {
      elements["00280102"] = { vr: "US", Value: [11] };
      elements["00280008"] = { vr: "IS", Value: ["0"] };
    };
    const [odd, even] = [await load(uploadOf(phantomSeries({ edit }))), await load(uploadOf(phantomSeries()))];
    expect(odd.loaded.volume.data).toEqual(even.loaded.volume.data);
  });

  it("reads uncompressed pixels without a length from their one item, and refuses several", async () => {
    const unsized = (items: (pixels: Buffer) => Buffer[]) =>
      phantomSeries().map(({ name, bytes }) => {
        const at = Buffer.from(bytes).lastIndexOf(Buffer.from([0xe0, 0x7f, 0x10, 0x00]));
        const pixels = Buffer.from(bytes.subarray(at + 12));
        const parts = items(pixels).flatMap((item) => [tag(0xe000, item.length), item]);
        const header = Buffer.from([0xe0, 0x7f, 0x10, 0x00, 0x4f, 0x57, 0, 0, 0xff, 0xff, 0xff, 0xff]);
        return {
          name,
          bytes: new Uint8Array(Buffer.concat([bytes.subarray(0, at), header, ...parts, tag(0xe0dd, 0)])),
        };
      });
    const tag = (element: number, length: number) => {
      const header = Buffer.alloc(8);
      header.writeUInt16LE(0xfffe, 0);
      header.writeUInt16LE(element, 2);
      header.writeUInt32LE(length, 4);
      return header;
    };
    const plain = await load(uploadOf(phantomSeries()));
    const offsets = Buffer.alloc(4);
    for (const items of [
      (pixels: Buffer) => [pixels],
      (p: Buffer) => [Buffer.alloc(0), p],
      (p: Buffer) => [offsets, p],
    ]) {
      const { loaded } = await load(uploadOf(unsized(items)));
      expect(loaded.volume.data).toEqual(plain.loaded.volume.data);
      expect(loaded.warnings).toEqual([]);
    }
    const halves = unsized((pixels) => [offsets, pixels.subarray(0, 20), pixels.subarray(20)]);
    await expect(load(uploadOf(halves))).rejects.toMatchObject({ code: "InputUnreadable" });
  });

  it("names pixels that are cut short", async () => {
    const files = phantomSeries();
    const [first, ...rest] = files;
    if (first === undefined) throw new Error("no file");
    const entries = uploadOf([{ ...first, bytes: first.bytes.subarray(0, first.bytes.length - 10) }, ...rest]);
    await expect(findScans(entries)).rejects.toMatchObject({
      code: "InputUnreadable",
      message: "entry 0 is cut short: 50 bytes of pixels found, 60 expected",
    });
  });

  it("refuses entries that are not in slice order", async () => {
    const entries = uploadOf(phantomSeries());
    const { scan } = await load(entries);
    await expect(loadScan({ format: "dicom", entries: scan.entries.toReversed() }, entries)).rejects.toThrow(
      RangeError,
    );
  });
});

describe("heldBytes of a DICOM series", () => {
  it.each([
    ["1", "0", 2],
    ["1", "-1024", 2],
    ["0.5", "0", 4],
    ["1", "0.5", 4],
  ] as const)("is that of the array that is read: slope %s, intercept %s", async (slope, intercept, heldBytes) => {
    const edit = (elements: DicomElements) => {
      elements["00281052"] = { vr: "DS", Value: [intercept] };
      elements["00281053"] = { vr: "DS", Value: [slope] };
    };
    const entries = uploadOf(phantomSeries({ edit }));
    const [scan] = (await findScans(entries)).scans;
    expect(scan?.heldBytes).toBe(heldBytes);
    if (scan === undefined) return;
    expect((await loadScanCompact(scan, entries)).volume.data.BYTES_PER_ELEMENT).toBe(heldBytes);
  });
});

describe("loadScan of a NIfTI file", () => {
  it("gives its real values as float32", async () => {
    const bytes = buildNifti({ voxels: Uint8Array.of(0, 1, 2, 3, 4, 5, 6, 7), slope: 2, intercept: 1 });
    const { loaded } = await load(uploadOf([{ name: "a.nii", bytes }]));
    expect(loaded.volume.data).toEqual(Float32Array.of(1, 3, 5, 7, 9, 11, 13, 15));
    expect(loaded.dicom).toBeNull();
  });
});

function oneSlice(pixel: { allocated?: number; stored: number; high: number; signed: boolean; bytes: Uint8Array }) {
  const edit = (elements: DicomElements) => {
    elements["00280100"] = { vr: "US", Value: [pixel.allocated ?? 16] };
    elements["00280101"] = { vr: "US", Value: [pixel.stored] };
    elements["00280102"] = { vr: "US", Value: [pixel.high] };
    elements["00280103"] = { vr: "US", Value: [pixel.signed ? 1 : 0] };
    elements["00281052"] = { vr: "DS", Value: ["0"] };
    elements["00281053"] = { vr: "DS", Value: ["1"] };
    elements["7FE00010"] = { vr: "OW", Value: [pixel.bytes.slice().buffer] };
  };
  return { name: "a", bytes: buildDicom(phantomSlice({ size: [1, 1, 1], edit }, 0)) };
}

/** Literal and repeat runs of both byte planes, high bytes first (PS3.5 G). */
function rleFrame(raw: Uint8Array): Uint8Array {
  const segments = [1, 0].map((first) => {
    const plane = Array.from({ length: raw.length / 2 }, (_, i) => raw[2 * i + first] ?? 0);
    const out: number[] = [];
    for (let i = 0; i < plane.length; ) {
      let run = 1;
      while (i + run < plane.length && plane[i + run] === plane[i] && run < 128) run++;
      if (run > 1) out.push(257 - run, plane[i] ?? 0);
      else out.push(0, plane[i] ?? 0);
      i += run;
    }
    return out.length % 2 === 0 ? out : [...out, 128];
  });
  const frame = new Uint8Array(64 + segments.flat().length);
  new Uint32Array(frame.buffer, 0, 3).set([2, 64, 64 + (segments[0]?.length ?? 0)]);
  frame.set(segments.flat(), 64);
  return frame;
}
