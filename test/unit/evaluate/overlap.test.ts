import { describe, expect, it } from "vitest";
import { dice, overlapOfLabels } from "#src/evaluate/overlap.js";

const PREDICTION = Uint8Array.of(0, 1, 1, 1, 2, 2, 0, 0);
const REFERENCE = Uint16Array.of(0, 1, 1, 0, 1, 2, 2, 0);

describe("overlapOfLabels", () => {
  it("counts hits, false alarms and misses of each label", () => {
    const [first, second] = overlapOfLabels(PREDICTION, REFERENCE, [1, 2]);
    expect(first).toEqual({
      label: 1,
      truePositives: 2,
      falsePositives: 1,
      falseNegatives: 1,
      dice: 2 / 3,
      iou: 1 / 2,
      sensitivity: 2 / 3,
      precision: 2 / 3,
      volumeError: 0,
    });
    expect(second).toMatchObject({ label: 2, truePositives: 1, dice: 1 / 2, iou: 1 / 3 });
  });

  it("tells sensitivity from precision, and too much from too little", () => {
    const [wide] = overlapOfLabels(Uint8Array.of(1, 1, 1, 1), Uint8Array.of(1, 0, 0, 0), [1]);
    expect(wide).toMatchObject({ sensitivity: 1, precision: 1 / 4, volumeError: 3 });
    const [narrow] = overlapOfLabels(Uint8Array.of(1, 0, 0, 0), Uint8Array.of(1, 1, 1, 1), [1]);
    expect(narrow).toMatchObject({ sensitivity: 1 / 4, precision: 1, volumeError: -3 / 4 });
  });

  it("is not a number where the label is nowhere, as in nnU-Net", () => {
    const [absent] = overlapOfLabels(PREDICTION, REFERENCE, [7]);
    expect(absent).toMatchObject({
      dice: Number.NaN,
      iou: Number.NaN,
      sensitivity: Number.NaN,
      precision: Number.NaN,
      volumeError: Number.NaN,
    });
  });

  it("is zero where only one map has the label, and not a number where a quotient has no meaning", () => {
    const empty = new Uint8Array(8);
    const [missed] = overlapOfLabels(empty, REFERENCE, [1]);
    expect(missed).toMatchObject({ dice: 0, iou: 0, sensitivity: 0, precision: Number.NaN, volumeError: -1 });
    const [invented] = overlapOfLabels(PREDICTION, empty, [1]);
    expect(invented).toMatchObject({ dice: 0, iou: 0, sensitivity: Number.NaN, precision: 0, volumeError: Number.NaN });
  });

  it("refuses maps of different sizes", () => {
    expect(() => overlapOfLabels(new Uint8Array(3), new Uint8Array(4), [1])).toThrow(RangeError);
  });
});

describe("dice", () => {
  it("is that of one label, the same both ways", () => {
    expect(dice(PREDICTION, REFERENCE, 1)).toBe(2 / 3);
    expect(dice(REFERENCE, PREDICTION, 1)).toBe(2 / 3);
    expect(dice(REFERENCE, REFERENCE, 2)).toBe(1);
  });
});
