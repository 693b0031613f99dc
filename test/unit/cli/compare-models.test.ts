import { describe, expect, it } from "vitest";
import { holm, mismatchedLabels } from "#src/cli/compare-models.js";

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

describe("mismatchedLabels", () => {
  const model = (id: string, ...names: string[]) => ({ id, labels: names.map((name, n) => ({ value: n + 1, name })) });

  it("names values that mean two things, and leaves alone what only one model has", () => {
    expect(mismatchedLabels([model("a", "liver"), model("b", "liver", "lesion")])).toEqual([]);
    expect(mismatchedLabels([model("a", "liver"), model("b", "lesion", "liver")])).toEqual([
      "b: its label 1 is lesion, that of a is liver",
    ]);
  });
});
