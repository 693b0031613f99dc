import { describe, expect, it } from "vitest";
import { roundHalfEven } from "#src/imaging/rounding.js";

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
