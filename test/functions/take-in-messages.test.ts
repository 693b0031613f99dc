import { describe, expect, it } from "vitest";
import { scanIdOfObject } from "#src/core/ids.js";
import { memoryLedger } from "#src/intake/memory-ledger.js";
import type { SeriesLedger } from "#src/intake/series-ledger.js";
import { releaseMessage } from "#src/intake/upload-events.js";
import { readDocument } from "#src/stages/documents.js";
import { resultKeys, workKeys } from "#src/storage/keys.js";
import { HeldRecord } from "#src/workflow/contract.js";
import { UploadRules } from "#src/workflow/upload-rules.js";
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
    await world.put("ward 7/scan.json", '{"model":"liver","share":"bulk","outputs":["stl"]}');
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
    expect(refused.refused).toEqual({
      code: "InputUnreadable",
      message: expect.stringMatching(/^scan\.json has a field that is not known, expected of these: model, /),
    });
    expect(JSON.stringify(refused)).not.toMatch(/modell|Doe/);
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

describe("a series that an operator deletes", () => {
  /** A ledger of which a series is forgotten right after so many files were entered, as from another process. */
  function forgetting(times: number): IntakeWorld {
    const ledger = memoryLedger();
    let left = times;
    const record: SeriesLedger["record"] = async (seriesId, place, instance) => {
      await ledger.record(seriesId, place, instance);
      if (left-- > 0) await ledger.forgetSeries(seriesId, place);
    };
    return new IntakeWorld({ ledger: { ...ledger, record } });
  }

  it("while its next file is entered, is begun anew by that file", async () => {
    const world = forgetting(1);
    const [file] = phantomSeries();
    await world.put("ward/1.dcm", file?.bytes ?? "");
    expect(await world.deliver(world.event("ward/1.dcm"))).toEqual([]);
    await world.pass(RULES.quietSeconds);
    expect((await world.sourceOf(world.runs[0]?.scanId ?? "")).objects.map(({ key }) => key)).toEqual(["ward/1.dcm"]);
  });

  it("once more, has the message come again and takes none for done", async () => {
    const world = forgetting(2);
    const [file] = phantomSeries();
    await world.put("ward/1.dcm", file?.bytes ?? "");
    const event = world.event("ward/1.dcm");
    expect(await world.deliver(event)).toEqual([event.messageId]);
    expect(await world.deliver(event)).toEqual([]);
    await world.pass(RULES.quietSeconds);
    expect(world.runs).toHaveLength(1);
  });
});

describe("rules of uploads", () => {
  const uploads = UploadRules.parse({
    models: ["brain"],
    outputs: ["sr"],
    prefixes: [
      { prefix: "er/", share: "stat", model: "stroke", models: "any" },
      { prefix: "lab/", runsPerDay: 1 },
    ],
    runsPerDay: 2,
  });
  /** What came of one upload beside a `scan.json`. */
  async function asked(folder: string, manifest?: object) {
    const world = new IntakeWorld({ uploads });
    await world.put(`${folder}a.zip`, "x");
    if (manifest !== undefined) await world.put(`${folder}scan.json`, JSON.stringify(manifest));
    await world.deliver(world.event(`${folder}a.zip`));
    return world.sourceOf(world.runs[0]?.scanId ?? "");
  }

  it("give uploads the share and the model of their prefix, and routine without one", async () => {
    expect((await asked("ward/")).request).toMatchObject({ share: "routine" });
    expect((await asked("er/")).request).toMatchObject({ share: "stat", model: "stroke" });
    expect((await asked("er/7/")).request.share).toBe("stat");
    expect((await asked("er/", { share: "bulk", model: "brain" })).request).toMatchObject({
      share: "bulk",
      model: "brain",
    });
    expect((await asked("", { refine: "off" })).request).toMatchObject({ share: "routine", refine: "off" });
  });

  it("lower a share that is too urgent, and run the scan", async () => {
    const world = new IntakeWorld({ uploads });
    await world.put("ward/a.zip", "x");
    await world.put("ward/scan.json", '{"share":"stat"}');
    await world.deliver(world.event("ward/a.zip"));
    const scanId = world.runs[0]?.scanId ?? "";
    const source = await world.sourceOf(scanId);
    expect([source.request.share, source.refused]).toEqual(["routine", undefined]);
    expect(world.logged).toContainEqual({ message: "share lowered", scanId });
  });

  it("set aside what asks for a model or an output that is not on the list, without its name", async () => {
    const model = await asked("ward/", { model: "Doe^John" });
    expect(model.refused).toEqual({
      code: "RequestDenied",
      message: "scan.json asks for a model that this folder may not ask for",
    });
    expect((await asked("ward/", { outputs: ["sr", "stl"] })).refused?.message).toBe(
      "scan.json asks for the output stl that this folder may not ask for",
    );
    expect((await asked("ward/", { model: "brain", outputs: ["sr"] })).refused).toBeUndefined();
    expect((await asked("er/", { model: "any one" })).refused).toBeUndefined();
    expect((await asked("er/", { outputs: ["stl"] })).refused?.code).toBe("RequestDenied");
  });

  it("set a series of loose files aside for it, too", async () => {
    const { world, keys } = await withSeries(declaring(4));
    Object.assign(world.deps, { uploads });
    await world.put("ward/scan.json", '{"model":"liver"}');
    await world.deliver(...keys.map((key) => world.event(key)));
    expect((await world.sourceOf(world.runs[0]?.scanId ?? "")).refused?.code).toBe("RequestDenied");
  });
});

describe("the runs of a day", () => {
  const uploads = UploadRules.parse({ runsPerDay: 2, prefixes: [{ prefix: "lab/", runsPerDay: 1 }] });
  /** And the hour in which scans are released. */
  const DAY = 25 * 3600;
  const heldIn = async ({ results }: IntakeWorld) => {
    const ids: string[] = [];
    for await (const { key } of results.list("held/")) ids.push(key.slice(5, -5));
    return ids;
  };
  async function overwritten(times: number, key = KEY) {
    const world = new IntakeWorld({ uploads });
    await world.put(key, "x");
    for (let n = 0; n < times; n++) await world.deliver(world.event(key, { "version-id": `v${n}` }));
    return world;
  }

  it("are all that a key that is overwritten again and again can start; the rest is held and starts on later days", async () => {
    const world = await overwritten(5);
    expect(world.runs).toHaveLength(2);
    expect(await heldIn(world)).toHaveLength(3);
    const [scanId = ""] = await heldIn(world);
    const record = await readDocument(world.results, resultKeys.held(scanId), HeldRecord);
    expect(record).toMatchObject({ code: "DailyLimit", day: "1970-01-01", seriesId: null, source: { scanId } });
    expect(JSON.stringify(world.logged)).not.toMatch(/Doe|ward/);
    expect(world.logged).toContainEqual({ message: "run held", scanId, day: "1970-01-01" });
    await world.pass(DAY);
    expect(world.runs).toHaveLength(4);
    await world.pass(DAY);
    expect([world.runs.length, (await heldIn(world)).length]).toEqual([5, 0]);
    await world.pass(3 * DAY);
    expect(world.runs).toHaveLength(5);
  });

  it("count a scan once, however often its event comes and its message fails", async () => {
    const world = new IntakeWorld({ uploads });
    await world.put(KEY, "x");
    const { start } = world.deps;
    Object.assign(world.deps, { start: () => Promise.reject(new TypeError("throttled")) });
    for (let n = 0; n < 4; n++) await world.deliver(world.event(KEY));
    Object.assign(world.deps, { start });
    for (const version of ["v1", "v1", "v2"]) await world.deliver(world.event(KEY, { "version-id": version }));
    expect([world.runs.length, await heldIn(world)]).toEqual([2, []]);
  });

  it("are counted apart for a prefix that has its own", async () => {
    const world = new IntakeWorld({ uploads });
    for (const key of ["lab/a.zip", "lab/b.zip", "lab/c.zip", "ward/a.zip", "x/b.zip"]) {
      await world.put(key, "x");
      await world.deliver(world.event(key));
    }
    const keys = await Promise.all(world.runs.map(async (run) => (await world.sourceOf(run.scanId)).objects[0]?.key));
    expect(keys).toEqual(["lab/a.zip", "ward/a.zip", "x/b.zip"]);
    expect(await heldIn(world)).toHaveLength(2);
  });

  it("hold a series of loose files, and go on with the slices that came meanwhile", async () => {
    const { world, keys } = await withSeries({ size: [6, 5, 5], ...declaring(4) }, "lab/");
    Object.assign(world.deps, { uploads });
    await world.put("lab/x.zip", "x");
    await world.deliver(world.event("lab/x.zip"));
    const sorted = keys.sort((a, b) => Number(a.slice(-1)) - Number(b.slice(-1)));
    await world.deliver(...sorted.slice(0, 4).map((key) => world.event(key)));
    await world.deliver(world.event(sorted[4] ?? ""));
    const [held = ""] = await heldIn(world);
    expect(world.runs).toHaveLength(1);
    await world.pass(DAY);
    expect(world.runs.map(({ scanId }) => scanId)).toContain(held);
    await world.pass(2 * DAY);
    expect(world.runs).toHaveLength(3);
    const last = await world.sourceOf(world.runs[2]?.scanId ?? "");
    expect(last.completeness).toMatchObject({ instances: 5, supersedes: held });
    expect(await heldIn(world)).toEqual([]);
  });

  it("are passed by whoever may send to the queue, and a held scan whose record was removed stays away", async () => {
    const world = await overwritten(4);
    const [first = "", second = ""] = await heldIn(world);
    await world.deliver({ messageId: "now", body: releaseMessage(first, 0, true) });
    expect(world.runs.map(({ scanId }) => scanId)).toContain(first);
    await world.results.delete(resultKeys.held(second));
    await world.pass(2 * DAY);
    expect(world.runs).toHaveLength(3);
  });

  it("bring a held scan back after its source document was removed from the work store", async () => {
    const world = await overwritten(3);
    const [scanId = ""] = await heldIn(world);
    await world.work.delete(workKeys.source(scanId));
    await world.pass(DAY);
    expect((await world.sourceOf(scanId)).objects).toEqual([{ key: KEY, version: "v2", size: 1 }]);
  });
});

describe("whoever means ill", () => {
  it("takes no other message along with one that does not end", async () => {
    const world = await withZip();
    await world.put("slow.zip", "x");
    const { head } = world.source;
    const source = {
      ...world.source,
      head: (key: string) => (key === "slow.zip" ? new Promise<never>(() => {}) : head(key)),
    };
    Object.assign(world.deps, { stores: { ...world.deps.stores, source }, msLeft: () => 10_050 });
    const slow = world.event("slow.zip");
    expect(await world.deliver(slow, world.event(KEY))).toEqual([slow.messageId]);
    expect(world.runs).toHaveLength(1);
    expect(world.logged).toContainEqual({ message: "message failed", messageId: slow.messageId, code: "StoreBusy" });
  });

  it("has a series without end set aside once, by its first files alone", async () => {
    const { world, keys } = await withSeries();
    const { ledger } = world.deps;
    const read: typeof ledger.read = async (id) => {
      const series = await ledger.read(id);
      const [one] = series?.instances ?? [];
      if (series === null || one === undefined) return series;
      // As many as were sent, and what a ledger gives back of them.
      const more = Array.from({ length: 20_000 }, (_, n) => ({ ...one, uid: `${n}.${series.instances.length}` }));
      return { ...series, instances: [...series.instances, ...more] };
    };
    Object.assign(world.deps, { ledger: { ...ledger, read } });
    for (const key of keys) await world.deliver(world.event(key));
    await world.pass(RULES.maxWaitSeconds + 1);
    for (const key of keys) await world.deliver(world.event(key));
    await world.pass(RULES.maxWaitSeconds + 1);
    expect(world.runs).toHaveLength(1);
    const source = await world.sourceOf(world.runs[0]?.scanId ?? "");
    expect(source.refused).toEqual({
      code: "InputUnsafe",
      message: "series has more than 20000 files, expected at most that",
    });
    expect(source.objects).toHaveLength(1);
  });

  it("does not have all series of a folder looked at for each file, however many there are", async () => {
    const { world, keys } = await withSeries(declaring(4));
    await world.put("ward/scan.complete", "");
    let reads = 0;
    const { ledger } = world.deps;
    const many = Array.from({ length: 501 }, (_, n) => `q-${String(n).padStart(40, "0")}`);
    const read: typeof ledger.read = async (id) => {
      reads++;
      return ledger.read(id);
    };
    Object.assign(world.deps, { ledger: { ...ledger, read, seriesIn: async () => many } });
    await world.deliver(...keys.map((key) => world.event(key)));
    expect(world.runs).toHaveLength(1);
    expect(reads).toBeLessThan(10);
  });

  it("writes no log line and no record of its own: keys of every shape stay data", async () => {
    const keys = [
      'a\n{"level":"info"}.zip',
      "../../etc/passwd.zip",
      "\u001b[2J.zip",
      "=cmd|' /C calc'!A0.zip",
      `${"x".repeat(1020)}.zip`.slice(-1024),
      "<script>.zip",
    ];
    const world = new IntakeWorld();
    for (const key of keys) {
      await world.put(key.replaceAll("..", "dots"), "x");
      expect(await world.deliver(world.event(key.replaceAll("..", "dots")))).toEqual([]);
    }
    expect(world.runs).toHaveLength(keys.length);
    expect(JSON.stringify(world.logged)).not.toMatch(/passwd|script|cmd|\[2J/);
    for await (const { key } of world.work.list("")) expect(key).toMatch(/^s-[0-9a-f]{40}\/source\.json$/);
  });

  it("asks in vain with a scan.json that is endless, deep or of other prototypes", async () => {
    const texts = [
      `{"model":"${"x".repeat(70_000)}"}`,
      "[".repeat(60_000),
      '{"__proto__":{"share":"stat"}}',
      '{"constructor":{}}',
      '{"outputs":{"length":1e9}}',
      "\u0000",
      "",
    ];
    for (const [n, text] of texts.entries()) {
      const world = new IntakeWorld();
      await world.put("w/a.zip", "x");
      await world.put("w/scan.json", text);
      await world.deliver(world.event("w/a.zip"));
      const { refused, request } = await world.sourceOf(world.runs[0]?.scanId ?? "");
      expect([n, refused?.code, request.share]).toEqual([n, "InputUnreadable", "routine"]);
      expect(refused?.message.length).toBeLessThan(200);
    }
  });
});
