import { describe, expect, it } from "vitest";
import type { Affine } from "#src/imaging/affine.js";
import { labelsFile, probabilityFile, readLabels, readProbability } from "#src/stages/volume-files.js";

const OBLIQUE: Affine = [-0.8, 0.6, 0, 30, 0.6, 0.8, 0, -20, 0, 0, 2.5, 10];
const FLIPPED: Affine = [-1, 0, 0, 0, 0, -1, 0, 0, 0, 0, 1, 0];

describe("a file of probabilities inside a box", () => {
  it.each([
    ["with spacing", OBLIQUE, [1, 1, 2.5]],
    ["of a picture, which has no spacing", FLIPPED, null],
  ] as const)("is read back into its place: a grid %s", (_, affineRas, spacingMm) => {
    const size = [12, 10, 9] as const;
    const grid = { size, affineRas, spacingMm };
    const box = { start: [5, 3, 2] as const, size: [2, 4, 3] as const };
    const values = Float32Array.from({ length: 24 }, (_, i) => i / 24);
    const file = probabilityFile(values, box, grid);
    // The stages after Segment know the grid by its label map.
    const read = readProbability(file, readLabels(labelsFile(new Uint8Array(12 * 10 * 9), grid)));
    expect(read.box).toEqual(box);
    expect([...read.data]).toEqual([...values].map((value) => expect.closeTo(value, 4)));
    expect(readProbability(file, grid).box).toEqual(box);
  });
});
