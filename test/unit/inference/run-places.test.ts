import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { NetworkSession } from "#src/inference/network-session.js";
import { RunPlaces } from "#src/inference/run-places.js";

const INPUT = { data: new Float32Array(1), shape: [1] };
const LARGE = { data: new Float32Array(2 ** 24 + 1), shape: [2 ** 24 + 1] };

/** A session whose runs take so many seconds, and which notes where they were made. */
function sessionOf(seconds: number, { workers = 2, isStarted = false, answer = INPUT } = {}) {
  const places: string[] = [];
  const run = (place: string) => async () => {
    places.push(place);
    vi.advanceTimersByTime(1000 * seconds);
    return answer;
  };
  const session: NetworkSession = {
    run: run("here"),
    beside: { workers, isStarted: () => isStarted, run: run("beside") },
    close: async () => {},
  };
  return { session, places };
}

async function runAll(runs: number, seconds: number, options?: Parameters<typeof sessionOf>[1]) {
  const { session, places } = sessionOf(seconds, options);
  const all = new RunPlaces([session], runs);
  const widths: number[] = [];
  for (let n = 0; n < runs; n++) {
    widths.push(all.width);
    await all.run(session, INPUT);
  }
  return { places, widths };
}

describe("RunPlaces", () => {
  beforeEach(() => void vi.useFakeTimers({ toFake: ["performance"] }));
  afterEach(() => void vi.useRealTimers());

  it("goes on in threads when the first run shows that the others take longer than the start of threads", async () => {
    const { places, widths } = await runAll(4, 0.2);
    expect(places).toEqual(["here", "beside", "beside", "beside"]);
    expect(widths).toEqual([1, 3, 3, 3]);
  });

  it("stays in this thread for short runs, however many workers there are", async () => {
    const { places, widths } = await runAll(4, 0.1, { workers: 8 });
    expect(places).toEqual(["here", "here", "here", "here"]);
    expect(widths).toEqual([1, 1, 1, 1]);
  });

  it("starts no threads for one run that is left, as nothing goes on beside it", async () => {
    expect((await runAll(2, 60)).places).toEqual(["here", "here"]);
  });

  it("runs in threads from the first run on where they are started", async () => {
    const { places, widths } = await runAll(2, 0.01, { isStarted: true });
    expect(places).toEqual(["beside", "beside"]);
    // One more when it is known how large an answer is.
    expect(widths).toEqual([2, 3]);
  });

  it("makes a single run there too, and none that is not", async () => {
    expect(await runAll(1, 60, { isStarted: true })).toEqual({ places: ["beside"], widths: [1] });
    expect((await runAll(1, 60)).places).toEqual(["here"]);
  });

  it("has no more large answers under way than there are threads", async () => {
    expect((await runAll(2, 1, { isStarted: true, answer: LARGE })).widths).toEqual([2, 2]);
  });

  it("stays in this thread where there are none", async () => {
    const { session, places } = sessionOf(60);
    const { beside: _, ...alone } = session;
    const all = new RunPlaces([alone], 3);
    await all.run(alone, INPUT);
    expect(all.width).toBe(1);
    await all.run(alone, INPUT);
    expect(places).toEqual(["here", "here"]);
  });
});
