import { describe, expect, it } from "vitest";
import { unpackRle } from "#src/formats/dicom-rle.js";
import { packRle } from "#src/formats/rle-pack.js";

describe("packRle", () => {
  it("packs runs and bytes as they are, an even segment after the header", () => {
    const packed = packRle([Uint8Array.of(5, 5, 5, 5, 1, 2, 3, 3, 9, 9, 9)], 11);
    expect([...packed.subarray(64)]).toEqual([253, 5, 3, 1, 2, 3, 3, 254, 9, 0]);
    expect(new DataView(packed.buffer).getUint32(0, true)).toBe(1);
    expect(new DataView(packed.buffer).getUint32(4, true)).toBe(64);
  });

  it("ends every run with its row, and after 128 bytes", () => {
    expect([...packRle([new Uint8Array(6)], 3).subarray(64)]).toEqual([254, 0, 254, 0]);
    expect([...packRle([new Uint8Array(130)], 130).subarray(64)]).toEqual([129, 0, 255, 0]);
    const noise = Uint8Array.from({ length: 130 }, (_, i) => i % 251);
    expect([...packRle([noise], 130).subarray(64)]).toEqual([127, ...noise.subarray(0, 128), 1, 128, 129]);
  });

  it.each([1, 2, 7, 128, 129, 300])("gives back rows of %i pixels of one byte and of two", (columns) => {
    for (const alike of [1, 2, 3, 40, 200]) {
      const pixels = columns * 5;
      const high = Uint8Array.from({ length: pixels }, (_, i) => Math.floor(i / alike) * 37);
      const low = Uint8Array.from({ length: pixels }, (_, i) => (i % alike === 0 ? i * 11 : 4));
      expect(unpackRle(packRle([low], columns), pixels, 1, 1, "x")).toEqual(low);
      const both = unpackRle(packRle([high, low], columns), pixels, 2, 1, "x");
      expect(both.filter((_, i) => i % 2 === 1)).toEqual(high);
      expect(both.filter((_, i) => i % 2 === 0)).toEqual(low);
    }
  });
});
