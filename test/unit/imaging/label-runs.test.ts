import { describe, expect, it } from "vitest";
import { labelRuns } from "#src/imaging/label-runs.js";

/** Runs of many lengths, of the labels 0 to 3 and 300, whose lower byte is another one's. */
const VALUES = Array.from({ length: 40 }, (_, n) =>
  new Array<number>(((n * 7) % 23) + 1).fill([0, 1, 2, 44, 3][n % 5] ?? 0),
)
  .flat()
  .map((value, n) => (n > 300 && value === 44 ? 300 : value));

describe("labelRuns", () => {
  it.each([
    ["bytes", Uint8Array.from(VALUES.filter((value) => value < 256))],
    ["bytes at an odd place", Uint8Array.from([9, ...VALUES.filter((value) => value < 256)]).subarray(1)],
    ["two bytes each", Uint16Array.from(VALUES)],
  ])("ends each run where a plain loop does, at any end: %s", (_, labels) => {
    const runEnd = labelRuns(labels);
    for (let at = 0; at < labels.length; at++) {
      for (const end of [at + 1, at + 6, at + 9, labels.length].filter((n) => n <= labels.length)) {
        let expected = at + 1;
        while (expected < end && labels[expected] === labels[at]) expected++;
        expect([at, end, runEnd(at, end)]).toEqual([at, end, expected]);
      }
    }
  });
});
