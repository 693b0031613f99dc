import { describe, expect, it } from "vitest";
import { RunClock } from "#src/inference/run-clock.js";
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

describe("RunClock", () => {
  it("counts runs in this thread and beside each other, and gives their answers on", async () => {
    const answer = { data: new Float32Array([3]), shape: [1] };
    const run = async () => answer;
    const clock = new RunClock();
    const session = clock.timed({ run, beside: { workers: 2, run }, close: async () => {} });
    expect(await session.run(answer)).toBe(answer);
    await Promise.all([session.beside?.run(answer), session.beside?.run(answer)]);
    expect([clock.runs, session.beside?.workers]).toEqual([3, 2]);
    expect(clock.seconds).toBeGreaterThan(0);
  });

  it("counts a run that fails, too", async () => {
    const clock = new RunClock();
    const session = clock.timed({ run: () => Promise.reject(new Error("no")), close: async () => {} });
    await expect(session.run({ data: new Float32Array(), shape: [] })).rejects.toThrow("no");
    expect(clock.runs).toBe(1);
  });
});
