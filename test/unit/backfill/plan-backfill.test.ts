import { describe, expect, it } from "vitest";
import { planBackfill } from "#src/backfill/plan-backfill.js";
import { scanIdOfObject } from "#src/core/ids.js";
import { type Asked, readManifest } from "#src/intake/scan-manifest.js";
import { memoryStore } from "#src/storage/memory-store.js";
import { SourceDocument } from "#src/workflow/contract.js";
import { UploadRules, uploadRuleOf } from "#src/workflow/upload-rules.js";

const object = (key: string, version = "v1", size = 10) => ({ key, version, size });
type Listing = Parameters<typeof planBackfill>[1];

interface Said {
  /** The `scan.json` of each folder. */
  readonly said?: Readonly<Record<string, object>>;
  readonly options?: Asked;
  readonly rules?: UploadRules;
}

/** The plan of a listing in the bucket `b`. */
async function planOf(objects: Listing, { said = {}, options = {}, rules = UploadRules.parse({}) }: Said = {}) {
  const store = memoryStore();
  for (const [folder, manifest] of Object.entries(said)) {
    await store.put(`${folder}scan.json`, new TextEncoder().encode(JSON.stringify(manifest)));
  }
  const askedOf = (folder: string) => readManifest(store, folder, uploadRuleOf(folder, rules), options);
  const { backfillId, sources } = await planBackfill("b", objects, { options, askedOf });
  for (const source of sources) SourceDocument.parse(source);
  return { backfillId, sources, byKey: new Map(sources.map((source) => [source.objects[0]?.key, source])) };
}

describe("planBackfill", () => {
  it("takes archives and volumes by themselves, under the ids that intake gives them, and slices by folder", async () => {
    const { sources } = await planOf([object("a/x.zip"), object("s/1"), object("s/2.dcm"), object("t/1.dcm")]);
    expect(sources.map(({ objects }) => objects.length).sort()).toEqual([1, 1, 2]);
    expect(sources.map(({ scanId }) => scanId)).toContain(scanIdOfObject("b", "a/x.zip", "v1"));
    for (const { request } of sources) expect(request.share).toBe("bulk");
  });

  it("leaves out empty objects and what says something of a folder", async () => {
    const { sources } = await planOf([object("a/", "v", 0), object("a/scan.json"), object("a/x.nii")]);
    expect(sources.length).toBe(1);
  });

  it("is the same backfill for the same listing in another order, and another one for another state", async () => {
    const [one, two] = [object("s/1"), object("s/2")];
    const { backfillId } = await planOf([one, two]);
    expect((await planOf([two, one])).backfillId).toBe(backfillId);
    expect((await planOf([one, object("s/2", "v2")])).backfillId).not.toBe(backfillId);
  });

  it("asks for what each folder's scan.json asks for, of archives too, and always on the bulk share", async () => {
    const asks = { deidentify: "basic", model: "m", outputs: ["rtstruct"], refine: "off", irregular: "resample" };
    const listing = [object("ward/a.zip"), object("ward/1.dcm"), object("other/a.zip")];
    const { byKey } = await planOf(listing, { said: { "ward/": { ...asks, share: "routine" } } });
    expect(byKey.get("ward/a.zip")?.request).toEqual({ ...asks, seg: "binary", share: "bulk" });
    expect(byKey.get("ward/1.dcm")?.request).toEqual({ ...asks, seg: "binary", share: "bulk" });
    expect(byKey.get("other/a.zip")?.request).toEqual({ refine: "on", seg: "binary", share: "bulk" });
  });

  it("reads scan.json of a folder of which the listing holds a part", async () => {
    const { byKey } = await planOf([object("ward/2024-a.zip")], { said: { "ward/": { deidentify: "basic" } } });
    expect(byKey.get("ward/2024-a.zip")?.request.deidentify).toBe("basic");
  });

  it("puts options before scan.json, and lets neither take back that outputs are de-identified", async () => {
    const said = { "ward/": { model: "theirs", deidentify: "basic" } };
    const { byKey } = await planOf([object("ward/a.zip"), object("x/a.zip")], { said, options: { model: "mine" } });
    expect(byKey.get("ward/a.zip")?.request).toMatchObject({ model: "mine", deidentify: "basic" });
    expect(byKey.get("x/a.zip")?.request).toMatchObject({ model: "mine" });
    const other = await planOf([object("ward/a.zip")], { said: { "ward/": {} }, options: { deidentify: "basic" } });
    expect(other.byKey.get("ward/a.zip")?.request.deidentify).toBe("basic");
  });

  it("is other scans with other options: what was published without them is run", async () => {
    const listing = [object("a/x.zip"), object("s/1.dcm")];
    const ids = new Set<string>();
    for (const options of [{}, { model: "one" }, { model: "two" }, { deidentify: "basic" }] as const) {
      const { sources } = await planOf(listing, { options });
      for (const { scanId } of sources) ids.add(scanId);
    }
    expect(ids.size).toBe(8);
  });

  it("gives slices another id once scan.json asks for something else", async () => {
    const plain = (await planOf([object("s/1.dcm")])).sources[0]?.scanId;
    const asked = (await planOf([object("s/1.dcm")], { said: { "s/": { refine: "off" } } })).sources[0]?.scanId;
    expect(asked).not.toBe(plain);
  });

  it("has uploads set aside whose scan.json cannot be used, and slices of which fewer are there than it promises", async () => {
    const listing = [object("bad/a.zip"), object("few/1.dcm"), object("few/2.dcm"), object("few/a.zip")];
    const { byKey } = await planOf(listing, { said: { "bad/": { modle: "x" }, "few/": { count: 4 } } });
    expect(byKey.get("bad/a.zip")?.refused?.code).toBe("InputUnreadable");
    expect(byKey.get("few/1.dcm")?.refused).toEqual({
      code: "SeriesIncomplete",
      message: "folder holds 3 of the 4 files that its scan.json promises",
    });
    expect(byKey.get("few/a.zip")?.refused).toBeUndefined();
    const whole = await planOf(listing, { said: { "few/": { count: 3 } } });
    expect(whole.byKey.get("few/1.dcm")?.refused).toBeUndefined();
  });

  it("holds scan.json to the rules of uploads, and an option not", async () => {
    const prefixes = [{ prefix: "er/", model: "er-model", models: ["er-model"] }];
    const rules = UploadRules.parse({ outputs: ["sr"], prefixes });
    const said = { "er/b/": { model: "other" }, "x/": { outputs: ["stl"] } };
    const listing = [object("er/a/a.zip"), object("er/b/a.zip"), object("x/a.zip")];
    const { byKey } = await planOf(listing, { said, rules });
    expect(byKey.get("er/a/a.zip")).toMatchObject({ request: { model: "er-model" } });
    expect(byKey.get("er/b/a.zip")?.refused?.code).toBe("RequestDenied");
    expect(byKey.get("x/a.zip")?.refused?.code).toBe("RequestDenied");
    const ordered = await planOf(listing, { said, rules, options: { model: "mine" } });
    expect(ordered.byKey.get("er/b/a.zip")?.refused).toBeUndefined();
    for (const { request } of ordered.sources) expect(request.model).toBe("mine");
  });
});
