import { describe, expect, it } from "vitest";
import type { Size3, Vec3 } from "#src/imaging/affine.js";
import { separateAxis } from "#src/imaging/resample.js";
import { resizeLabels } from "#src/imaging/resize-labels.js";
import { readGolden } from "../../goldens/golden.js";

interface Resized {
  readonly size: Size3;
  readonly newSize: Size3;
  readonly spacing: Vec3;
  readonly newSpacing: Vec3;
  readonly labels: string;
  readonly output: string;
}
const { resized } = readGolden<{ readonly resized: readonly Resized[] }>("nnunet-cascade");
const labelsOf = (text: string) => Int32Array.from(new Int8Array(Buffer.from(text, "base64")));

describe("resizeLabels", () => {
  for (const { size, newSize, spacing, newSpacing, labels, output } of resized) {
    it(`gives nnU-Net's labels, voxel for voxel: ${size.join(" x ")} to ${newSize.join(" x ")}`, () => {
      const found = resizeLabels(labelsOf(labels), size, newSize, separateAxis(spacing, newSpacing));
      const expected = labelsOf(output);
      expect(found.length).toBe(expected.length);
      expect(found.findIndex((label, i) => label !== expected[i])).toBe(-1);
    });
  }

  it("settles a tie by the nearest voxel, and by the smallest label where the nearest has lost", () => {
    expect([...resizeLabels(Int32Array.of(5, 2), [2, 1, 1], [1, 1, 1], null)]).toEqual([2]);
    // At the centre 1 and 2 have three eighths each; the nearest voxel is a 3.
    expect([...resizeLabels(Int32Array.of(3, 1, 1, 1, 2, 2, 2, 3), [2, 2, 2], [1, 1, 1], null)]).toEqual([1]);
  });

  it("invents no label between two, and leaves equal sizes alone", () => {
    const labels = Int32Array.of(0, 0, 7, 7);
    expect(new Set(resizeLabels(labels, [4, 1, 1], [9, 1, 1], null))).toEqual(new Set([0, 7]));
    expect(resizeLabels(labels, [4, 1, 1], [4, 1, 1], null)).toEqual(labels);
  });

  it("refuses a size that is not the map's", () => {
    expect(() => resizeLabels(new Int32Array(3), [2, 2, 1], [1, 1, 1], null)).toThrow("expected 2 x 2 x 1");
  });
});
