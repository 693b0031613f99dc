import { describe, expect, it } from "vitest";
import { distinctHeights, sliceSteps } from "#src/formats/seg-step.js";

const nothing = { sliceStepMm: null, sliceThicknessMm: null };

describe("sliceSteps", () => {
  it.each([
    ["the distance of its frames where the header says nothing", [0, 3, 6], nothing, 3, 3],
    ["that of its frames, not their thickness", [0, 3, 6], { ...nothing, sliceThicknessMm: 1.5 }, 3, 3],
    ["that of its frames where the header says more", [0, 3, 6], { ...nothing, sliceStepMm: 6 }, 3, 3],
    ["that of its frames where the header says no part of it", [0, 7, 14], { ...nothing, sliceStepMm: 2 }, 7, 3],
    ["that of the header where slices have no frames", [0, 9, 15], { ...nothing, sliceStepMm: 3 }, 3, 6],
    ["the smallest of its frames where slices have none", [0, 3, 12], nothing, 3, 5],
    [
      "the thickness where slices without frames leave no other step",
      [10, 12, 15],
      { ...nothing, sliceThicknessMm: 1 },
      1,
      6,
    ],
    [
      "the thickness where two frames are whole multiples of it apart",
      [10, 40],
      { ...nothing, sliceThicknessMm: 3 },
      3,
      11,
    ],
    [
      "the distance of two frames that are no multiple of their thickness",
      [10, 15],
      { ...nothing, sliceThicknessMm: 4 },
      5,
      2,
    ],
    ["that of the header for a single slice", [4], { sliceStepMm: 3, sliceThicknessMm: 2 }, 3, 1],
    ["the thickness of a single slice", [4], { ...nothing, sliceThicknessMm: 2 }, 2, 1],
    ["none for a single slice of which nothing is known", [4], nothing, 0, 1],
  ])("takes %s", (_, heights, measures, stepMm, slices) => {
    expect(sliceSteps(heights, measures)).toEqual({ stepMm, slices });
  });

  it("counts slices right where positions are rounded", () => {
    // 0.625 mm in two decimals: the smallest distance is 0.62, and 200 of those are 199 slices.
    const heights = Array.from({ length: 200 }, (_, k) => Math.round(62.5 * k) / 100);
    const { stepMm, slices } = sliceSteps(heights, nothing);
    expect([stepMm, slices]).toEqual([expect.closeTo(0.625, 4), 200]);
    const far = heights.filter((_, k) => k < 20 || k > 180);
    expect(sliceSteps(far, nothing).slices).toBe(200);
  });
});

describe("distinctHeights", () => {
  it("takes heights that differ by rounding for one", () => {
    expect(distinctHeights([3, 0, 3.000_001, -2.999_999, 0], 0.5, nothing)).toEqual([-2.999_999, 0, 3]);
  });

  it("takes heights that two programs rounded differently for one, by what the header says of slices", () => {
    const fine = Array.from({ length: 20 }, (_, k) => 0.0378 + 3 * k);
    const rounded = fine.map((height) => Math.round(10 * height) / 10);
    const heights = distinctHeights([...fine, ...rounded], 0.7, { ...nothing, sliceStepMm: 3 });
    expect(heights).toHaveLength(20);
    expect(sliceSteps(heights, { ...nothing, sliceStepMm: 3 }).slices).toBe(20);
  });
});
