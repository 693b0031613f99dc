import { describe, expect, it } from "vitest";
import { LIST_PRICES, PriceTable, secondPrice } from "#src/workflow/prices.js";

const prices: PriceTable = {
  ...LIST_PRICES,
  lambda: { request: 0, gbSecond: { arm64: 2, x64: 3 }, scratchGbSecond: 5 },
  fargate: { vcpuHour: 3600, gbHour: 7200, scratchGbHour: 3600 },
  instanceHour: { small: 3600, large: 7200 },
  spotShareOfOnDemand: [0.25, 0.5],
};

describe("secondPrice", () => {
  it("is a function's memory by its architecture, and its scratch beyond 512 MiB", () => {
    const place = { kind: "lambda", memoryMiB: 2048, scratchMiB: 1536, architecture: "arm64" } as const;
    expect(secondPrice(place, prices)).toEqual({ low: 9, high: 9 });
    expect(secondPrice({ ...place, architecture: "x64", scratchMiB: 512 }, prices)).toEqual({ low: 6, high: 6 });
  });

  it("is a container's processors, memory, and scratch beyond 20 GB", () => {
    const place = { kind: "fargate", vcpus: 4, memoryMiB: 1024, scratchGiB: 21 } as const;
    expect(secondPrice(place, prices)).toEqual({ low: 7, high: 7 });
  });

  it("lies between the cheapest type on Spot and the dearest On-Demand where nobody knows which it is", () => {
    const place = { kind: "instance", types: ["small", "large"] } as const;
    const range = (spot: "yes" | "no" | "unknown") => secondPrice({ ...place, types: [...place.types], spot }, prices);
    expect(range("unknown")).toEqual({ low: 0.25, high: 2 });
    expect(range("yes")).toEqual({ low: 0.25, high: 1 });
    expect(range("no")).toEqual({ low: 1, high: 2 });
  });

  it("is not known, which is not 0, for a type that the table lacks and for this machine", () => {
    expect(secondPrice({ kind: "instance", types: ["small", "new"], spot: "no" }, prices)).toBeNull();
    expect(secondPrice({ kind: "local" }, prices)).toBeNull();
  });
});

describe("PriceTable", () => {
  it("refuses a table with a price below 0, or without its date", () => {
    expect(PriceTable.safeParse({ ...LIST_PRICES, stateTransition: -1 }).success).toBe(false);
    expect(PriceTable.safeParse({ ...LIST_PRICES, date: "lately" }).success).toBe(false);
    expect(PriceTable.safeParse({ ...LIST_PRICES, spotShareOfOnDemand: [0.5, 0.1] }).success).toBe(false);
  });
});
