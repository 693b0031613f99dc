import { describe, expect, it } from "vitest";
import { type MeasuredScan, quoteOf } from "#src/backfill/quote.js";
import { LIST_PRICES } from "#src/workflow/prices.js";

const prices = {
  ...LIST_PRICES,
  stateTransition: 0,
  instanceHour: { gpu: 36 },
  spotShareOfOnDemand: [0.5, 1] as [number, number],
};
/** 1000 bytes that took so many seconds on a GPU. */
const took = (seconds: number): MeasuredScan => ({
  sourceBytes: 1000,
  stages: [{ stage: "segment", seconds, place: { kind: "instance", types: ["gpu"], spot: "unknown" } }],
});

describe("quoteOf", () => {
  it("scales measured seconds by bytes and gives the spread of the measurements, not of their mean", () => {
    const measured = Array.from({ length: 11 }, (_, n) => took(n * 3600));
    const quote = quoteOf([1500, 500], measured, prices);
    expect(quote).toMatchObject({ scans: 2, bytes: 2000, measured: 11, hours: { low: 2, middle: 10, high: 18 } });
    // The least at half the price, the most at the whole: 2 h of 18, 18 h of 36.
    expect(quote.cost).toEqual({ low: expect.closeTo(36), high: expect.closeTo(648) });
  });

  it("counts hours with a GPU apart", () => {
    const lambda = { kind: "lambda", memoryMiB: 1024, scratchMiB: 512, architecture: "arm64" } as const;
    const scan = { sourceBytes: 1, stages: [...took(3600).stages, { stage: "publish", seconds: 3600, place: lambda }] };
    const { hours, gpuHours } = quoteOf([1], [scan], prices);
    expect([hours?.middle, gpuHours?.middle]).toEqual([2, 1]);
  });

  it("adds what each scan costs in transitions, however small it is", () => {
    const dear = { ...prices, stateTransition: 1 };
    expect(quoteOf([0, 0], [took(1)], dear).cost).toEqual({ low: 34, high: 34 });
  });

  it("knows no cost, which is not 0, without a price or without measurements", () => {
    expect(quoteOf([1], [took(1)], { ...prices, instanceHour: {} })).toMatchObject({ cost: null, unpriced: ["gpu"] });
    expect(quoteOf([1], [], prices)).toMatchObject({ measured: 0, hours: null, gpuHours: null, cost: null });
  });
});
