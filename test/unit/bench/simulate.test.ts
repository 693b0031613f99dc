import { describe, expect, it } from "vitest";
import { type Arrival, type Setting, simulate } from "../../../bench/simulation/simulate.js";

const setting: Setting = {
  seed: 1,
  measured: [{ preprocess: 1, segment: 10, postprocess: 2, publish: 3 }],
  instances: 2,
  weights: { stat: 0.25, bulk: 1 },
  shareDecaySeconds: 3600,
  computeReservation: 0,
  startSeconds: 100,
  jobSeconds: 0,
  idleSeconds: 50,
  reclaimsAnHour: 0,
  attempts: 3,
  bulkConcurrency: 100,
  order: "fair",
};
const bulk = (count: number): Arrival[] => Array.from({ length: count }, () => ({ at: 0, share: "bulk" }));
const run = (arrivals: readonly Arrival[], changed: Partial<Setting> = {}) =>
  simulate(arrivals, { ...setting, ...changed });

describe("simulate", () => {
  it("takes a lone scan through its stages, with one start of an instance", () => {
    const outcome = run([{ at: 5, share: "stat" }]);
    expect([...outcome.latency.stat]).toEqual([1 + 100 + 10 + 2 + 3]);
    // Started, busy, and 50 s until it goes.
    expect([outcome.instanceSeconds, outcome.busySeconds, outcome.lambdaSeconds]).toEqual([162, 12, 4]);
  });

  it("starts an instance anew when the last one was idle for too long", () => {
    const two = (gap: number) =>
      run(
        [
          { at: 0, share: "stat" },
          { at: gap, share: "stat" },
        ],
        { instances: 1 },
      );
    expect([...two(150).latency.stat]).toEqual([16, 116]);
    expect([...two(1000).latency.stat]).toEqual([116, 116]);
  });

  it("lets STAT overtake bulk without starving it, which one queue does not", () => {
    const arrivals: Arrival[] = [
      ...bulk(200),
      ...Array.from({ length: 20 }, (_, n) => ({ at: 200 + n * 30, share: "stat" as const })),
    ];
    const [fair, fifo] = [run(arrivals), run(arrivals, { order: "fifo" })];
    expect(fair.latency.stat.length).toBe(20);
    expect(fair.latency.bulk.length).toBe(200);
    expect(fair.latency.stat.at(-1)).toBeLessThan(60);
    expect(fifo.latency.stat[0]).toBeGreaterThan(200);
  });

  it("gives a share of a smaller weight more, when both want all there is", () => {
    const arrivals: Arrival[] = [...bulk(400), ...bulk(400).map(() => ({ at: 0, share: "stat" as const }))];
    const median = (weights: Setting["weights"]) => run(arrivals, { weights }).latency.stat[200] ?? 0;
    expect(median({ stat: 0.25, bulk: 1 })).toBeLessThan(0.8 * median({ stat: 1, bulk: 1 }));
  });

  it("keeps instances for a share that is not there", () => {
    const busiest = (computeReservation: number) => run(bulk(50), { computeReservation }).endSeconds;
    // One of two instances: half the speed.
    expect(busiest(50) / busiest(0)).toBeGreaterThan(1.6);
  });

  it("tries reclaimed jobs again and gives up at last; every scan is published or lost", () => {
    const outcome = run(bulk(500), { reclaimsAnHour: 100 });
    expect(outcome.reclaimed).toBeGreaterThan(50);
    expect(outcome.lost).toBeGreaterThan(0);
    expect(outcome.latency.bulk.length + outcome.lost).toBe(500);
    expect(run(bulk(500), { reclaimsAnHour: 100, attempts: 50 }).lost).toBe(0);
  });

  it("has no more bulk scans under way than allowed, and gives the same for the same seed", () => {
    expect(run(bulk(50), { bulkConcurrency: 3 }).mostQueued).toBeLessThanOrEqual(3);
    expect(run(bulk(50), { reclaimsAnHour: 20 })).toEqual(run(bulk(50), { reclaimsAnHour: 20 }));
  });
});
