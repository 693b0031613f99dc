import { describe, expect, it } from "vitest";
import { TileClock } from "#src/inference/tile-clock.js";

describe("TileClock", () => {
  it("tells what is left after each batch, by those after the first as soon as there is one", () => {
    let now = 100;
    const clock = new TileClock(() => now);
    now = 110;
    clock.begin();
    now = 114;
    expect(clock.tell(2, 8)).toEqual({ done: 2, of: 8, secondsLeft: 12 });
    now = 116;
    expect(clock.tell(4, 8).secondsLeft).toBe(4);
    now = 121;
    expect(clock.tell(8, 8).secondsLeft).toBe(0);
    expect(clock.facts).toEqual({ tileSecondsPredicted: 11, tileSeconds: 11 });
  });

  it("tells it by the later half of four and more batches, as threads may have started before", () => {
    let now = 0;
    const clock = new TileClock(() => now);
    clock.begin();
    const left = [2, 12, 12, 14, 14, 16].map((seconds, n) => {
      now = seconds;
      return clock.tell(n + 1, 10).secondsLeft;
    });
    // One after 2 s; then two in threads that took 8 s to start, and from then on two every 2 s.
    expect(left.map((seconds) => Math.round(10 * seconds) / 10)).toEqual([18, 80, 35, 6, 3.3, 5.3]);
    now = 20;
    clock.tell(10, 10);
    expect(clock.facts).toEqual({ tileSecondsPredicted: 20, tileSeconds: 20 });
  });

  it("adds up the networks that run one after the other", () => {
    let now = 0;
    const clock = new TileClock(() => now);
    for (const seconds of [3, 4]) {
      clock.begin();
      now += seconds;
      clock.tell(1, 1);
    }
    expect(clock.facts).toEqual({ tileSecondsPredicted: 7, tileSeconds: 7 });
  });
});
