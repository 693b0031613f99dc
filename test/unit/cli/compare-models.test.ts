import { describe, expect, it } from "vitest";
import { holm } from "#src/cli/compare-models.js";

describe("holm", () => {
  // As statsmodels' multipletests(method="holm").
  it.each([
    [
      [0.01, 0.04, 0.03, 0.005],
      [0.03, 0.06, 0.06, 0.02],
    ],
    [
      [0.5, 0.9],
      [1, 1],
    ],
    [
      [Number.NaN, 0.02, 0.01],
      [Number.NaN, 0.02, 0.02],
    ],
    [[], []],
  ])("corrects %j", (values, expected) => {
    const rounded = holm(values).map((value) => Number(value.toPrecision(12)));
    expect(rounded).toEqual(expected);
  });
});
