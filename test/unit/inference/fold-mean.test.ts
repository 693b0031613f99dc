import { describe, expect, it } from "vitest";
import { roundRangeToFloat16 } from "#src/imaging/float16.js";
import { FoldMean } from "#src/inference/fold-mean.js";

type Precision = "float16" | "float32";
const area = 27;
const classes = 3;

/** One array a class, of every size that half precision has, rounded to it where that is asked for. */
function sliceOf(seed: number, precision: Precision): Float32Array[] {
  let state = seed;
  const random = () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
  const scales = [1e-7, 1e-5, 1, 300, 50_000, 3e5];
  return Array.from({ length: classes }, () =>
    rounded(
      Float32Array.from({ length: area }, () => (random() - 0.5) * (scales[Math.floor(random() * 6)] ?? 1)),
      precision,
    ),
  );
}

function rounded(values: Float32Array, precision: Precision): Float32Array {
  if (precision === "float16") roundRangeToFloat16(values, new Uint32Array(values.buffer), 0, values.length);
  return values;
}

/** Value by value, rounded after each step. */
function plainMean(folds: readonly Float32Array[][], precision: Precision): number[][] {
  return Array.from({ length: classes }, (_, c) => {
    let sum: Float32Array = new Float32Array(area);
    for (const fold of folds)
      sum = rounded(
        sum.map((value, i) => value + (fold[c]?.[i] ?? 0)),
        precision,
      );
    return [
      ...rounded(
        sum.map((value) => value / folds.length),
        precision,
      ),
    ].map((value) => value + 0);
  });
}

describe("FoldMean", () => {
  it.each(["float16", "float32"] as const)("is that of plain loops, bit for bit: %s", (precision) => {
    const given = new Map<number, number[][]>();
    const mean = new FoldMean(5, { area, classes, precision }, (z, slices) =>
      given.set(
        z,
        slices.map((values) => [...values].map((value) => value + 0)),
      ),
    );
    const at = (fold: number, z: number) => sliceOf(1 + 10 * z + fold, precision);
    // Two slices of each network, then the next network's.
    for (let fold = 0; fold < 5; fold++) for (let z = 0; z < 2; z++) mean.add(fold, z, at(fold, z));
    for (let z = 0; z < 2; z++) {
      const folds = Array.from({ length: 5 }, (_, fold) => at(fold, z));
      expect(given.get(z)).toEqual(plainMean(folds, precision));
    }
  });

  it("says so when sums of finite logits are beyond half precision", () => {
    const meansAreFinite = (value: number, precision: Precision) => {
      const mean = new FoldMean(2, { area, classes, precision }, () => {});
      for (const fold of [0, 1]) {
        const slice = Array.from({ length: classes }, () => new Float32Array(area));
        slice.at(-1)?.fill(value, area - 1);
        mean.add(fold, 0, slice);
      }
      return mean.areMeansFinite;
    };
    expect(meansAreFinite(32_752, "float16")).toBe(true);
    expect(meansAreFinite(-32_768, "float16")).toBe(false);
    expect(meansAreFinite(-32_768, "float32")).toBe(true);
  });

  it("passes on the logits of a single network as they come", () => {
    const slice = sliceOf(3, "float16");
    const given: unknown[] = [];
    new FoldMean(1, { area, classes, precision: "float16" }, (_, slices) => given.push(slices)).add(0, 0, slice);
    expect(given).toEqual([slice]);
    expect(given[0]).toBe(slice);
  });

  it("refuses a slice that the first network has not come to", () => {
    const mean = new FoldMean(2, { area, classes, precision: "float32" }, () => {});
    expect(() => mean.add(1, 4, sliceOf(1, "float32"))).toThrow("slice 4 of network 1 comes before that of the first");
  });
});
