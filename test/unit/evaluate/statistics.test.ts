import { describe, expect, it } from "vitest";
import { meanInterval } from "#src/evaluate/bootstrap.js";
import { randomFrom } from "#src/evaluate/random.js";
import { wilcoxonP } from "#src/evaluate/wilcoxon.js";
import { quantileInPlace, weightedQuantileInPlace } from "#src/imaging/order-statistics.js";
import { readGolden } from "../../goldens/golden.js";

const GOLDEN = readGolden<{
  readonly intervals: readonly { readonly values: readonly number[]; readonly interval: readonly [number, number] }[];
  readonly signedRanks: readonly { readonly differences: readonly number[]; readonly p: number }[];
}>("evaluate");

describe("meanInterval", () => {
  // Chance of 20,000 draws: a few thousandths of the interval's width.
  it.each(GOLDEN.intervals)("is SciPy's BCa interval but for chance ($interval)", ({ values, interval }) => {
    const [low, high] = meanInterval(values, { resamples: 20_000, seed: 1 }) ?? [0, 0];
    const width = interval[1] - interval[0];
    expect(Math.abs(low - interval[0]) / width).toBeLessThan(0.02);
    expect(Math.abs(high - interval[1]) / width).toBeLessThan(0.02);
  });

  it("is the same for the same seed, another for another, and narrower with more values", () => {
    const values = [1, 4, 2, 8, 5, 7];
    const of = (seed: number, list = values) => meanInterval(list, { resamples: 500, seed });
    expect(of(3)).toEqual(of(3));
    expect(of(3)).not.toEqual(of(4));
    const [low, high] = of(3) ?? [0, 0];
    const [lower, higher] = of(3, [...values, ...values, ...values]) ?? [0, 0];
    expect(higher - lower).toBeLessThan(high - low);
  });

  it("needs two values, and is a point where all are the same", () => {
    expect(meanInterval([], { resamples: 10, seed: 1 })).toBeNull();
    expect(meanInterval([1], { resamples: 10, seed: 1 })).toBeNull();
    expect(meanInterval([0.5, 0.5, 0.5], { resamples: 10, seed: 1 })).toEqual([0.5, 0.5]);
  });
});

describe("wilcoxonP", () => {
  it.each(GOLDEN.signedRanks)("is SciPy's p-value $p", ({ differences, p }) => {
    // Exact to 200 differences; beyond, the normal distribution is right to 1e-7.
    expect(wilcoxonP(differences)).toBeCloseTo(p, differences.length > 200 ? 6 : 10);
  });

  it("is 2 / 2^n when all n pairs differ the same way, and ignores those that do not differ", () => {
    expect(wilcoxonP([1, 2, 3, 4, 5])).toBe(1 / 16);
    expect(wilcoxonP([-1, -2, 0, -3, -4, -5, 0])).toBe(1 / 16);
    expect(wilcoxonP([0, 0])).toBeNaN();
  });
});

describe("quantileInPlace", () => {
  it("interpolates between order statistics as numpy does", () => {
    expect(quantileInPlace(Float64Array.of(4, 1, 3, 2), 0.5)).toBe(2.5);
    expect(quantileInPlace(Float64Array.of(5, 5, 1, 5), 0)).toBe(1);
    expect(quantileInPlace(Float64Array.of(10, 0), 0.95)).toBe(9.5);
    expect(quantileInPlace(new Float64Array(), 0.5)).toBeNaN();
  });

  it("agrees with sorting", () => {
    const random = randomFrom(5);
    for (let round = 0; round < 50; round++) {
      const values = Float64Array.from({ length: 1 + Math.floor(40 * random()) }, () => Math.floor(10 * random()));
      const sorted = values.toSorted();
      const rank = Math.floor(random() * values.length);
      const share = values.length === 1 ? 0 : rank / (values.length - 1);
      expect(quantileInPlace(values, share)).toBeCloseTo(sorted[rank] ?? Number.NaN, 9);
    }
  });
});

describe("weightedQuantileInPlace", () => {
  it("is the first value at which the weights reach the share", () => {
    const at = (share: number) =>
      weightedQuantileInPlace(Float64Array.of(3, 1, 2, 1), Float64Array.of(5, 1, 3, 1), share);
    expect([at(0.1), at(0.2), at(0.21), at(0.5), at(0.51), at(1)]).toEqual([1, 1, 2, 2, 3, 3]);
  });
});
