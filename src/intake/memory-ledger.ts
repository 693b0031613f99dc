import type { SeriesInstance } from "./completeness.js";
import { type ErasableLedger, ledgerIds, type SeriesHead } from "./series-ledger.js";

/** A ledger in memory: for tests, and for a watched folder, whose files are all read again after a restart. */
export function memoryLedger(): ErasableLedger {
  const heads = new Map<string, SeriesHead>();
  const instances = new Map<string, Map<string, SeriesInstance>>();
  const remembered = new Set<string>();
  const taken = new Map<string, number>();
  return {
    async record(seriesId, place, instance) {
      if (!heads.has(seriesId)) heads.set(seriesId, { place, revision: 0, version: null, checkAt: 0 });
      const known = instances.get(seriesId) ?? new Map<string, SeriesInstance>();
      instances.set(seriesId, known);
      const before = known.get(instance.uid);
      if (before === undefined || before.order < instance.order) known.set(instance.uid, instance);
    },
    async read(seriesId) {
      const head = heads.get(seriesId);
      return head === undefined ? null : { head, instances: [...(instances.get(seriesId)?.values() ?? [])] };
    },
    async replaceHead(seriesId, before, after) {
      if (heads.get(seriesId)?.revision !== before.revision) return false;
      heads.set(seriesId, { place: before.place, revision: before.revision + 1, ...after });
      return true;
    },
    async seriesIn(folderId) {
      return [...heads].flatMap(([id, { place }]) =>
        ledgerIds.folder(place.bucket, place.folder) === folderId ? [id] : [],
      );
    },
    async remember(id) {
      remembered.add(id);
    },
    async forgetSeries(seriesId) {
      heads.delete(seriesId);
      instances.delete(seriesId);
    },
    async forget(ids) {
      for (const id of ids) remembered.delete(id);
    },
    async countRemembered(ids) {
      return [...new Set(ids)].filter((id) => remembered.has(id)).length;
    },
    async takeRun(day, countedAs, limit) {
      const id = ledgerIds.day(day, countedAs);
      const before = taken.get(id) ?? 0;
      if (before >= limit) return false;
      taken.set(id, before + 1);
      return true;
    },
  };
}
