import { describe, expect, it } from "vitest";
import { TileClock } from "#src/inference/tile-clock.js";

describe("TileClock", () => {
  it("tells after the first tiles what all of them will take, and what is left after each batch", () => {
    let now = 100;
    const clock = new TileClock(() => now);
    now = 110;
    clock.begin();
    now = 112;
    expect(clock.tell(2, 8)).toEqual({ done: 2, of: 8, secondsLeft: 6 });
    now = 116;
    expect(clock.tell(4, 8).secondsLeft).toBe(6);
    now = 120;
    expect(clock.tell(8, 8).secondsLeft).toBe(0);
    expect(clock.facts).toEqual({ tileSecondsByFirst: 8, tileSeconds: 10 });
  });

  it("adds up the networks that run one after the other", () => {
    let now = 0;
    const clock = new TileClock(() => now);
    for (const [first, last] of [
      [1, 3],
      [2, 4],
    ] as const) {
      const begun = now;
      clock.begin();
      now = begun + first;
      clock.tell(1, 2);
      now = begun + last;
      clock.tell(2, 2);
    }
    expect(clock.facts).toEqual({ tileSecondsByFirst: 6, tileSeconds: 7 });
  });
});
