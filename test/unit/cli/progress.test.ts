import { describe, expect, it } from "vitest";
import { progressOn } from "#src/cli/progress.js";

describe("progress where lines are not rewritten", () => {
  it("says of a long stage how far it is, every half minute", () => {
    let [text, now] = ["", 0];
    const write = (some: string | Uint8Array): boolean => {
      text += some;
      return true;
    };
    const stream = { isTTY: false, write };
    const { logger, onState } = progressOn(stream, () => now);
    onState({ state: "Segment", phase: "start", seconds: 0 });
    for (let done = 1; done <= 9; done++) {
      now += 10_000;
      logger.info("tiles", { done, of: 9, secondsLeft: 10 * (9 - done) });
    }
    onState({ state: "Segment", phase: "end", seconds: 90 });
    expect(text.split("\n")).toEqual([
      "  Segment …  3 of 9 tiles, about 60 s left",
      "  Segment …  6 of 9 tiles, about 30 s left",
      "  Segment …  9 of 9 tiles",
      "  Segment        90.00 s",
      "",
    ]);
  });
});
