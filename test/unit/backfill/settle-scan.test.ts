import { beforeEach, describe, expect, it } from "vitest";
import { beginScan, type Purse, settleScan } from "#src/backfill/settle-scan.js";
import type { Receipt } from "#src/stages/receipt.js";
import { resultKeys } from "#src/storage/keys.js";
import { memoryStore } from "#src/storage/memory-store.js";
import type { ScanStore } from "#src/storage/scan-store.js";

const scanId = `s-${"1".repeat(40)}`;
const identity = `r-${"2".repeat(40)}`;
const backfillId = `b-${"3".repeat(40)}`;
const begin = (budgetUsd: number | null = null) => ({ action: "begin" as const, backfillId, scanId, budgetUsd });
const settle = { action: "settle" as const, backfillId, scanId, attempt: 1 };

let results: ScanStore;
let purse: Purse & { usd: number; unpriced: number };
/** How the execution of each attempt stands; one that is not here is forgotten, or never was. */
let statuses: Record<number, string>;
const executions = {
  describe: async (_: string, attempt: number) => {
    const status = statuses[attempt];
    return status === undefined ? null : { name: "x", status, startedAt: "", endedAt: null };
  },
};
const deps = () => ({ results, executions, purse });
const put = (key: string, value: unknown) => results.put(key, new TextEncoder().encode(JSON.stringify(value)));

/** `run.json` without its attempt; of a de-identified result it has no scan either. */
function runOf(madeBy: string | null, cost: Receipt["cost"]) {
  const receipt = { stateTransitions: 11, cost, unpriced: [], prices: null };
  const host = { platform: "x", node: "x", cpus: 1 };
  return { schemaVersion: 1, ...(madeBy !== null && { scanId: madeBy }), stages: [], receipt, host };
}

/** A scan that ran once. */
async function ran(
  attempt: number,
  status: "published" | "quarantined",
  cost: Receipt["cost"],
  madeBy: string | null = scanId,
) {
  const resultKey = status === "published" ? resultKeys.result(identity) : null;
  const base = {
    schemaVersion: 1,
    scanId,
    attempt,
    subject: "t0",
    source: "x",
    code: null,
    model: null,
    volumesMl: {},
  };
  await put(resultKeys.index(scanId, attempt, "t0"), { ...base, status, resultKey });
  await put(resultKeys.file(identity, "run.json"), { ...runOf(madeBy, cost), attempt });
}

beforeEach(() => {
  statuses = {};
  results = memoryStore();
  purse = {
    usd: 0,
    unpriced: 0,
    spent: async () => ({ usd: purse.usd, unpriced: purse.unpriced }),
    add: async (_, usd, unpriced) => {
      purse.usd += usd;
      purse.unpriced += unpriced;
    },
  };
});

describe("beginScan", () => {
  it("runs a scan that never ran, under its own name, and one that was set aside as the next attempt", async () => {
    expect(await beginScan(begin(), deps())).toEqual({ decision: "run", executionName: scanId, attempt: 1 });
    await ran(1, "quarantined", null);
    const next = { decision: "run", executionName: `${scanId}-a2`, attempt: 2 };
    expect(await beginScan(begin(), deps())).toEqual(next);
  });

  it("leaves out what was published, whether its execution is remembered or not", async () => {
    await ran(1, "published", null);
    expect((await beginScan(begin(), deps())).decision).toBe("done");
    statuses = { 1: "SUCCEEDED" };
    expect((await beginScan(begin(), deps())).decision).toBe("done");
  });

  it("runs a scan again of which some images were published before it was stopped", async () => {
    await ran(1, "published", null);
    statuses = { 1: "ABORTED" };
    const next = { decision: "run", executionName: `${scanId}-a2`, attempt: 2 };
    expect(await beginScan(begin(), deps())).toEqual(next);
  });

  it("gives a new name to a scan whose attempts ended without a record, after all that there were", async () => {
    statuses = { 1: "ABORTED" };
    expect(await beginScan(begin(), deps())).toEqual({ decision: "run", executionName: `${scanId}-a2`, attempt: 2 });
    await ran(2, "quarantined", null);
    statuses = { 2: "FAILED", 3: "TIMED_OUT" };
    expect(await beginScan(begin(), deps())).toEqual({ decision: "run", executionName: `${scanId}-a4`, attempt: 4 });
  });

  it("takes a scan for published that ended while it was asked for", async () => {
    const ending = {
      describe: async (...asked: Parameters<typeof executions.describe>) => {
        await ran(1, "published", null);
        statuses = { 1: "SUCCEEDED" };
        return executions.describe(...asked);
      },
    };
    expect((await beginScan(begin(), { ...deps(), executions: ending })).decision).toBe("done");
  });

  it("joins the attempt that is under way, whatever is left of the budget", async () => {
    statuses = { 1: "FAILED", 2: "RUNNING" };
    purse.usd = 5;
    const joined = { decision: "run", executionName: `${scanId}-a2`, attempt: 2 };
    expect(await beginScan(begin(5), deps())).toEqual(joined);
    await ran(2, "published", null);
    expect(await beginScan(begin(5), deps())).toEqual(joined);
  });

  it("starts nothing once the budget is used up, or when what was spent is not known", async () => {
    purse.usd = 4.99;
    expect((await beginScan(begin(5), deps())).decision).toBe("run");
    purse.usd = 5;
    expect((await beginScan(begin(5), deps())).decision).toBe("budget");
    expect((await beginScan(begin(), deps())).decision).toBe("run");
    [purse.usd, purse.unpriced] = [0, 1];
    expect((await beginScan(begin(5), deps())).decision).toBe("budget");
  });
});

describe("settleScan", () => {
  it("adds the dearest that a receipt may be, once however often it is asked", async () => {
    await ran(1, "published", { low: 1, high: 2 });
    const settled = { scanId, outcome: "published", costUsd: 2 };
    expect(await settleScan(settle, deps())).toEqual(settled);
    expect(await settleScan(settle, deps())).toEqual(settled);
    expect(purse.usd).toBe(2);
  });

  it("says that a cost is not known, which is not 0", async () => {
    await ran(1, "published", null);
    expect(await settleScan(settle, deps())).toMatchObject({ costUsd: null });
    expect(purse.unpriced).toBe(1);
  });

  it("does not pay again for a result that another upload made", async () => {
    await ran(1, "published", { low: 1, high: 2 }, `s-${"9".repeat(40)}`);
    expect(await settleScan(settle, deps())).toMatchObject({ outcome: "published", costUsd: 0 });
  });

  it("takes a scan for published only where its execution ended well or is forgotten", async () => {
    await ran(1, "published", { low: 1, high: 2 });
    for (const [status, outcome] of [
      ["ABORTED", "set-aside"],
      ["TIMED_OUT", "set-aside"],
      ["FAILED", "set-aside"],
      ["SUCCEEDED", "published"],
    ] as const) {
      statuses = { 1: status };
      expect(await settleScan(settle, deps())).toEqual({ scanId, outcome, costUsd: 2 });
    }
    expect(purse.usd).toBe(2);
  });

  it("counts an attempt whose first start was refused, once it ran", async () => {
    expect(await settleScan(settle, deps())).toEqual({ scanId, outcome: "set-aside", costUsd: 0 });
    expect(await beginScan(begin(), deps())).toMatchObject({ decision: "run", attempt: 1 });
    await ran(1, "published", { low: 1, high: 2 });
    statuses = { 1: "SUCCEEDED" };
    expect(await settleScan(settle, deps())).toEqual({ scanId, outcome: "published", costUsd: 2 });
    expect(purse.usd).toBe(2);
  });

  it("settles the attempt that was begun, and not one of before", async () => {
    await ran(1, "published", { low: 1, high: 2 });
    statuses = { 1: "ABORTED", 2: "ABORTED" };
    const settled = { scanId, outcome: "set-aside", costUsd: 0 };
    expect(await settleScan({ ...settle, attempt: 2 }, deps())).toEqual(settled);
    expect(purse.usd).toBe(0);
  });

  it("counts nothing of an attempt that is still under way", async () => {
    await ran(1, "published", { low: 1, high: 2 });
    statuses = { 1: "RUNNING" };
    expect(await settleScan(settle, deps())).toEqual({ scanId, outcome: "running", costUsd: null });
    expect(purse.usd).toBe(0);
    statuses = { 1: "SUCCEEDED" };
    expect(await settleScan(settle, deps())).toEqual({ scanId, outcome: "published", costUsd: 2 });
    expect(purse.usd).toBe(2);
  });

  it("settles the last attempt where a backfill of before names none", async () => {
    await ran(1, "quarantined", null);
    await ran(2, "published", { low: 1, high: 2 });
    const { attempt: _, ...old } = settle;
    expect(await settleScan(old, deps())).toMatchObject({ outcome: "published", costUsd: 2 });
  });

  it("pays for a de-identified result, which does not say of which scan it is", async () => {
    await ran(1, "published", { low: 1, high: 2 }, null);
    expect(await settleScan(settle, deps())).toEqual({ scanId, outcome: "published", costUsd: 2 });
    expect(purse.usd).toBe(2);
    await ran(2, "published", { low: 1, high: 2 }, null);
    await put(resultKeys.file(identity, "run.json"), { ...runOf(null, { low: 1, high: 2 }), attempt: 1 });
    expect(await settleScan({ ...settle, attempt: 2 }, deps())).toMatchObject({ costUsd: 0 });
  });

  it("tells of a scan that was set aside, and of one that left no record", async () => {
    expect((await settleScan(settle, deps())).outcome).toBe("set-aside");
    await ran(1, "quarantined", null);
    expect((await settleScan(settle, deps())).outcome).toBe("set-aside");
  });
});
