import { describe, expect, it } from "vitest";
import { atMost } from "#src/inference/at-most.js";
import type { NetworkSession } from "#src/inference/network-session.js";

const INPUT = { data: new Float32Array(1), shape: [1] };

/** A session with three threads, whose runs end when they are let, and what is under way. */
function sessionOf(isStarted: boolean) {
  const ends: (() => void)[] = [];
  const session: NetworkSession = {
    run: async () => INPUT,
    beside: {
      workers: 3,
      isStarted: () => isStarted,
      run: () => new Promise((resolve) => ends.push(() => resolve(INPUT))),
    },
    close: async () => {},
  };
  return { session, ends };
}
const turn = () => new Promise((resolve) => setImmediate(resolve));

describe("atMost", () => {
  it("lets so many runs go on beside each other, and the next one when one of them ends", async () => {
    const { session, ends } = sessionOf(true);
    const { beside } = atMost(session, 2);
    const runs = [1, 2, 3].map(() => beside?.run(INPUT));
    expect(beside?.workers).toBe(2);
    await turn();
    expect(ends).toHaveLength(2);
    ends[0]?.();
    await turn();
    expect(ends).toHaveLength(3);
    for (const end of ends) end();
    await Promise.all(runs);
  });

  it("has no threads for one run at a time, but for those that are there from another scan", () => {
    expect(atMost(sessionOf(false).session, 1).beside).toBeUndefined();
    expect(atMost(sessionOf(true).session, 1).beside?.workers).toBe(1);
  });
});
