import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import type { SeriesLedger } from "#src/intake/series-ledger.js";
import type { DicomElements } from "../support/dicom-builder.js";
import { IntakeWorld, RULES } from "../support/intake-world.js";
import { phantomSeries } from "../support/phantom-series.js";

/** Two series in one folder, one of which says how many it is, a third in another that says so by scan.json, and a zip. */
const FILES: readonly (readonly [string, Uint8Array])[] = [
  ...named("a/", phantomSeries({ size: [4, 4, 5], seriesUid: "1.2.3" })),
  ...named("a/x", phantomSeries({ size: [4, 4, 3], seriesUid: "1.2.4", edit: declares(3) })),
  ...named("b/", phantomSeries({ size: [4, 4, 3], seriesUid: "1.2.3" })),
  ["b/scan.json", new TextEncoder().encode('{"count":3,"model":"m"}')],
  ["c/upload.zip", new TextEncoder().encode("zip")],
];
const SCANS = 4;

function named(prefix: string, files: ReturnType<typeof phantomSeries>): [string, Uint8Array][] {
  return files.map(({ name, bytes }) => [`${prefix}${name}`, bytes]);
}

function declares(count: number) {
  return (elements: DicomElements) => {
    elements["00201209"] = { vr: "IS", Value: [String(count)] };
  };
}

/** Every event once to three times, in any order, in batches of any size, with any time between the batches. */
function deliveries(longestSeconds: number) {
  const copies = fc.array(fc.nat(FILES.length - 1), { maxLength: 2 * FILES.length });
  const order = copies.chain((more) => {
    const all = [...FILES.keys(), ...more];
    return fc.shuffledSubarray(all, { minLength: all.length, maxLength: all.length });
  });
  return fc.record({
    order,
    batches: fc.infiniteStream(fc.integer({ min: 1, max: 10 })),
    gaps: fc.infiniteStream(fc.nat(longestSeconds)),
    runSeconds: fc.nat(5 * RULES.quietSeconds),
  });
}

type Delivery = ReturnType<typeof deliveries> extends fc.Arbitrary<infer T> ? T : never;

async function deliver({ order, batches, gaps, runSeconds }: Delivery): Promise<IntakeWorld> {
  const world = new IntakeWorld();
  world.runSeconds = runSeconds;
  for (const [key, bytes] of FILES) await world.put(key, bytes);
  const rest = [...order];
  while (rest.length > 0) {
    const batch = rest.splice(0, batches.next().value).map((n) => world.event(FILES[n]?.[0] ?? ""));
    expect(await world.deliver(...batch)).toEqual([]);
    await world.pass(gaps.next().value);
  }
  await world.pass(20 * RULES.maxWaitSeconds);
  expect(world.checks).toBe(0);
  return world;
}

/** What the ledger says at last, without when it was said. */
async function endState(world: IntakeWorld) {
  const ids = world.runs.map(({ scanId }) => scanId);
  const sources = await Promise.all(ids.map((id) => world.sourceOf(id)));
  return sources.sort((a, b) => (a.scanId < b.scanId ? -1 : 1));
}

/** A ledger each of whose calls waits for its turn: what other functions do comes in between. */
function interleaved(scheduler: fc.Scheduler, ledger: SeriesLedger): SeriesLedger {
  const turn = () => scheduler.schedule(Promise.resolve());
  return {
    record: async (...args) => turn().then(() => ledger.record(...args)),
    read: async (...args) => turn().then(() => ledger.read(...args)),
    replaceHead: async (...args) => turn().then(() => ledger.replaceHead(...args)),
    seriesIn: async (...args) => turn().then(() => ledger.seriesIn(...args)),
    remember: async (...args) => turn().then(() => ledger.remember(...args)),
    countRemembered: async (...args) => turn().then(() => ledger.countRemembered(...args)),
    takeRun: async (...args) => turn().then(() => ledger.takeRun(...args)),
  };
}

let expected: Awaited<ReturnType<typeof endState>>;
beforeAll(async () => {
  const world = new IntakeWorld();
  for (const [key, bytes] of FILES) await world.put(key, bytes);
  await world.deliver(...FILES.map(([key]) => world.event(key)));
  await world.pass(2 * RULES.quietSeconds);
  expected = await endState(world);
});

describe("any order and number of deliveries", () => {
  it("within the quiet period start exactly one execution for each upload and series, the same ones", async () => {
    expect(expected).toHaveLength(SCANS);
    // Thirty-odd batches of at most a second between them: nothing is quiet before the end.
    await fc.assert(
      fc.asyncProperty(deliveries(1), async (delivery) => {
        expect(await endState(await deliver(delivery))).toEqual(expected);
      }),
      { numRuns: 60 },
    );
  }, 60_000);

  it("to several functions at once start the same executions, each once", async () => {
    const events = fc.shuffledSubarray([...FILES.keys(), ...FILES.keys()], { minLength: 2 * FILES.length });
    await fc.assert(
      fc.asyncProperty(fc.scheduler(), events, fc.integer({ min: 1, max: 8 }), async (scheduler, order, size) => {
        const world = new IntakeWorld();
        const { ledger } = world.deps;
        for (const [key, bytes] of FILES) await world.put(key, bytes);
        Object.assign(world.deps, { ledger: interleaved(scheduler, ledger) });
        const rest = [...order];
        const batches: Promise<string[]>[] = [];
        while (rest.length > 0) {
          batches.push(world.deliver(...rest.splice(0, size).map((n) => world.event(FILES[n]?.[0] ?? ""))));
        }
        expect((await scheduler.waitFor(Promise.all(batches))).flat()).toEqual([]);
        Object.assign(world.deps, { ledger });
        await world.pass(2 * RULES.quietSeconds);
        expect(await endState(world)).toEqual(expected);
      }),
      { numRuns: 30 },
    );
  }, 60_000);

  it("to several functions at once start one run of a series, though its header calls many sets complete", async () => {
    const files = named("a/", phantomSeries({ size: [4, 4, 6], edit: declares(2) }));
    const order = fc.shuffledSubarray(files, { minLength: files.length });
    await fc.assert(
      fc.asyncProperty(fc.scheduler(), order, async (scheduler, shuffled) => {
        const world = new IntakeWorld();
        const { ledger } = world.deps;
        for (const [key, bytes] of files) await world.put(key, bytes);
        Object.assign(world.deps, { ledger: interleaved(scheduler, ledger) });
        await scheduler.waitFor(Promise.all(shuffled.map(([key]) => world.deliver(world.event(key)))));
        expect(world.runs.length).toBeLessThanOrEqual(1);
        Object.assign(world.deps, { ledger });
        await world.pass(4 * RULES.quietSeconds);
        const last = await world.sourceOf(world.runs.at(-1)?.scanId ?? "");
        expect(last.objects).toHaveLength(6);
      }),
      { numRuns: 40 },
    );
  }, 60_000);

  it("with any pauses end with the whole series, never two runs of one at a time and none twice", async () => {
    await fc.assert(
      fc.asyncProperty(deliveries(3 * RULES.quietSeconds), async (delivery) => {
        const world = await deliver(delivery);
        const sources = await endState(world);
        expect(new Set(world.runs.map(({ scanId }) => scanId)).size).toBe(world.runs.length);
        const runs = new Map(world.runs.map((run) => [run.scanId, run]));
        const superseded = new Set(sources.map(({ completeness }) => completeness?.supersedes));
        const last = sources.filter(({ scanId }) => !superseded.has(scanId));
        expect(last.map(({ objects }) => objects.length).sort()).toEqual([1, 3, 3, 5]);
        expect(last.filter(({ refused }) => refused !== undefined)).toEqual([]);
        for (const { scanId, completeness } of sources) {
          const before = runs.get(completeness?.supersedes ?? "");
          if (before !== undefined) {
            expect(runs.get(scanId)?.startedAt).toBeGreaterThanOrEqual(before.startedAt + 1000 * world.runSeconds);
          }
        }
      }),
      { numRuns: 60 },
    );
  }, 60_000);
});
