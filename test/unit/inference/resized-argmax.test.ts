import { describe, expect, it } from "vitest";
import type { Size3 } from "#src/imaging/affine.js";
import { roundRangeToFloat16 } from "#src/imaging/float16.js";
import { type AxisOrders, type GridsMeet, SlabResize } from "#src/imaging/slab-resize.js";
import { ResizedArgmax } from "#src/inference/resized-argmax.js";

interface Case {
  readonly from: Size3;
  readonly to: Size3;
  readonly orders: AxisOrders;
  readonly meet: GridsMeet;
  readonly classes: number;
  readonly precision: "float16" | "float32";
  /** What all logits are multiplied by. @default 1 */
  readonly scale?: number;
}

/** Few distinct values, so that ties are frequent; alike in blocks of voxels, so that whole cells are decided. */
function logitsOf({ from, classes, precision, scale = 1 }: Case, block: number): Float32Array[] {
  let state = 7;
  const random = () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
  const [nx, ny, nz] = from;
  return Array.from({ length: classes }, () => {
    const coarse = Array.from({ length: 4096 }, () => Math.floor(random() * 5) / 7);
    const values = Float32Array.from({ length: nx * ny * nz }, (_, i) => {
      const [x, y, z] = [i % nx, Math.floor(i / nx) % ny, Math.floor(i / (nx * ny))];
      const at = [x, y, z].map((n) => Math.floor(n / block)).reduce((sum, n) => sum * 16 + n, 0);
      return ((coarse[at] ?? 0) + (random() < 0.1 ? 1 / 7 : 0) - 0.3) * scale;
    });
    if (precision === "float16") roundRangeToFloat16(values, new Uint32Array(values.buffer), 0, values.length);
    return values;
  });
}

/** Every value of every class, then the first of the largest. */
function byEveryValue({ from, to, orders, meet, precision }: Case, logits: readonly Float32Array[]): number[] {
  const area = to[0] * to[1];
  const labels: number[] = new Array(area * to[2]).fill(0);
  const best = new Float32Array(labels.length).fill(Number.NEGATIVE_INFINITY);
  for (const [c, values] of logits.entries()) {
    const resize = new SlabResize(from, to, orders, meet);
    const slice = new Float32Array(area);
    const sliceOf = (z: number) => values.subarray(z * from[0] * from[1], (z + 1) * from[0] * from[1]);
    for (let z = 0; z < to[2]; z++) {
      resize.resize(sliceOf, z, 1, precision, slice, new Uint32Array(slice.buffer));
      for (const [i, value] of slice.entries()) {
        if (!(value > (best[z * area + i] ?? 0))) continue;
        best[z * area + i] = value;
        labels[z * area + i] = c;
      }
    }
  }
  return labels;
}

function byCells(one: Case, logits: readonly Float32Array[], bandBytes?: number): number[] {
  const { from, to } = one;
  const labels = new Uint8Array(to[0] * to[1] * to[2]);
  const argmax = new ResizedArgmax(one, one, labels, bandBytes);
  const area = from[0] * from[1];
  for (let z = 0; z < from[2]; z++) {
    const slices = logits.map((values) => values.slice(z * area, (z + 1) * area));
    argmax.addSlice(z, slices);
  }
  return [...labels];
}

const linear: AxisOrders = [1, 1, 1];
const sizes = { from: [11, 13, 9], to: [17, 12, 19], orders: linear, meet: "extents", classes: 5 } as const;

describe("ResizedArgmax", () => {
  it.each([
    ["larger and smaller axes, half precision", { ...sizes, precision: "float16" }],
    ["larger and smaller axes, single precision", { ...sizes, precision: "float32" }],
    ["a smaller result", { ...sizes, to: [6, 5, 4], precision: "float16" }],
    ["the nearest along one axis", { ...sizes, orders: [1, 1, 0], precision: "float16" }],
    ["centres that meet", { ...sizes, to: [16, 12, 18], meet: [0.6, 1.1, 0.45], precision: "float32" }],
    ["one slice, two classes", { ...sizes, from: [11, 13, 1], to: [17, 20, 1], classes: 2, precision: "float16" }],
    ["subnormal numbers", { ...sizes, precision: "float16", scale: 2 ** -21 }],
    ["numbers beyond the largest", { ...sizes, precision: "float16", scale: 150_000 }],
    ["infinite numbers", { ...sizes, to: [17, 13, 19], precision: "float16", scale: 400_000 }],
    ["infinite numbers below zero", { ...sizes, to: [17, 13, 19], precision: "float16", scale: -400_000 }],
    ["many classes", { ...sizes, classes: 24, precision: "float16" }],
    ["the same grid", { ...sizes, to: sizes.from, precision: "float16" }],
  ] satisfies [string, Case][])("gives the labels of a comparison of every value: %s", (_, one) => {
    for (const block of [1, 3, 5]) {
      const logits = logitsOf(one, block);
      const expected = byEveryValue(one, logits);
      expect(new Set(expected).size).toBe(one.classes);
      expect(byCells(one, logits)).toEqual(expected);
      // A memory a row or so, and several rows a memory.
      for (const bandBytes of [1, 8000]) expect(byCells(one, logits, bandBytes)).toEqual(expected);
    }
  });

  it("takes slices that one memory of 4 GiB does not hold", () => {
    const large = { ...sizes, from: [3000, 3000, 2], to: [3000, 3000, 3], classes: 59, precision: "float32" } as const;
    expect(() => new ResizedArgmax(large, large, new Uint8Array())).not.toThrow();
  });
});
