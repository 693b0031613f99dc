import { describe, expect, it } from "vitest";
import { affineFromColumns, type Size3 } from "#src/imaging/affine.js";
import { labelMoments } from "#src/imaging/label-moments.js";

const SIZE: Size3 = [4, 5, 6];
// x runs to the left at 2 mm, y to the head at 3 mm, z to the front at 0.5 mm.
const AFFINE = affineFromColumns([-2, 0, 0], [0, 0, 3], [0, 0.5, 0], [100, 10, -50]);

function paint(...voxels: [number, number, number, number][]): Uint8Array {
  const labels = new Uint8Array(120);
  for (const [x, y, z, label] of voxels) labels[x + 4 * (y + 5 * z)] = label;
  return labels;
}

describe("labelMoments", () => {
  it("counts, places and bounds every label", () => {
    const labels = paint([1, 1, 1, 1], [2, 1, 1, 1], [1, 3, 4, 1], [2, 3, 4, 1], [3, 0, 2, 3]);
    const [first, second, third] = labelMoments(labels, SIZE, AFFINE, 3);
    expect(first).toEqual({
      label: 1,
      voxels: 4,
      centroidRas: [100 - 2 * 1.5, 10 + 0.5 * 2.5, -50 + 3 * 2],
      box: { start: [1, 1, 1], size: [2, 3, 4] },
      touchesBorder: [
        { low: false, high: false },
        { low: false, high: false },
        { low: false, high: false },
      ],
    });
    expect(second).toMatchObject({ label: 2, voxels: 0, centroidRas: null, box: null });
    expect(third?.touchesBorder).toEqual([
      { low: false, high: true },
      { low: true, high: false },
      { low: false, high: false },
    ]);
  });

  it("sees no border across the one slice of an image", () => {
    const [moments] = labelMoments(Uint16Array.of(0, 0, 0, 0, 1, 0, 0, 0, 0), [3, 3, 1], AFFINE, 1);
    expect(moments?.touchesBorder.flatMap(({ low, high }) => [low, high])).toEqual(new Array(6).fill(false));
  });

  it("refuses a label above the largest and a map of another size", () => {
    expect(() => labelMoments(paint([0, 0, 0, 4]), SIZE, AFFINE, 3)).toThrow(/holds 4/);
    expect(() => labelMoments(new Uint8Array(3), SIZE, AFFINE, 3)).toThrow(RangeError);
  });
});
