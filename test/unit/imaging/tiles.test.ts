import { describe, expect, it } from "vitest";
import type { Size3 } from "#src/imaging/affine.js";
import {
  constantTileWeights,
  gaussianTileWeights,
  shiftedTileStarts,
  symmetricGaussianTileWeights,
  tileStarts,
} from "#src/imaging/tiles.js";
import { largestDifference, readGolden } from "../../goldens/golden.js";

interface Golden {
  readonly monaiWeights: { readonly patch: Size3; readonly weights: number[] }[];
  readonly monaiStarts: { length: number; tile: number; overlap: number; starts: number[] }[];
  readonly weights: { readonly patch: Size3; readonly weights: number[] }[];
  readonly large: {
    readonly smallest: number;
    readonly atSmallest: number;
    readonly line: number[];
    readonly sum: number;
  };
}
const golden = readGolden<Golden>("tiles");

describe("tileStarts", () => {
  it.each([
    [110, 64, 0.5, [0, 23, 46]],
    [287, 128, 0.5, [0, 53, 106, 159]],
    [397, 128, 0.5, [0, 54, 108, 161, 215, 269]],
    [69, 40, 0.5, [0, 14, 29]],
    [75, 56, 0.5, [0, 19]],
    [65, 40, 0.5, [0, 12, 25]],
    [128, 128, 0.5, [0]],
    // Three tiles over 133 voxels: 2.5 goes to 2, where rounding up would give 3.
    [133, 128, 0.02, [0, 2, 5]],
    [100, 32, 1, [0, 23, 45, 68]],
  ])("covers %i voxels with tiles of %i at steps of %f as nnU-Net does", (length, tile, step, starts) => {
    expect(tileStarts(length, tile, step)).toEqual(starts);
  });

  it("leaves no voxel out and ends flush", () => {
    for (let length = 16; length < 90; length++) {
      const starts = tileStarts(length, 16, 0.5);
      expect(starts.at(-1)).toBe(length - 16);
      starts.forEach((start, i) => {
        if (i > 0) expect(start - (starts[i - 1] ?? 0)).toBeLessThanOrEqual(9);
      });
    }
  });

  it("refuses an axis shorter than a tile and a step outside (0, 1]", () => {
    expect(() => tileStarts(10, 16, 0.5)).toThrow(RangeError);
    expect(() => tileStarts(32, 16, 0)).toThrow(RangeError);
    expect(() => tileStarts(32, 16, 1.5)).toThrow(RangeError);
  });
});

describe("gaussianTileWeights", () => {
  it.each(golden.weights)("equals scipy's Gaussian in half precision for $patch", ({ patch, weights }) => {
    expect(gaussianTileWeights(patch)).toEqual(Float32Array.from(weights));
  });

  it("equals it for 128 cubed: the line through the centre, the smallest weight and how often it occurs", () => {
    const weights = gaussianTileWeights([128, 128, 128]);
    const { smallest, atSmallest, line, sum } = golden.large;
    expect(weights.subarray(128 * (64 + 128 * 64), 128 * (65 + 128 * 64))).toEqual(Float32Array.from(line));
    expect(weights.reduce((count, w) => count + (w === Math.fround(smallest) ? 1 : 0), 0)).toBe(atSmallest);
    expect(weights.reduce((total, w) => total + w, 0)).toBeCloseTo(sum, 6);
    expect(weights.every((w) => w >= smallest)).toBe(true);
  });
});

describe("constantTileWeights", () => {
  it("weighs every voxel the same", () => {
    expect(constantTileWeights([2, 1, 3])).toEqual(new Float32Array(6).fill(1));
  });
});

describe("shiftedTileStarts", () => {
  it.each(golden.monaiStarts)("places tiles of $tile over $length with overlap $overlap as MONAI", (one) => {
    expect(shiftedTileStarts(one.length, one.tile, 1 - one.overlap)).toEqual(one.starts);
  });

  it("refuses an axis shorter than the tile and a step out of range", () => {
    expect(() => shiftedTileStarts(7, 8, 0.5)).toThrow(RangeError);
    expect(() => shiftedTileStarts(8, 8, 0)).toThrow(RangeError);
  });
});

describe("symmetricGaussianTileWeights", () => {
  it.each(golden.monaiWeights)("equals MONAI's map for $patch", ({ patch, weights }) => {
    expect(largestDifference(symmetricGaussianTileWeights(patch), weights)).toBeLessThan(2e-7);
  });
});
