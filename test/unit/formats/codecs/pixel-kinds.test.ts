import { describe, expect, it } from "vitest";
import type { ColourChannel } from "#src/core/colour-channels.js";
import { parseDicomFile } from "#src/formats/dicom-file.js";
import { rescaleInto, storedPixels } from "#src/formats/dicom-pixels.js";
import { readPixelFormat } from "#src/formats/pixel-format.js";
import { buildDicom, type DicomElements, SYNTAX } from "../../../support/dicom-builder.js";
import { phantomSlice } from "../../../support/phantom-series.js";
import { COLUMNS, phantom, ROWS } from "./phantom.js";
import { DECODED, STREAMS } from "./streams.js";

const COUNT = COLUMNS * ROWS;
const us = (...Value: number[]) => ({ vr: "US", Value });
const bytes = (vr: string, of: ArrayBufferView) => ({
  vr,
  Value: [of.buffer.slice(of.byteOffset, of.byteOffset + of.byteLength)],
});
const luminance = (r = 0, g = 0, b = 0) => 0.299 * r + 0.587 * g + 0.114 * b;

/** Values of a file of one frame whose pixel elements are these; the rest is the phantom series'. */
async function valuesOf(
  edits: DicomElements,
  transferSyntax: string = SYNTAX.explicitLittle,
  channel?: ColourChannel,
): Promise<number[]> {
  const base = phantomSlice({ size: [COLUMNS, ROWS, 1] }, 0);
  for (const tag of ["00281052", "00281053", "7FE00010"]) delete base[tag];
  const file = parseDicomFile(buildDicom({ ...base, ...edits }, transferSyntax), "entry 1");
  if (file === null) throw new Error("no DICOM");
  const format = readPixelFormat(file, file.dataSet, "entry 1", channel);
  const out = new Float32Array(COUNT);
  rescaleInto(out, 0, await storedPixels(file, format, "entry 1"), format);
  return [...out];
}

const grey = (bits: number): DicomElements => ({
  "00280002": us(1),
  "00280004": { vr: "CS", Value: ["MONOCHROME2"] },
  "00280100": us(bits),
  "00280101": us(bits),
  "00280102": us(bits - 1),
  "00280103": us(0),
});
const colour = (kind: string, planar: 0 | 1): DicomElements => ({
  ...grey(8),
  "00280002": us(3),
  "00280004": { vr: "CS", Value: [kind] },
  "00280006": us(planar),
});

const COLOURS = phantom(8, 3);
const COLOUR_LUMINANCE = Array.from({ length: COUNT }, (_, i) => luminance(...COLOURS.slice(3 * i, 3 * i + 3)));
const planes = Uint8Array.from([0, 1, 2].flatMap((c) => COLOURS.filter((_, i) => i % 3 === c)));

function expectClose(found: readonly number[], expected: readonly number[]): void {
  expect(found.length).toBe(expected.length);
  expect(Math.max(...found.map((value, i) => Math.abs(value - (expected[i] ?? Number.NaN))))).toBeLessThan(1e-4);
}

describe("colour", () => {
  it("is luminance, samples side by side", async () => {
    const pixels = bytes("OB", Uint8Array.from(COLOURS));
    expectClose(await valuesOf({ ...colour("RGB", 0), "7FE00010": pixels }), COLOUR_LUMINANCE);
  });

  it.each(["red", "green", "blue"] as const)("is its %s where that is asked for", async (channel) => {
    const pixels = bytes("OB", Uint8Array.from(COLOURS));
    const found = await valuesOf({ ...colour("RGB", 0), "7FE00010": pixels }, SYNTAX.explicitLittle, channel);
    const component = ["red", "green", "blue"].indexOf(channel);
    expect(found).toEqual(COLOURS.filter((_, i) => i % 3 === component));
  });

  it("is luminance, plane after plane", async () => {
    expectClose(await valuesOf({ ...colour("RGB", 1), "7FE00010": bytes("OB", planes) }), COLOUR_LUMINANCE);
  });

  it("is luminance, packed as RLE", async () => {
    const pixels = bytes("OB", rleLiterals([0, 1, 2].map((c) => planes.subarray(c * COUNT, (c + 1) * COUNT))));
    expectClose(await valuesOf({ ...colour("RGB", 0), "7FE00010": pixels }, SYNTAX.rle), COLOUR_LUMINANCE);
  });

  it("stored as luminance and differences is that of the colours cut to 0 to 255", async () => {
    // Y, Cb, Cr of five pixels and the colours that libjpeg makes of them.
    const samples = [
      [100, 128, 128, 100, 100, 100],
      [200, 128, 255, 255, 109, 200],
      [10, 0, 10, 0, 138, 0],
      [76, 85, 255, 254, 0, 0],
      [33, 140, 97, 0, 51, 54],
    ];
    const pixels = new Uint8Array(3 * COUNT);
    for (const [i, [y = 0, cb = 0, cr = 0]] of samples.entries()) pixels.set([y, cb, cr], 3 * i);
    const found = await valuesOf({ ...colour("YBR_FULL", 0), "7FE00010": bytes("OB", pixels) });
    expectClose(
      found.slice(0, samples.length),
      samples.map(([, , , r, g, b]) => luminance(r, g, b)),
    );
  });

  it("stored as luminance and differences has a green of its own", async () => {
    const pixels = new Uint8Array(3 * COUNT);
    pixels.set([200, 128, 255, 10, 0, 10], 0);
    const stored = { ...colour("YBR_FULL", 0), "7FE00010": bytes("OB", pixels) };
    expect((await valuesOf(stored, SYNTAX.explicitLittle, "green")).slice(0, 2)).toEqual([109, 138]);
  });

  it("of pixel pairs takes both luminances and the differences they share", async () => {
    const pixels = new Uint8Array(2 * COUNT).fill(128);
    pixels.set([100, 60, 128, 128, 200, 76, 128, 255]);
    const stored = { ...colour("YBR_FULL_422", 0), "7FE00010": bytes("OB", pixels) };
    const found = await valuesOf(stored);
    expectClose(found.slice(0, 4), [100, 60, luminance(255, 109, 200), luminance(254, 0, 76)]);
    expect((await valuesOf(stored, SYNTAX.explicitLittle, "blue")).slice(0, 4)).toEqual([100, 60, 200, 76]);
  });

  it("of a JPEG is what libjpeg makes of it", async () => {
    const stream = Uint8Array.from(Buffer.from(STREAMS.colour420, "base64"));
    const rgb = [...Buffer.from(DECODED.colour420Rgb, "base64")];
    const found = await valuesOf({ ...colour("YBR_FULL_422", 0), "7FE00010": bytes("OB", stream) }, JPEG_BASELINE);
    expectClose(
      found,
      Array.from({ length: COUNT }, (_, i) => luminance(...rgb.slice(3 * i, 3 * i + 3))),
    );
  });
});

const JPEG_BASELINE = "1.2.840.10008.1.2.4.50";

describe("tables", () => {
  it("give a palette's luminance; numbers beyond its ends get its first and last", async () => {
    const stored = Uint8Array.from({ length: COUNT }, (_, i) => i % 8);
    const [red, green, blue] = [
      [10, 20, 30, 40],
      [50, 60, 70, 80],
      [90, 100, 110, 120],
    ];
    const entries = (values: readonly number[]) => bytes("OW", Uint16Array.from(values));
    const file: DicomElements = {
      ...grey(8),
      "00280004": { vr: "CS", Value: ["PALETTE COLOR"] },
      "00281101": us(4, 2, 16),
      "00281102": us(4, 2, 16),
      "00281103": us(4, 2, 16),
      "00281201": entries(red ?? []),
      "00281202": entries(green ?? []),
      "00281203": entries(blue ?? []),
      "7FE00010": bytes("OB", stored),
    };
    const found = await valuesOf(file);
    const place = (i: number) => Math.min(3, Math.max(0, (i % 8) - 2));
    expectClose(
      found,
      found.map((_, i) => luminance(red?.[place(i)], green?.[place(i)], blue?.[place(i)])),
    );
    const greens = await valuesOf(file, SYNTAX.explicitLittle, "green");
    expect(greens).toEqual(greens.map((_, i) => green?.[place(i)]));
  });

  it("of a modality stand for slope and intercept", async () => {
    const stored = Uint8Array.from({ length: COUNT }, (_, i) => i % 6);
    const found = await valuesOf({
      ...grey(8),
      "00281052": { vr: "DS", Value: ["1000"] },
      "00281053": { vr: "DS", Value: ["7"] },
      "00283000": {
        vr: "SQ",
        Value: [
          {
            "00283002": us(4, 1, 16),
            "00283004": { vr: "LO", Value: ["US"] },
            "00283006": us(11, 220, 3300, 44_000),
          },
        ],
      },
      "7FE00010": bytes("OB", stored),
    });
    expect(found.slice(0, 6)).toEqual([11, 11, 220, 3300, 44_000, 44_000]);
  });
});

describe("numbers", () => {
  it("of one bit are 0 and 1, lowest bit first", async () => {
    const pixels = Uint8Array.from({ length: COUNT / 8 + 1 }, (_, i) => (i * 73) & 255);
    const found = await valuesOf({ ...grey(1), "7FE00010": bytes("OB", pixels) });
    expect(found).toEqual(Array.from({ length: COUNT }, (_, i) => ((pixels[i >> 3] ?? 0) >> (i & 7)) & 1));
  });

  it("of 12 bits leave out what overlays keep above them", async () => {
    const stored = phantom(12);
    const pixels = Uint16Array.from(stored, (value, i) => value | ((i % 16) << 12));
    const format = { ...grey(16), "00280101": us(12), "00280102": us(11) };
    expect(await valuesOf({ ...format, "7FE00010": bytes("OW", pixels) })).toEqual(stored);
  });

  it("of 12 signed bits keep their sign, above the lowest bits too", async () => {
    const stored = phantom(12).map((value) => value - 2048);
    const pixels = Uint16Array.from(stored, (value, i) => ((value & 4095) << 2) | (i & 3));
    const format = { ...grey(16), "00280101": us(12), "00280102": us(13), "00280103": us(1) };
    expect(await valuesOf({ ...format, "7FE00010": bytes("OW", pixels) })).toEqual(stored);
  });

  it.each([
    ["7FE00008", "OF", 32, Float32Array],
    ["7FE00009", "OD", 64, Float64Array],
  ] as const)("that are not whole are read from %s", async (tag, vr, bits, Numbers) => {
    const stored = phantom(16).map((value) => value / 7 - 3000);
    const format = { ...grey(bits), "00281053": { vr: "DS", Value: ["2"] } };
    const found = await valuesOf({ ...format, [tag]: bytes(vr, Numbers.from(stored)) });
    expect(found).toEqual(stored.map((value) => Math.fround(2 * (bits === 32 ? Math.fround(value) : value))));
  });
});

describe("bits a pixel", () => {
  it.each([
    ["7FE00010", "OW", 64, "1, 8, 16, 32"],
    ["7FE00008", "OF", 8, "32"],
    ["7FE00009", "OD", 32, "64"],
  ])("of %s (%s) are refused where they are %i", async (tag, vr, bits, expected) => {
    await expect(valuesOf({ ...grey(bits), [tag]: bytes(vr, new Uint8Array(8 * COUNT)) })).rejects.toMatchObject({
      code: "InputUnsupported",
      message: `entry 1 has ${bits} bits a pixel, expected ${expected}`,
    });
  });
});

/** An RLE frame of segments without runs (PS3.5 annex G). */
function rleLiterals(segments: readonly Uint8Array[]): Uint8Array {
  const header = new Uint32Array(16);
  header[0] = segments.length;
  const parts: Uint8Array[] = [];
  let at = 64;
  for (const [n, segment] of segments.entries()) {
    header[n + 1] = at;
    const packed = Uint8Array.from([segment.length - 1, ...segment, ...(segment.length % 2 === 0 ? [128] : [])]);
    parts.push(packed);
    at += packed.length;
  }
  return new Uint8Array(Buffer.concat([new Uint8Array(header.buffer), ...parts]));
}
