import { describe, expect, it } from "vitest";
import {
  affineColumn,
  affineDeterminant,
  affineFromColumns,
  applyAffine,
  composeAffine,
  cross,
  dot,
  flipLps,
  invertAffine,
  spacingOfAffine,
} from "#src/imaging/affine.js";
import { largestDifference } from "../../goldens/golden.js";

// x runs to the back at 2 mm, y to the left at 3 mm with a little tilt, z to the head at 5 mm.
const AFFINE = affineFromColumns([0, -2, 0], [-3, 0, 0.5], [0, 0, 5], [10, 20, -30]);

describe("affine", () => {
  it("takes voxel indices to millimetres", () => {
    expect(applyAffine(AFFINE, [0, 0, 0])).toEqual([10, 20, -30]);
    expect(applyAffine(AFFINE, [1, 2, 3])).toEqual([10 - 6, 20 - 2, -30 + 1 + 15]);
    expect(affineColumn(AFFINE, 1)).toEqual([-3, 0, 0.5]);
  });

  it("knows its spacing and the signed volume of a voxel", () => {
    expect(largestDifference(spacingOfAffine(AFFINE), [2, Math.hypot(3, 0.5), 5])).toBeLessThan(1e-12);
    expect(affineDeterminant(AFFINE)).toBeCloseTo(dot(affineColumn(AFFINE, 0), cross([-3, 0, 0.5], [0, 0, 5])), 12);
  });

  it("is undone by its inverse, from either side", () => {
    const identity = affineFromColumns([1, 0, 0], [0, 1, 0], [0, 0, 1], [0, 0, 0]);
    const inverse = invertAffine(AFFINE);
    expect(largestDifference(composeAffine(AFFINE, inverse), identity)).toBeLessThan(1e-12);
    expect(largestDifference(composeAffine(inverse, AFFINE), identity)).toBeLessThan(1e-12);
  });

  it("applies the second of two first", () => {
    const step = affineFromColumns([2, 0, 0], [0, 2, 0], [0, 0, 2], [1, 0, 0]);
    expect(applyAffine(composeAffine(AFFINE, step), [1, 1, 1])).toEqual(applyAffine(AFFINE, [3, 2, 2]));
  });

  it("changes the signs of x and y between LPS and RAS, and back", () => {
    expect(applyAffine(flipLps(AFFINE), [1, 2, 3])).toEqual([-4, -18, -14]);
    expect(flipLps(flipLps(AFFINE))).toEqual(AFFINE);
    expect(flipLps(AFFINE).some((v) => Object.is(v, -0))).toBe(false);
  });

  it("has no inverse when it flattens space", () => {
    expect(() => invertAffine(affineFromColumns([1, 0, 0], [2, 0, 0], [0, 0, 1], [0, 0, 0]))).toThrow(RangeError);
  });
});
