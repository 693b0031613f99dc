import { describe, expect, it } from "vitest";
import { inOrder } from "#src/operate/in-order.js";
import { type ResultsAsked, resultLines } from "#src/operate/results.js";
import { setAsideRecords } from "#src/operate/set-aside.js";
import { OperatedScans, resultIdOf, scanIdOf } from "../../support/operated-scans.js";

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const item of items) found.push(item);
  return found;
}

/** Scan 1 failed and then went well, 2 went well, 3 failed twice, of two images. */
async function threeScans(): Promise<OperatedScans> {
  const scans = new OperatedScans();
  await scans.setAside(scanIdOf(1), 1, "scan", "ComputeLost", "ward 7/a.zip");
  await scans.published(scanIdOf(1), 2, "t0", resultIdOf(1), "ward 7/a.zip");
  await scans.published(scanIdOf(2), 1, "t0", resultIdOf(2), "ward 70/b.zip");
  for (const attempt of [9, 10]) {
    for (const image of ["t0", "t1"]) await scans.setAside(scanIdOf(3), attempt, image, "NoRoute", "ward 7/c.zip");
  }
  return scans;
}

describe("the table of runs", () => {
  const told = async (asked: ResultsAsked) =>
    (await all(resultLines((await threeScans()).stores.results, asked))).map(
      ({ scanId, attempt, subject }) => `${Number(scanId.slice(2))} a${attempt} ${subject}`,
    );

  it("has the last attempt of each scan, and every one on request", async () => {
    expect(await told({})).toEqual(["1 a2 t0", "2 a1 t0", "3 a10 t0", "3 a10 t1"]);
    expect(await told({ allAttempts: true })).toHaveLength(7);
  });

  it("is asked by the start of a source's name and by how it ended", async () => {
    expect(await told({ source: "ward 7/" })).toEqual(["1 a2 t0", "3 a10 t0", "3 a10 t1"]);
    expect(await told({ source: "ward 7" })).toHaveLength(4);
    expect(await told({ source: "ward 7/", status: "published" })).toEqual(["1 a2 t0"]);
    expect(await told({ status: "quarantined", allAttempts: true })).toHaveLength(5);
  });

  it("leaves out a line that cannot be read, and what is no line", async () => {
    const scans = await threeScans();
    await scans.stores.results.put(`index/${scanIdOf(4)}/a1-t0.json`, new TextEncoder().encode("{"));
    await scans.stores.results.put("index/readme.txt", Uint8Array.of(1));
    expect(await all(resultLines(scans.stores.results))).toHaveLength(4);
  });
});

describe("what is set aside", () => {
  it("is what the last attempt of a scan left, by code on request", async () => {
    const { results } = (await threeScans()).stores;
    const told = async (asked: Parameters<typeof setAsideRecords>[1]) =>
      (await all(setAsideRecords(results, asked))).map(({ attempt, code }) => `${code} a${attempt}`);
    expect(await told({})).toEqual(["NoRoute a10", "NoRoute a10"]);
    expect(await told({ codes: ["ComputeLost"] })).toEqual([]);
    expect(await told({ codes: ["ComputeLost"], all: true })).toEqual(["ComputeLost a1"]);
    expect(await told({ all: true })).toHaveLength(5);
  });
});

describe("inOrder", () => {
  it("keeps the order, never has more under way than it may, and passes a failure on in its turn", async () => {
    let now = 0;
    let most = 0;
    const work = async (n: number) => {
      most = Math.max(most, ++now);
      for (let turns = 0; turns < (n * 7) % 5; turns++) await new Promise(setImmediate);
      now--;
      if (n === 20) throw new RangeError("20");
      return n;
    };
    const numbers = Array.from({ length: 20 }, (_, n) => n);
    expect(await all(inOrder(numbers, 3, work))).toEqual(numbers);
    expect(most).toBe(3);
    expect(await all(inOrder([], 3, work))).toEqual([]);
    const seen: number[] = [];
    const failing = async () => {
      for await (const n of inOrder([18, 19, 20, 21], 2, work)) seen.push(n);
    };
    await expect(failing()).rejects.toThrow("20");
    expect(seen).toEqual([18, 19]);
  });
});
