import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { Tensor } from "#src/inference/network-session.js";
import { RunClock } from "#src/inference/run-clock.js";

const input: Tensor = { data: new Float32Array(1), shape: [1] };
const lasting = (ms: number) => (tensor: Tensor) =>
  new Promise<Tensor>((resolve) => setTimeout(() => resolve(tensor), ms));

describe("RunClock", () => {
  beforeEach(() => void vi.useFakeTimers({ toFake: ["setTimeout", "performance"] }));
  afterEach(() => void vi.useRealTimers());

  it("counts the time of runs, and not that between them", async () => {
    const clock = new RunClock();
    const session = clock.timed({ run: lasting(300), close: async () => {} });
    for (let n = 0; n < 2; n++) {
      const run = session.run(input);
      await vi.advanceTimersByTimeAsync(300);
      expect(await run).toBe(input);
      await vi.advanceTimersByTimeAsync(1000);
    }
    expect([clock.runs, clock.seconds]).toEqual([2, expect.closeTo(0.6, 6)]);
  });

  it("counts the time of a head, which is part of a run", async () => {
    const clock = new RunClock();
    const head = { classes: 1, run: lasting(200) };
    const run = async () => ({ ...input, head });
    const answer = await clock.timed({ run, close: async () => {} }).run(input);
    const logits = answer.head?.run(input);
    await vi.advanceTimersByTimeAsync(200);
    expect(await logits).toBe(input);
    expect([clock.runs, clock.seconds]).toEqual([1, expect.closeTo(0.2, 6)]);
  });

  it("counts runs beside each other once, and those that fail", async () => {
    const clock = new RunClock();
    const fails = () => lasting(500)(input).then(() => Promise.reject(new Error("failed")));
    const { beside } = clock.timed({
      run: lasting(1),
      close: async () => {},
      beside: {
        workers: 2,
        isStarted: () => true,
        run: (tensor) => (tensor === input ? lasting(400)(tensor) : fails()),
      },
    });
    const first = beside?.run(input);
    await vi.advanceTimersByTimeAsync(100);
    const runs = Promise.allSettled([first, beside?.run({ ...input })]);
    await vi.advanceTimersByTimeAsync(500);
    expect((await runs).map(({ status }) => status)).toEqual(["fulfilled", "rejected"]);
    expect([clock.runs, clock.seconds]).toEqual([2, expect.closeTo(0.6, 6)]);
  });
});
