import { describe, expect, it } from "vitest";
import type { SeriesInstance } from "#src/intake/completeness.js";
import { type ErasableLedger, ledgerIds, type SeriesPlace } from "#src/intake/series-ledger.js";

const PLACE: SeriesPlace = { bucket: "b", folder: "ward/", series: "1.2.3" };
const ID = ledgerIds.series(PLACE);

const instance = (uid: string, changes: Partial<SeriesInstance> = {}): SeriesInstance => ({
  uid,
  sha256: "a".repeat(64),
  object: { key: `ward/${uid}`, version: "v1", size: 7 },
  order: "1",
  seenAt: 5,
  place: {
    positionLps: [0, 0.5, -3],
    orientationLps: [1, 0, 0, 0, 1, 0],
    thicknessMm: null,
    declaredStepMm: 3,
    number: 7,
    contrast: { "echo time": "10" },
  },
  declared: { scope: "series", count: 3 },
  ...changes,
});

const byUid = (a: SeriesInstance, b: SeriesInstance) => (a.uid < b.uid ? -1 : 1);

/**
 * Every SeriesLedger passes the same cases.
 *
 * @param open a ledger without records; `another` is one of the same records, as another process has it
 */
export function describeSeriesLedger(
  name: string,
  open: () => Promise<{ readonly ledger: ErasableLedger; readonly another: () => ErasableLedger }>,
): void {
  const create = async () => (await open()).ledger;
  describe(`${name} ledger`, () => {
    it("knows no series before its first instance, and then all of it", async () => {
      const ledger = await create();
      expect(await ledger.read(ID)).toBeNull();
      await ledger.record(ID, PLACE, instance("1"));
      await ledger.record(ID, PLACE, instance("2", { place: null, declared: null }));
      const series = await ledger.read(ID);
      expect(series?.head).toEqual({ place: PLACE, revision: 0, version: null, checkAt: 0 });
      expect(series?.instances.toSorted(byUid)).toEqual([
        instance("1"),
        instance("2", { place: null, declared: null }),
      ]);
      expect(await ledger.read(ledgerIds.series({ ...PLACE, folder: "other/" }))).toBeNull();
    });

    it("keeps the latest state of an instance, in whatever order they come", async () => {
      const ledger = await create();
      const states = ["2", "1", "3", "3", "2"].map((order) => instance("1", { order, sha256: order.repeat(64) }));
      for (const state of states) await ledger.record(ID, PLACE, state);
      expect((await ledger.read(ID))?.instances).toEqual([instance("1", { order: "3", sha256: "3".repeat(64) })]);
    });

    it("keeps the first of two sightings of one state: it is quiet since then", async () => {
      const ledger = await create();
      for (const seenAt of [5, 9]) await ledger.record(ID, PLACE, instance("1", { seenAt }));
      expect((await ledger.read(ID))?.instances).toEqual([instance("1", { seenAt: 5 })]);
    });

    it("lets exactly one of many writers replace a head, and no instance is lost on the way", async () => {
      const ledger = await create();
      await ledger.record(ID, PLACE, instance("1"));
      const head = (await ledger.read(ID))?.head;
      if (head === undefined) throw new TypeError("no head");
      const written = await Promise.all([
        ...[1, 2, 3, 4].map((checkAt) => ledger.replaceHead(ID, head, { version: null, checkAt })),
        ledger.record(ID, PLACE, instance("2")),
      ]);
      expect(written.filter((one) => one === true)).toHaveLength(1);
      const after = await ledger.read(ID);
      expect(after?.head).toEqual({ ...head, revision: 1, checkAt: written.indexOf(true) + 1 });
      expect(after?.instances).toHaveLength(2);
      const version = { scanId: "s", evidence: "none", instances: 2, supersedes: "r", isStarted: false } as const;
      expect(await ledger.replaceHead(ID, head, { version, checkAt: 0 })).toBe(false);
      expect(await ledger.replaceHead(ID, { ...head, revision: 1 }, { version, checkAt: 0 })).toBe(true);
      expect((await ledger.read(ID))?.head.version).toEqual(version);
    });

    it("names the series of a folder", async () => {
      const ledger = await create();
      const others = ["1.2.4", "1.2.5"].map((series) => ({ ...PLACE, series }));
      for (const place of [PLACE, ...others, { ...PLACE, folder: "ward/deep/" }]) {
        await ledger.record(ledgerIds.series(place), place, instance("1"));
      }
      const ids = [PLACE, ...others].map((place) => ledgerIds.series(place));
      expect([...(await ledger.seriesIn(ledgerIds.folder("b", "ward/")))].sort()).toEqual(ids.sort());
      expect(await ledger.seriesIn(ledgerIds.folder("b", ""))).toEqual([]);
    });

    it("counts what it remembers, beyond one page of it", async () => {
      const ledger = await create();
      const ids = Array.from({ length: 230 }, (_, n) => ledgerIds.object("b", String(n)));
      for (const id of ids) await ledger.remember(id);
      expect(await ledger.countRemembered([...ids, ...ids, "o-unknown"])).toBe(230);
      expect(await ledger.countRemembered([])).toBe(0);
    });

    it("counts the runs of a day up to their number, by several at once, and each name and day apart", async () => {
      const ledger = await create();
      const take = (day: string, name: string) => ledger.takeRun(day, name, 3);
      const taken = await Promise.all(Array.from({ length: 8 }, () => take("2026-01-01", "")));
      expect(taken.filter(Boolean)).toHaveLength(3);
      expect(await take("2026-01-01", "")).toBe(false);
      expect(await ledger.takeRun("2026-01-01", "", 4)).toBe(true);
      expect(await take("2026-01-01", "er/")).toBe(true);
      expect(await take("2026-01-02", "")).toBe(true);
    });

    it("forgets a series, and what it remembers, and finds nothing wrong in forgetting again", async () => {
      const ledger = await create();
      const other = { ...PLACE, series: "1.2.4" };
      for (const uid of ["1", "2"]) await ledger.record(ID, PLACE, instance(uid));
      await ledger.record(ledgerIds.series(other), other, instance("1"));
      for (const id of ["o-1", "o-2"]) await ledger.remember(id);
      for (let n = 0; n < 2; n++) {
        await ledger.forgetSeries(ID, PLACE);
        await ledger.forget(["o-1"]);
      }
      expect(await ledger.read(ID)).toBeNull();
      expect(await ledger.seriesIn(ledgerIds.folder("b", "ward/"))).toEqual([ledgerIds.series(other)]);
      expect(await ledger.countRemembered(["o-1", "o-2"])).toBe(1);
      // One that comes again is a series like any other.
      await ledger.record(ID, PLACE, instance("3"));
      expect((await ledger.read(ID))?.instances.map(({ uid }) => uid)).toEqual(["3"]);
    });

    it("has a series again that somebody else forgot, once its files are entered after it was not found", async () => {
      const { ledger, another } = await open();
      await ledger.record(ID, PLACE, instance("1"));
      await another().forgetSeries(ID, PLACE);
      await ledger.record(ID, PLACE, instance("2"));
      if ((await ledger.read(ID)) === null) await ledger.record(ID, PLACE, instance("2"));
      const series = await ledger.read(ID);
      expect(series?.head).toEqual({ place: PLACE, revision: 0, version: null, checkAt: 0 });
      expect(series?.instances).toEqual([instance("2")]);
      expect(await another().seriesIn(ledgerIds.folder("b", "ward/"))).toEqual([ID]);
    });

    it("gives back a series of more than one page", async () => {
      const ledger = await create();
      const long = "x".repeat(2000);
      const uids = Array.from({ length: 600 }, (_, n) => String(n));
      for (let at = 0; at < uids.length; at += 50) {
        const some = uids.slice(at, at + 50);
        await Promise.all(some.map((uid) => ledger.record(ID, PLACE, instance(uid, { order: long }))));
      }
      expect((await ledger.read(ID))?.instances).toHaveLength(600);
    }, 30_000);
  });
}
