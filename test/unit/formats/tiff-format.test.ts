import { describe, expect, it } from "vitest";
import { findScans } from "#src/formats/find-scans.js";
import { loadScan } from "#src/formats/load-scan.js";
import { uploadOf } from "../../support/fuzz/read-everything.js";
import { buildTiff, type TiffFields, type TiffPacking } from "../../support/tiff-builder.js";

const [WIDTH, HEIGHT] = [37, 29];
/** Runs and steps, so that every packing has both to do; larger than a table of LZW holds when repeated. */
const byteAt = (x: number, y: number) => (x < 12 ? 7 : (x * x + 13 * y * y + x * y) % 251);

async function pagesOf(fields: Partial<TiffFields>): Promise<number[][]> {
  return pagesIn(buildTiff({ width: WIDTH, height: HEIGHT, sampleAt: byteAt, ...fields }), fields);
}

async function pagesIn(bytes: Uint8Array, fields: Partial<TiffFields> = {}): Promise<number[][]> {
  const entries = [uploadOf(bytes, "a")];
  const { scans } = await findScans(entries);
  const pages: number[][] = [];
  for (const scan of scans) {
    const { volume } = await loadScan(scan, entries);
    expect(volume.size).toEqual([fields.width ?? WIDTH, fields.height ?? HEIGHT, 1]);
    pages.push([...volume.data]);
  }
  return pages;
}

function expected(valueAt: (x: number, y: number) => number, width = WIDTH, height = HEIGHT): number[] {
  return Array.from({ length: width * height }, (_, i) => valueAt(i % width, Math.floor(i / width)));
}

describe("TIFF", () => {
  const packings: TiffPacking[] = ["none", "deflate", "packbits", "lzw"];
  it.each(packings)("reads strips and tiles, packed: %s", async (packing) => {
    expect(await pagesOf({ packing, blocks: { rows: 8 } })).toEqual([expected(byteAt)]);
    expect(await pagesOf({ packing, blocks: { tile: [16, 32] } })).toEqual([expected(byteAt)]);
  });

  it("reads a strip that fills the table of LZW several times", async () => {
    const noise = (x: number, y: number) => ((x * 7919 + y * 104_729 + x * y * 31) >> 3) & 255;
    const size = { width: 150, height: 120 };
    const pages = await pagesOf({ ...size, packing: "lzw", sampleAt: noise });
    expect(pages).toEqual([expected(noise, 150, 120)]);
  });

  it.each([
    ["int16", true, (x: number, y: number) => 300 * x - 1000 * y],
    ["int16", false, (x: number, y: number) => 300 * x - 1000 * y],
    ["uint16", false, (x: number, y: number) => 60_000 - 300 * x - y],
    ["uint32", true, (x: number, y: number) => 65_536 * x + y],
    ["float32", true, (x: number, y: number) => x / 4 - 1000.5 * y],
    ["float32", false, (x: number, y: number) => x / 4 - 1000.5 * y],
    ["float64", true, (x: number, y: number) => x / 8 - y],
  ] as const)("reads %s, little endian: %s", async (kind, littleEndian, sampleAt) => {
    expect(await pagesOf({ kind, littleEndian, sampleAt, blocks: { rows: 5 } })).toEqual([expected(sampleAt)]);
    expect(await pagesOf({ kind, littleEndian, sampleAt, blocks: { tile: [16, 16] } })).toEqual([expected(sampleAt)]);
    expect(await pagesOf({ kind, littleEndian, sampleAt, packing: "lzw" })).toEqual([expected(sampleAt)]);
  });

  it.each([true, false])(
    "reads lists of strips and tiles far from their directory, little endian: %s",
    async (littleEndian) => {
      const far = { littleEndian, apart: 5000 };
      expect(await pagesOf({ ...far, blocks: { rows: 2 } })).toEqual([expected(byteAt)]);
      expect(await pagesOf({ ...far, blocks: { tile: [16, 16] }, packing: "lzw" })).toEqual([expected(byteAt)]);
    },
  );

  it.each([
    ["uint8", 2, byteAt],
    ["int16", 2, (x: number, y: number) => 300 * x - 1000 * y],
    ["uint32", 2, (x: number, y: number) => 65_536 * x + y],
    ["float32", 3, (x: number, y: number) => x / 4 - 1000.5 * y],
    ["float64", 3, (x: number, y: number) => x / 8 - y],
  ] as const)("undoes the predictor of %s (%i), in both byte orders", async (kind, predictor, sampleAt) => {
    for (const littleEndian of [true, false]) {
      for (const packing of ["deflate", "lzw"] as const) {
        for (const blocks of [{ rows: 5 }, { tile: [16, 16] }] as const) {
          const pages = await pagesOf({ kind, predictor, littleEndian, packing, blocks, sampleAt });
          expect(pages, `${littleEndian} ${packing}`).toEqual([expected(sampleAt)]);
        }
      }
    }
  });

  it("undoes the predictor of colours channel by channel", async () => {
    const sampleAt = (x: number, y: number, _: number, sample: number) => 100 * byteAt(x, y) + 60 * sample;
    const fields = { kind: "uint16", samples: 3, sampleAt, packing: "deflate" } as const;
    for (const littleEndian of [true, false]) {
      expect(await pagesOf({ ...fields, littleEndian, predictor: 2 })).toEqual(await pagesOf(fields));
    }
  });

  it("refuses a predictor that is not for its samples", async () => {
    const odd = { packing: "deflate", predictor: 2, kind: "float64" } as const;
    await expect(pagesOf(odd)).rejects.toMatchObject({ code: "InputUnreadable" });
  });

  it.each([
    [1, 5],
    [2, 10],
    [4, 19],
  ])("reads %i bits a pixel, also where the file leaves them to be taken as one", async (bits, bytes) => {
    const valueAt = (x: number, y: number) => byteAt(x, y) % 2 ** bits;
    const perByte = 8 / bits;
    const sampleAt = (at: number, y: number) =>
      Array.from({ length: perByte }, (_, i) => valueAt(at * perByte + i, y)).reduce(
        (byte, v) => (byte << bits) | v,
        0,
      );
    for (const packing of ["none", "lzw", "packbits", "deflate"] as const) {
      const file = (tags: Record<number, number[]>) =>
        buildTiff({
          width: bytes,
          height: HEIGHT,
          packing,
          sampleAt,
          blocks: { rows: 8 },
          tags: { 256: [WIDTH], ...tags },
        });
      expect(await pagesIn(file({ 258: [bits] }))).toEqual([expected(valueAt)]);
      if (bits > 1) continue;
      // The tag of the bits becomes one that nobody knows.
      const silent = file({ 258: [bits] });
      const at = Buffer.from(silent).lastIndexOf(Uint8Array.of(2, 1, 3, 0, 1, 0, 0, 0));
      silent.set([44, 1], at);
      expect(await pagesIn(silent)).toEqual([expected(valueAt)]);
    }
  });

  it("reads grey beside alpha, and says that it was transparent", async () => {
    const bytes = (alpha: number) =>
      buildTiff({
        width: WIDTH,
        height: HEIGHT,
        samples: 2,
        photometric: 1,
        sampleAt: (x, y, _, sample) => (sample === 0 ? byteAt(x, y) : alpha),
      });
    for (const alpha of [255, 254]) {
      expect(await pagesIn(bytes(alpha))).toEqual([expected(byteAt)]);
      const { scans } = await findScans([uploadOf(bytes(alpha), "a")]);
      const codes = scans[0]?.warnings.map(({ code }) => code);
      expect(codes).toEqual(alpha === 255 ? ["SpacingUnknown"] : ["SpacingUnknown", "AlphaIgnored"]);
    }
  });

  it("makes an image of each page", async () => {
    const sampleAt = (x: number, y: number, page: number) => (byteAt(x, y) + 50 * page) % 256;
    const pages = await pagesOf({ sampleAt, pages: 3 });
    expect(pages).toEqual([0, 1, 2].map((page) => expected((x, y) => sampleAt(x, y, page))));
  });

  it("reads colours as luminance, and grey where 0 is white as it is stored", async () => {
    const sampleAt = (x: number, y: number, _: number, sample: number) => (byteAt(x, y) + 60 * sample) % 256;
    const [page = []] = await pagesOf({ samples: 3, sampleAt });
    const luminance = expected((x, y) =>
      [0.299, 0.587, 0.114].reduce((sum, weight, c) => sum + weight * sampleAt(x, y, 0, c), 0),
    );
    expect(Math.max(...page.map((value, i) => Math.abs(value - (luminance[i] ?? 0))))).toBeLessThan(1e-3);
    expect(await pagesOf({ photometric: 0 })).toEqual([expected(byteAt)]);
  });

  it.each([
    ["a photometric interpretation that is no grey or RGB", { photometric: 6 }, "InputUnsupported"],
    ["a colour of one sample", { photometric: 2 }, "InputUnsupported"],
  ] as const)("refuses %s", async (_, fields, code) => {
    await expect(pagesOf(fields)).rejects.toMatchObject({ code });
  });

  it("refuses pages chained to a ring, and a file that is cut short", async () => {
    const bytes = buildTiff({ width: WIDTH, height: HEIGHT, sampleAt: byteAt });
    const view = new DataView(bytes.buffer);
    const directory = view.getUint32(4, true);
    const ring = bytes.slice();
    new DataView(ring.buffer).setUint32(directory + 2 + 12 * view.getUint16(directory, true), directory, true);
    await expect(findScans([uploadOf(ring, "a")])).rejects.toMatchObject({ name: expect.stringMatching(/^Input/) });
    const cut = bytes.subarray(0, 500);
    await expect(findScans([uploadOf(cut, "a")])).rejects.toMatchObject({ code: "InputUnreadable" });
  });
});
