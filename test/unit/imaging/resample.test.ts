import { describe, expect, it } from "vitest";
import type { Size3 } from "#src/imaging/affine.js";
import { resizedSize, resizeSeparateZ, resizeVolume, type SplineOrder, separateAxis } from "#src/imaging/resample.js";
import { largestDifference, readGolden } from "../../goldens/golden.js";

interface Case {
  readonly size: Size3;
  readonly newSize: Size3;
  readonly order: SplineOrder;
  readonly input: number[];
  readonly output: number[];
}
interface SeparateCase extends Case {
  readonly axis: 0 | 1 | 2;
  readonly orderZ: SplineOrder;
}
const golden = readGolden<{ resize: Case[]; separate: SeparateCase[] }>("resample");

// The reference computes in double precision; ours too, but the result is stored as float32. Values are between 1024 and
// 2048 at most, where floats lie 1.2e-4 apart: half of that, and a little for the golden's nine digits.
const MAX_ABS = 6.5e-5;

describe("resizeVolume", () => {
  it.each(golden.resize)("agrees with scikit-image, $size to $newSize, order $order", (c) => {
    const out = resizeVolume(Float32Array.from(c.input), c.size, c.newSize, c.order);
    expect(largestDifference(out, c.output)).toBeLessThan(MAX_ABS);
  });

  it("gives different values for each order", () => {
    const ramp = Float32Array.from({ length: 8 }, (_, x) => x * x);
    const [nearest, linear, cubic] = ([0, 1, 3] as const).map((order) =>
      resizeVolume(ramp, [8, 1, 1], [5, 1, 1], order),
    );
    expect(largestDifference(nearest ?? [], linear ?? [])).toBeGreaterThan(0.1);
    expect(largestDifference(linear ?? [], cubic ?? [])).toBeGreaterThan(0.1);
  });

  it("puts voxel centres at half pixels", () => {
    const ramp = Float32Array.from([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect([...resizeVolume(ramp, [10, 1, 1], [5, 1, 1], 1)]).toEqual([0.5, 2.5, 4.5, 6.5, 8.5]);
  });

  it("keeps a constant image constant", () => {
    for (const order of [0, 1, 3] as const) {
      const out = resizeVolume(new Int16Array(60).fill(-7), [3, 4, 5], [7, 2, 6], order);
      expect(new Set(out)).toEqual(new Set([-7]));
    }
  });

  it("gives exactly the input when no size changes", () => {
    const input = Float32Array.from({ length: 24 }, (_, i) => Math.sin(i * 12.9898) * 437.5);
    expect(resizeVolume(input, [2, 3, 4], [2, 3, 4], 3)).toEqual(input);
  });

  it("never leaves the range of the input", () => {
    const step = Float32Array.from({ length: 16 }, (_, x) => (x < 8 ? 0 : 1));
    const out = resizeVolume(step, [16, 1, 1], [37, 1, 1], 3);
    expect(Math.min(...out)).toBe(0);
    expect(Math.max(...out)).toBe(1);
  });

  it("commutes with mirroring", () => {
    const input = Float32Array.from({ length: 9 }, (_, i) => Math.cos(i * 3.3));
    for (const order of [1, 3] as const) {
      const mirrored = resizeVolume(input.slice().reverse(), [9, 1, 1], [14, 1, 1], order).reverse();
      expect(largestDifference(mirrored, resizeVolume(input, [9, 1, 1], [14, 1, 1], order))).toBeLessThan(1e-7);
    }
  });

  it("refuses an array of another size and sizes that are no numbers of voxels", () => {
    expect(() => resizeVolume(new Float32Array(7), [2, 2, 2], [2, 2, 2], 1)).toThrow(RangeError);
    expect(() => resizeVolume(new Float32Array(8), [2, 2, 2], [2, 0, 2], 1)).toThrow(RangeError);
  });
});

describe("resizeSeparateZ", () => {
  it.each(golden.separate)("agrees with nnU-Net, axis $axis, orders $order and $orderZ", (c) => {
    const out = resizeSeparateZ(Float32Array.from(c.input), c.size, c.newSize, c.axis, c.order, c.orderZ);
    expect(largestDifference(out, c.output)).toBeLessThan(MAX_ABS);
  });
});

describe("resizedSize", () => {
  it("rounds halves to even", () => {
    expect(resizedSize([5, 7, 9], [1, 1, 1], [2, 2, 2])).toEqual([2, 4, 4]);
  });

  it("keeps an axis without a new spacing, and never less than one voxel", () => {
    expect(resizedSize([5, 7, 1], [1, 2, 1], [null, 1, 9])).toEqual([5, 14, 1]);
  });
});

describe("separateAxis", () => {
  it("finds the coarse axis of the spacing before, else of the one after, and none where two tie", () => {
    expect(separateAxis([1, 1, 3.1], [1, 1, 1])).toBe(2);
    expect(separateAxis([1, 1, 3], [0.5, 5, 1])).toBe(1);
    expect(separateAxis([1, 1, 3], [1, 1, 3])).toBeNull();
    expect(separateAxis([1, 4, 4], [1, 1, 1])).toBeNull();
  });
});
