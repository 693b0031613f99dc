import { describe, expect, it } from "vitest";
import { scanIdOfObject } from "#src/core/ids.js";
import type { DicomElements } from "../support/dicom-builder.js";
import { BUCKET, IntakeWorld, RULES } from "../support/intake-world.js";
import { phantomSeries } from "../support/phantom-series.js";

const KEY = "ward 7/Doe^John+ü.zip";

async function withZip() {
  const world = new IntakeWorld();
  await world.put(KEY, "no DICOM here");
  return world;
}

/** Slices of a series in a folder, some of them without their events yet. */
async function withSeries(options: Parameters<typeof phantomSeries>[0] = {}, folder = "ward/") {
  const world = new IntakeWorld();
  const files = phantomSeries(options);
  const keys = files.map(({ name }) => `${folder}${name}`);
  for (const [n, { bytes }] of files.entries()) await world.put(keys[n] ?? "", bytes);
  return { world, keys, files };
}

const declaring = (count: number) => ({
  edit: (elements: DicomElements) => {
    elements["00201209"] = { vr: "IS", Value: [String(count)] };
  },
});

describe("an upload by itself", () => {
  it("is written down and started under the scan's id, with no name in what is logged or started", async () => {
    const world = await withZip();
    expect(await world.deliver(world.event(KEY))).toEqual([]);
    const scanId = scanIdOfObject(BUCKET, KEY, "v1");
    expect(world.runs.map((run) => run.scanId)).toEqual([scanId]);
    const source = await world.sourceOf(scanId);
    expect(source).toMatchObject({ bucket: BUCKET, objects: [{ key: KEY, version: "v1", size: 13 }] });
    expect(JSON.stringify([world.logged, world.runs])).not.toMatch(/Doe|ward/);
  });

  it("is started once for an event that comes twice, and again for another version", async () => {
    const world = await withZip();
    await world.deliver(world.event(KEY), world.event(KEY));
    await world.deliver(world.event(KEY), world.event(KEY, { "version-id": "v2" }));
    expect(world.runs).toHaveLength(2);
  });

  it("is told from others by eTag and sequencer in a bucket without versions", async () => {
    const world = await withZip();
    const event = (sequencer: string) => world.event(KEY, { "version-id": undefined, sequencer });
    await world.deliver(event("1"), event("1"), event("2"));
    expect(world.runs).toHaveLength(2);
  });

  it("is not started by a late event once its execution's name is forgotten: the ledger remembers", async () => {
    const world = await withZip();
    await world.deliver(world.event(KEY));
    world.runs.length = 0;
    await world.deliver(world.event(KEY));
    expect(world.runs).toEqual([]);
  });

  it("is no scan by names of folders, hidden and unfinished files, and not once it was deleted", async () => {
    const world = await withZip();
    const keys = ["ward 7/", "a.zip.partial", "a.tmp", "x/.DS_Store", "x/scan.json", "x/scan.complete", "deleted.zip"];
    expect(await world.deliver(...keys.map((key) => world.event(key)))).toEqual([]);
    expect(world.runs).toEqual([]);
  });

  it("is asked for again where its message failed, and only there", async () => {
    const world = await withZip();
    const good = world.deps.start;
    let starts = 0;
    const deps = {
      start: async (scanId: string) => {
        if (++starts === 2) throw new TypeError("throttled");
        return good(scanId);
      },
    };
    Object.assign(world.deps, deps);
    const first = world.event(KEY);
    const second = world.event(KEY, { "version-id": "v2" });
    const bad = { messageId: "bad", body: "{" };
    await world.deliver(first);
    expect(await world.deliver(second, bad)).toEqual([second.messageId, "bad"]);
    expect(await world.deliver(second)).toEqual([]);
    expect(world.runs).toHaveLength(2);
  });

  it("of another bucket starts nothing, and is not taken for done", async () => {
    const world = new IntakeWorld({ bucket: "others" });
    await world.put(KEY, "x");
    const message = world.event(KEY);
    expect(await world.deliver(message)).toEqual([message.messageId]);
    expect(world.runs).toEqual([]);
  });

  it("gets what the scan.json beside it asks for, and is set aside where that cannot be read", async () => {
    const world = await withZip();
    await world.put("ward 7/scan.json", '{"model":"liver","share":"bulk"}');
    await world.deliver(world.event(KEY));
    const [run] = world.runs;
    expect((await world.sourceOf(run?.scanId ?? "")).request).toMatchObject({
      model: "liver",
      share: "bulk",
      refine: "on",
    });

    await world.put("b/a.zip", "x");
    await world.put("b/scan.json", '{"modell":"Doe"}');
    await world.deliver(world.event("b/a.zip"));
    const refused = await world.sourceOf(world.runs[1]?.scanId ?? "");
    expect(refused.refused).toEqual({ code: "InputUnreadable", message: "scan.json has a field that is not known" });
  });
});

describe("a series of loose files", () => {
  it("runs once after the quiet period, as one scan, and the record says why", async () => {
    const { world, keys } = await withSeries();
    for (const key of keys) await world.deliver(world.event(key));
    expect(world.runs).toEqual([]);
    await world.pass(RULES.quietSeconds - 1);
    expect(world.runs).toEqual([]);
    await world.pass(2);
    expect(world.runs).toHaveLength(1);
    const source = await world.sourceOf(world.runs[0]?.scanId ?? "");
    expect(source.objects.map(({ key }) => key)).toEqual([...keys].sort());
    expect(source.completeness).toEqual({ evidence: "quiet-period", instances: 4, supersedes: null });
    expect(JSON.stringify(world.logged)).not.toMatch(/ward|1\.2\.826/);
  });

  it("arranges one check for all of its files, and moves it only when it is made", async () => {
    const { world, keys } = await withSeries();
    for (const key of keys) {
      await world.deliver(world.event(key));
      expect(world.checks).toBe(1);
      await world.pass(5);
    }
    await world.pass(RULES.quietSeconds - 6);
    expect(world.runs).toHaveLength(0);
    expect(world.checks).toBe(1);
    await world.pass(RULES.quietSeconds);
    expect([world.runs.length, world.checks]).toEqual([1, 0]);
  });

  it("runs at once when as many are there as the headers say", async () => {
    const { world, keys } = await withSeries(declaring(4));
    await world.deliver(...keys.slice(1).map((key) => world.event(key)));
    expect(world.runs).toEqual([]);
    await world.deliver(world.event(keys[0] ?? ""));
    expect(world.runs).toHaveLength(1);
    const source = await world.sourceOf(world.runs[0]?.scanId ?? "");
    expect(source.completeness?.evidence).toBe("header-count");
  });

  it("runs at once when the folder holds what its scan.json promises, files of other kinds included", async () => {
    const { world, keys } = await withSeries();
    await world.put("ward/scan.json", '{"count":5,"model":"brain"}');
    await world.put("ward/notes.txt", "x");
    await world.deliver(...keys.map((key) => world.event(key)), world.event("ward/scan.json"));
    expect(world.runs).toEqual([]);
    await world.deliver(world.event("ward/notes.txt"));
    const sources = await Promise.all(world.runs.map((run) => world.sourceOf(run.scanId)));
    expect(sources.map(({ completeness }) => completeness?.evidence)).toEqual([undefined, "manifest-count"]);
    expect(sources[1]?.request.model).toBe("brain");
  });

  it("waits for what scan.json promises beyond the quiet period, and is set aside at the maximum", async () => {
    const { world, keys } = await withSeries(declaring(4));
    await world.put("ward/scan.json", '{"count":5}');
    await world.deliver(...keys.map((key) => world.event(key)));
    await world.pass(RULES.maxWaitSeconds - 1);
    expect(world.runs).toEqual([]);
    await world.pass(2);
    const source = await world.sourceOf(world.runs[0]?.scanId ?? "");
    expect(source.completeness?.evidence).toBe("none");
    expect(source.refused).toEqual({
      code: "SeriesIncomplete",
      message: "folder holds 4 of the 5 files that its scan.json promises",
    });
  });

  it("runs at once when the folder is closed, but not before every file of it was seen", async () => {
    const { world, keys } = await withSeries();
    await world.put("ward/scan.complete", "");
    await world.deliver(world.event("ward/scan.complete"), ...keys.slice(1).map((key) => world.event(key)));
    expect(world.runs).toEqual([]);
    await world.deliver(world.event(keys[0] ?? ""));
    const source = await world.sourceOf(world.runs[0]?.scanId ?? "");
    expect(source.completeness).toMatchObject({ evidence: "closing-marker", instances: 4 });
  });

  it("with a gap waits for the missing slice, whatever else says that it is complete", async () => {
    const { world, keys } = await withSeries({ size: [6, 5, 6], ...declaring(5) });
    await world.put("ward/scan.complete", "");
    const [late = "", ...others] = keys.sort((a, b) => (a.endsWith("3") ? -1 : b.endsWith("3") ? 1 : 0));
    const bytes = await world.source.get(late);
    await world.source.delete(late);
    await world.deliver(...others.map((key) => world.event(key)), world.event("ward/scan.complete"));
    await world.pass(RULES.quietSeconds * 3);
    expect(world.runs).toEqual([]);
    await world.put(late, bytes);
    await world.deliver(world.event(late));
    expect(world.runs).toHaveLength(1);
    expect((await world.sourceOf(world.runs[0]?.scanId ?? "")).objects).toHaveLength(6);
  });

  it("whose gap is never filled is set aside at the maximum, and runs when the slice comes after all", async () => {
    const { world, keys } = await withSeries({ size: [6, 5, 6] });
    const [late = "", ...others] = keys.sort((a, b) => (a.endsWith("3") ? -1 : b.endsWith("3") ? 1 : 0));
    await world.deliver(...others.map((key) => world.event(key)));
    await world.pass(RULES.maxWaitSeconds + 1);
    const first = await world.sourceOf(world.runs[0]?.scanId ?? "");
    expect(first.refused?.message).toMatch(/^series has a gap in 4 steps: 6\.00 mm found, 3\.00 mm expected$/);
    await world.deliver(world.event(late));
    await world.pass(RULES.quietSeconds + 1);
    expect(world.runs).toHaveLength(2);
    const second = await world.sourceOf(world.runs[1]?.scanId ?? "");
    expect(second).toMatchObject({ completeness: { instances: 6, supersedes: first.scanId } });
    expect(second.refused).toBeUndefined();
  });

  it("gathers late slices for a quiet period, then runs one version of all that takes the place of the first", async () => {
    const { world, keys } = await withSeries({ size: [6, 5, 6], ...declaring(4) });
    // The first four along the normal: no gap.
    const sorted = keys.sort((a, b) => Number(a.slice(-1)) - Number(b.slice(-1)));
    await world.deliver(...sorted.slice(0, 4).map((key) => world.event(key)));
    expect(world.runs).toHaveLength(1);
    await world.deliver(world.event(sorted[4] ?? ""));
    await world.pass(40);
    await world.deliver(world.event(sorted[5] ?? ""));
    await world.pass(RULES.quietSeconds - 1);
    expect(world.runs).toHaveLength(1);
    await world.pass(RULES.quietSeconds);
    expect(world.runs).toHaveLength(2);
    const source = await world.sourceOf(world.runs[1]?.scanId ?? "");
    expect(source.completeness).toEqual({ evidence: "header-count", instances: 6, supersedes: world.runs[0]?.scanId });
  });

  it("has one run in flight: a version that comes late waits for the end of the one before", async () => {
    const { world, keys } = await withSeries({ size: [6, 5, 5], ...declaring(4) });
    world.runSeconds = 5 * RULES.quietSeconds;
    const sorted = keys.sort((a, b) => Number(a.slice(-1)) - Number(b.slice(-1)));
    await world.deliver(...sorted.slice(0, 4).map((key) => world.event(key)));
    await world.deliver(world.event(sorted[4] ?? ""));
    await world.pass(4 * RULES.quietSeconds);
    expect(world.runs).toHaveLength(1);
    await world.pass(3 * RULES.quietSeconds);
    expect(world.runs).toHaveLength(2);
  });

  it("is not run again for an instance that came before, in another object or a later version", async () => {
    const { world, keys, files } = await withSeries(declaring(4));
    await world.deliver(...keys.map((key) => world.event(key)));
    await world.put("ward/copy", files[0]?.bytes ?? "");
    await world.deliver(world.event("ward/copy"), world.event(keys[1] ?? "", { "version-id": "v2", sequencer: "2" }));
    await world.pass(RULES.maxWaitSeconds);
    expect(world.runs).toHaveLength(1);
  });

  it("is another one in another folder", async () => {
    const { world, files } = await withSeries(declaring(4));
    for (const { name, bytes } of files) await world.put(`b/${name}`, bytes);
    await world.put("b/scan.json", '{"model":"other"}');
    const events = ["ward", "b"].flatMap((folder) => files.map(({ name }) => world.event(`${folder}/${name}`)));
    await world.deliver(...events);
    expect(world.runs).toHaveLength(2);
  });

  it("is started by whoever finds a claim that was not started", async () => {
    const { world, keys } = await withSeries(declaring(4));
    const { start } = world.deps;
    Object.assign(world.deps, { start: () => Promise.reject(new TypeError("the function ended here")) });
    const events = keys.map((key) => world.event(key));
    expect(await world.deliver(...events)).toHaveLength(4);
    Object.assign(world.deps, { start });
    expect(await world.deliver(...events.slice(0, 1))).toEqual([]);
    expect(world.runs).toHaveLength(1);
  });
});
