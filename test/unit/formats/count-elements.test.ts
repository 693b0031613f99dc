import { describe, expect, it } from "vitest";
import { countElements } from "#src/formats/count-elements.js";
import { elementsOf, parseDicomFile } from "#src/formats/dicom-file.js";
import { readUpload } from "#src/intake/read-upload.js";
import { buildDicom, type DicomElements, SYNTAX, withoutPreamble } from "../../support/dicom-builder.js";

const NESTED: DicomElements = {
  "00080016": { vr: "UI", Value: ["1.2"] },
  "00081140": {
    vr: "SQ",
    Value: [
      { "00081150": { vr: "UI", Value: ["1.2"] }, "00081155": { vr: "UI", Value: ["1.3"] } },
      { "00400260": { vr: "SQ", Value: [{ "00080100": { vr: "SH", Value: ["A"] } }] } },
    ],
  },
  "00100010": { vr: "PN", Value: ["a"] },
  "7FE00010": { vr: "OW", Value: [new Uint8Array(8).buffer] },
};

const MOST = { outer: 20_000, all: 2_000_000 };

describe("countElements", () => {
  it.each([
    [SYNTAX.explicitLittle, true, true],
    [SYNTAX.implicitLittle, false, true],
    [SYNTAX.explicitBig, true, false],
  ])("counts elements and items up to the pixels: %s", (syntax, isExplicit, isLittle) => {
    const bytes = withoutPreamble(buildDicom(NESTED, syntax));
    const { outer, all } = countElements(bytes, 0, { isExplicit, isLittle }, MOST);
    expect(outer).toBe(3);
    // Three outside, two items of two and one element, an item of one; dcmjs may end items and sequences by delimiters.
    expect(all).toBeGreaterThanOrEqual(10);
    expect(all).toBeLessThanOrEqual(15);
  });

  it("ends where it cannot follow", () => {
    expect(countElements(new Uint8Array(100), 0, { isExplicit: true, isLittle: true }, MOST)).toEqual({
      outer: 1,
      all: 1,
    });
  });
});

const text = (value: string) => new TextEncoder().encode(value);
const META = buildDicom({ "00080016": { vr: "UI", Value: ["1.2.840.10008.5.1.4.1.1.4"] } });
const u16 = (...values: number[]) => new Uint8Array(Uint16Array.from(values).buffer);
const u32 = (...values: number[]) => new Uint8Array(Uint32Array.from(values).buffer);

/** A file whose header holds nothing, a million times over. */
function bombOf(kind: "elements" | "items" | "unknown"): Uint8Array {
  const count = 1_000_000;
  const item = [...u16(0xfffe, 0xe000), ...u32(0)];
  const one = kind === "elements" ? [...u16(0x0041, 0x0010), ...text("SH"), ...u16(0)] : item;
  const many = new Uint8Array(8 * count);
  for (let n = 0; n < count; n++) many.set(one, 8 * n);
  if (kind === "elements") return Buffer.concat([META, many]);
  const vr = kind === "items" ? "SQ" : "UN";
  return Buffer.concat([META, u16(0x5200, 0x9230), text(vr), u16(0), u32(many.length), many]);
}

describe("a header of a million elements", () => {
  it("is refused before it is parsed, and counted no further than to the limit", () => {
    const bytes = bombOf("elements");
    expect(elementsOf(bytes)?.outer).toBe(20_001);
    expect(() => parseDicomFile(bytes, "entry 0")).toThrow(/^entry 0 has more than 20000 elements in its header/);
  });

  it("is counted in sequences", () => {
    expect(elementsOf(bombOf("items"))?.all).toBeGreaterThanOrEqual(1_000_000);
  });

  it.each(["elements", "items", "unknown"] as const)("is left to Inspect by intake: %s", async (kind) => {
    const bytes = bombOf(kind);
    const looked = await readUpload({ size: bytes.length, read: async (from, to) => bytes.subarray(from, to) });
    expect(looked).toEqual({ kind: "whole" });
  });
});
