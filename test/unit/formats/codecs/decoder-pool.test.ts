import { mkdtempSync, writeFileSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { build } from "esbuild";
import { afterEach, describe, expect, it } from "vitest";
import { BUNDLING, FRAME_WORKER } from "#functions/bundling.js";
import { DecoderPool } from "#src/formats/codecs/decoder-pool.js";
import { findScans } from "#src/formats/find-scans.js";
import { loadScan, loadScanCompact } from "#src/formats/load-scan.js";
import { buildDicom, SYNTAX } from "../../../support/dicom-builder.js";
import { flatJpegLossless } from "../../../support/flat-jpeg.js";
import { phantomSlice, uploadOf } from "../../../support/phantom-series.js";
import { COLUMNS, phantom, ROWS } from "./phantom.js";
import { STREAMS } from "./streams.js";

const SOURCES = fileURLToPath(new URL("../../../../src/formats", import.meta.url));
/** The threads' program is the built one: `npm run build` comes before these tests, as in `npm test`. */
const isAble = availableParallelism() > 1;
const JPEG_LOSSLESS = "1.2.840.10008.1.2.4.70";
const shape = { rows: ROWS, columns: COLUMNS, samples: 1 };
const streamOf = (name: keyof typeof STREAMS) => Uint8Array.from(Buffer.from(STREAMS[name], "base64"));

const open: DecoderPool[] = [];
function poolFor(pixels: number): DecoderPool {
  const pool = DecoderPool.for(pixels);
  if (pool === null) throw new Error("no pool");
  open.push(pool);
  return pool;
}
afterEach(async () => {
  for (const pool of open.splice(0)) await pool.close();
});

describe("DecoderPool", () => {
  it("is not opened for few pixels", () => {
    expect(DecoderPool.for(100 * 100 * 20)).toBeNull();
  });

  it.skipIf(!isAble)("decodes frames that are written over once they were handed in (needs two cores)", async () => {
    const pool = poolFor(2 ** 24);
    const kinds = [
      ["jpeg2000", "90"],
      ["jpegls", "80"],
      ["htj2k", "201"],
      ["lossless16", "70"],
    ] as const;
    const frames = [0, 1, 2].flatMap(() =>
      kinds.map(([name, syntax]) => {
        const stream = streamOf(name);
        const frame = pool.decode(`1.2.840.10008.1.2.4.${syntax}`, stream, shape, "entry 1");
        stream.fill(0);
        return frame;
      }),
    );
    for (const { bytes, bytesPerSample } of await Promise.all(frames)) {
      expect(bytesPerSample).toBe(2);
      expect([...new Uint16Array(bytes.buffer, bytes.byteOffset, ROWS * COLUMNS)]).toEqual(phantom(16));
    }
  });

  it.skipIf(!isAble)(
    "refuses with the code and words of the decoder, and refuses all once closed (needs two cores)",
    async () => {
      const pool = poolFor(2 ** 24);
      const cut = pool.decode("1.2.840.10008.1.2.4.90", streamOf("jpeg2000").subarray(0, 200), shape, "entry 7");
      await expect(cut).rejects.toMatchObject({
        code: "InputUnreadable",
        message: expect.stringMatching(/^entry 7 has a damaged/),
      });
      await expect(pool.decode("1.2.3", new Uint8Array(4), shape, "entry 1")).rejects.toThrow(RangeError);
      await pool.close();
      await expect(pool.decode(JPEG_LOSSLESS, streamOf("lossless16"), shape, "entry 1")).rejects.toThrow("ended");
    },
  );
});

describe("a compressed series of many pixels", () => {
  const SIDE = 1024;
  const SLICES = 8;
  const flat = flatJpegLossless(SIDE);

  const upload = (streams: (k: number) => Uint8Array, syntaxes = (_: number) => JPEG_LOSSLESS) =>
    uploadOf(
      Array.from({ length: SLICES }, (_, k) => {
        const elements = phantomSlice({ size: [4, 4, SLICES] }, k);
        elements["00280010"] = { vr: "US", Value: [SIDE] };
        elements["00280011"] = { vr: "US", Value: [SIDE] };
        elements["00280103"] = { vr: "US", Value: [0] };
        elements["00281052"] = { vr: "DS", Value: [String(100 * k - 32_768)] };
        elements["00281053"] = { vr: "DS", Value: ["1"] };
        const isRaw = syntaxes(k) !== JPEG_LOSSLESS;
        const raw = new Uint8Array(new Uint16Array(SIDE * SIDE).fill(32_768).buffer);
        elements["7FE00010"] = isRaw
          ? { vr: "OW", Value: [raw.buffer] }
          : { vr: "OB", Value: [new Uint8Array(streams(k)).buffer] };
        return { name: `${k}`, bytes: buildDicom(elements, syntaxes(k)) };
      }),
    );

  it("is read into its places, with files of another syntax between", async () => {
    const entries = upload(
      () => flat,
      (k) => (k % 3 === 1 ? SYNTAX.explicitLittle : JPEG_LOSSLESS),
    );
    const [scan] = (await findScans(entries)).scans;
    if (scan === undefined) throw new Error("no scan");
    for (const { volume } of [await loadScan(scan, entries), await loadScanCompact(scan, entries)]) {
      const corners = scan.entries.flatMap((_, z) => [
        volume.data[z * SIDE * SIDE],
        volume.data[(z + 1) * SIDE * SIDE - 1],
      ]);
      expect(corners).toEqual(scan.entries.flatMap((k) => [100 * k, 100 * k]));
    }
  });

  it.skipIf(!isAble).each([
    { threads: "as many threads as out of one, its program beside it", program: true },
    { threads: "no thread, without a program beside it", program: false },
  ])("is read in a bundle by $threads (needs two cores)", async ({ program }) => {
    const { banner, external, conditions, ...options } = BUNDLING;
    const outdir = mkdtempSync(join(tmpdir(), "bundle-"));
    const reader = join(outdir, "reader.ts");
    const parts = ["find-scans", "load-scan", "codecs/decoder-pool"];
    writeFileSync(reader, parts.map((name) => `export * from ${JSON.stringify(`${SOURCES}/${name}.ts`)};`).join("\n"));
    await build({
      ...options,
      entryPoints: program ? [reader, join(SOURCES, "../..", FRAME_WORKER.entry)] : [reader],
      entryNames: "[name]",
      outExtension: { ".js": ".mjs" },
      outdir,
      bundle: true,
      conditions: [...conditions],
      external: [...external],
      banner: { js: banner },
      logLevel: "error",
    });
    const bundle = await import(pathToFileURL(join(outdir, "reader.mjs")).href);
    const pool: DecoderPool | null = bundle.DecoderPool.for(2 ** 24);
    expect(pool?.window).toBe(program ? poolFor(2 ** 24).window : undefined);
    await pool?.close();
    const entries = upload(() => flat);
    const [scan] = (await bundle.findScans(entries)).scans;
    const { volume } = await bundle.loadScan(scan, entries);
    const firsts = scan.entries.map((_: number, z: number) => volume.data[z * SIDE * SIDE]);
    expect(firsts).toEqual(scan.entries.map((k: number) => 100 * k));
    expect(new Set(firsts).size).toBe(SLICES);
  });

  it("is refused for its first damaged file, however many there are", async () => {
    const entries = upload((k) => (k === 2 || k === 5 ? flat.subarray(0, 30) : flat));
    const [scan] = (await findScans(entries)).scans;
    if (scan === undefined) throw new Error("no scan");
    const first = scan.entries.find((ordinal) => ordinal === 2 || ordinal === 5);
    await expect(loadScan(scan, entries)).rejects.toMatchObject({
      code: "InputUnreadable",
      message: expect.stringContaining(`entry ${first} `),
    });
  });
});
