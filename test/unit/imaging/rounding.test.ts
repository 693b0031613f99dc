import { describe, expect, it } from "vitest";
import { roundHalfEven, roundToFloat16 } from "#src/imaging/rounding.js";

describe("roundHalfEven", () => {
  it.each([
    [0.5, 0],
    [1.5, 2],
    [2.5, 2],
    [2.4999, 2],
    [2.5001, 3],
    [-0.5, 0],
    [-1.5, -2],
    [-2.5, -2],
    [7, 7],
  ])("rounds %d to %d", (value, rounded) => {
    expect(roundHalfEven(value) + 0).toBe(rounded);
  });
});

describe("roundToFloat16", () => {
  it.each([
    [0.1, 0.0999755859375],
    [-0.1, -0.0999755859375],
    [2049, 2048],
    [2051, 2052],
    [10, 10],
    [65_504, 65_504],
    [65_520, Number.POSITIVE_INFINITY],
    [-1e9, Number.NEGATIVE_INFINITY],
    // Below the normal numbers: multiples of 2^-24, the tie goes to zero.
    [6e-8, 2 ** -24],
    [2 ** -25, 0],
    [0, 0],
  ])("makes %d half precision %d", (value, rounded) => {
    expect(roundToFloat16(value)).toBe(rounded);
  });

  it("keeps what is not a number", () => {
    expect(roundToFloat16(Number.NaN)).toBeNaN();
  });
});
