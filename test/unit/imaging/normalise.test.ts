import { describe, expect, it } from "vitest";
import {
  hasTable,
  type IntensityScheme,
  normalise,
  normaliseWhole,
  percentile,
  percentiles,
  wholeTable,
} from "#src/imaging/normalise.js";
import { largestDifference, readGolden } from "../../goldens/golden.js";

interface Case {
  readonly values: number[];
  readonly percents: number[];
  readonly results: number[];
}
const { cases } = readGolden<{ cases: Case[] }>("percentile");

const DATA = Float32Array.of(0, 2, 4, -6, 0, 10);

describe("normalise", () => {
  it.each<[string, IntensityScheme, number[]]>([
    [
      "z-score of all voxels",
      { kind: "zscore", mask: "none" },
      DATA.toString()
        .split(",")
        .map((v) => (+v - 5 / 3) / Math.sqrt(26 - 25 / 9)),
    ],
    [
      "z-score of non-zero voxels",
      { kind: "zscore", mask: "nonzero" },
      [0, -0.5, 1.5, -8.5, 0, 7.5].map((v) => (v === 0 ? 0 : v / Math.sqrt(32.75))),
    ],
    ["CT", { kind: "ct", low: -2, high: 5, mean: 1, sd: 2 }, [-0.5, 0.5, 1.5, -1.5, -0.5, 2]],
    ["the range to 0 and 1", { kind: "rescale01" }, [6 / 16, 8 / 16, 10 / 16, 0, 6 / 16, 1]],
    ["percentiles to 0 and 1", { kind: "percentile", low: 20, high: 80 }, [0, 0.5, 1, 0, 0, 1]],
    ["a range, clipped", { kind: "range", from: [0, 4], to: [-1, 1], clip: true }, [-1, 0, 1, -1, -1, 1]],
    ["a range, not clipped", { kind: "range", from: [0, 4], to: [-1, 1], clip: false }, [-1, 0, 1, -4, -1, 4]],
    ["nothing", { kind: "none" }, [...DATA]],
  ])("scales by %s", (_, scheme, expected) => {
    expect(largestDifference(normalise(DATA, scheme), expected)).toBeLessThan(1e-6);
  });

  it.each<[string, IntensityScheme]>([
    ["a table", { kind: "ct", low: -200.5, high: 300, mean: 33.3, sd: 7.7 }],
    ["a table", { kind: "range", from: [0, 400], to: [-1, 1], clip: false }],
    ["a table", { kind: "chain", steps: [{ kind: "none" }, { kind: "ct", low: -9, high: 90, mean: 1, sd: 3 }] }],
    ["a table", { kind: "zscore", mask: "none" }],
    ["a table", { kind: "zscore", mask: "nonzero" }],
    ["a table", { kind: "rescale01" }],
    ["a table", { kind: "percentile", low: 1, high: 99 }],
    ["statistics", { kind: "zscore", mask: "foreground" }],
    [
      "statistics",
      { kind: "chain", steps: [{ kind: "rescale01" }, { kind: "range", from: [0, 1], to: [5, 6], clip: true }] },
    ],
  ])("scales whole numbers as if they were not, by %s: %o", (by, scheme) => {
    const whole = Int16Array.from({ length: 1000 }, (_, i) => ((i * 7919) % 1301) - 400);
    whole.set([-32_768, 32_767, 0, -1]);
    const foreground = Uint8Array.from(whole, (value) => (value > 0 ? 1 : 0));
    const expected = normalise(Float32Array.from(whole), scheme, undefined, foreground);
    expect(normaliseWhole(whole, scheme, foreground)).toEqual(expected);
    expect([wholeTable(whole, scheme) !== null, hasTable(scheme)]).toEqual([by === "a table", by === "a table"]);
  });

  it("scales by the z-score of a foreground that counts its holes, and leaves the rest as it is", () => {
    const scheme = { kind: "zscore", mask: "foreground" } as const;
    const mask = Uint8Array.of(1, 1, 1, 0, 0, 0);
    const sd = Math.sqrt(8 / 3);
    expect(largestDifference(normalise(DATA, scheme, undefined, mask), [-2 / sd, 0, 2 / sd, -6, 0, 10])).toBeLessThan(
      1e-6,
    );
    expect(() => normalise(DATA, scheme)).toThrow(RangeError);
  });

  it("leaves its input alone, or writes over it when told to", () => {
    const data = DATA.slice();
    const out = normalise(data, { kind: "rescale01" });
    expect(data).toEqual(DATA);
    expect(normalise(data, { kind: "rescale01" }, data)).toBe(data);
    expect(data).toEqual(out);
  });

  it.each<IntensityScheme>([
    { kind: "zscore", mask: "none" },
    { kind: "zscore", mask: "nonzero" },
    { kind: "rescale01" },
    { kind: "percentile", low: 1, high: 99 },
  ])("makes a constant image zero: %o", (scheme) => {
    expect(normalise(new Float32Array(9).fill(7), scheme)).toEqual(new Float32Array(9));
  });
});

describe("percentile", () => {
  it.each(cases)("agrees with numpy", ({ values, percents, results }) => {
    // Goldens have nine digits and inputs are float32.
    const found = percentiles(Float32Array.from(values), percents);
    expect(largestDifference(found, results)).toBeLessThan(1e-4);
  });

  it("is the same of whole numbers", () => {
    const whole = Int16Array.of(7, -32_768, 5, 5, 32_767, -3, 0);
    const percents = [0, 1, 10, 33, 50, 66.6, 99, 100];
    expect(percentiles(whole, percents)).toEqual(percentiles(Float32Array.from(whole), percents));
  });

  it("works on a part of a larger buffer", () => {
    expect(percentile(Float32Array.of(9, 9, -1, 3, 9).subarray(2, 4), 50)).toBe(1);
  });

  it("refuses no values and percents outside [0, 100]", () => {
    expect(() => percentile(new Float32Array(0), 50)).toThrow(RangeError);
    expect(() => percentile(DATA, 101)).toThrow(RangeError);
  });
});
