import { PNG } from "pngjs";
import { describe, expect, it } from "vitest";
import { writePngLabels } from "#src/formats/png-labels.js";

describe("writePngLabels", () => {
  it("keeps 8-bit labels as grey values, row by row", () => {
    const png = PNG.sync.read(Buffer.from(writePngLabels(Uint8Array.of(0, 1, 2, 255, 4, 5), [3, 2, 1])));
    expect([png.width, png.height, png.depth, png.colorType]).toEqual([3, 2, 8, 0]);
    expect(Array.from({ length: 6 }, (_, i) => png.data[4 * i])).toEqual([0, 1, 2, 255, 4, 5]);
  });

  it("keeps 16-bit labels", () => {
    const bytes = Buffer.from(writePngLabels(Uint16Array.of(0, 256, 65_535, 7), [2, 2, 1]));
    const png = PNG.sync.read(bytes, { skipRescale: true });
    expect([png.depth, Array.from({ length: 4 }, (_, i) => png.data[4 * i])]).toEqual([16, [0, 256, 65_535, 7]]);
  });

  it("refuses more than one slice", () => {
    expect(() => writePngLabels(new Uint8Array(8), [2, 2, 2])).toThrow(RangeError);
  });
});
