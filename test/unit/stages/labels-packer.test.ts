import { describe, expect, it } from "vitest";
import { LabelsPacker } from "#src/stages/labels-packer.js";
import { labelsFile } from "#src/stages/volume-files.js";

const grid = { size: [5, 4, 3], affineRas: [1, 0, 0, -2, 0, 1, 0, 3, 0, 0, 2, 9], spacingMm: [1, 1, 2] } as const;
const map = (seed: number) => Uint8Array.from({ length: 60 }, (_, i) => (i * seed) % 7);

describe("LabelsPacker", () => {
  it.each([
    ["at once", []],
    ["slice by slice", [20, 20, 40, 60]],
    ["most of it", [0, 59]],
  ])("packs the file of a label map that is told of %s", async (_, counts: readonly number[]) => {
    for (const labels of [map(3), Uint16Array.from(map(3), (label) => label * 100)]) {
      const packer = new LabelsPacker(grid);
      for (const count of counts) packer.add(labels, count);
      expect(Buffer.compare(await packer.finish(labels), labelsFile(labels, grid))).toBe(0);
    }
  });

  it("begins anew with another map", async () => {
    const packer = new LabelsPacker(grid);
    packer.add(map(3), 40);
    expect(Buffer.compare(await packer.finish(map(5)), labelsFile(map(5), grid))).toBe(0);
    packer.close();
  });
});
