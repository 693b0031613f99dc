import { join } from "node:path";
import { z } from "zod";
import { folderModels, type ModelLibrary } from "#src/model/model-library.js";
import { mayBeDeidentified } from "#src/stages/deidentification.js";
import { folderStore } from "#src/storage/folder-store.js";
import type { ErasableStore, ScanStores } from "#src/storage/scan-store.js";
import type { RunRequest } from "#src/workflow/contract.js";
import { isInside } from "./is-inside.js";

/** The folders that stand for the buckets, and the models. Absolute paths. */
export const Places = z.strictObject({
  source: z.string(),
  /** Whether links in the source are read wherever they lead. */
  followsLinks: z.literal(true).optional(),
  work: z.string(),
  results: z.string(),
  models: z.string(),
  /** Secret and UID maps of de-identified results, this user's alone; without it there are none. */
  deid: z.string().optional(),
});
export type Places = z.infer<typeof Places>;

interface LocalStores extends ScanStores {
  readonly work: ErasableStore;
  readonly results: ErasableStore;
}

export function openPlaces(places: Places): { stores: LocalStores; models: ModelLibrary } {
  const { deid } = places;
  const isPrivate = deid !== undefined && isInside(places.work, deid);
  return {
    stores: {
      source: folderStore(places.source, { followsLinks: places.followsLinks === true }),
      // What a loss of power leaves of an intermediate file is not what its stage's record says, and is made again.
      work: folderStore(places.work, { isPrivate, isSynced: false }),
      results: folderStore(places.results),
      ...(deid !== undefined && { deid: folderStore(deid, { isPrivate: true }) }),
    },
    models: folderModels(places.models),
  };
}

/**
 * The places of one scan. Intermediate files repeat the headers of their source: where outputs may be de-identified they
 * do not lie inside the results, which are handed on, but in the folder of de-identification.
 */
export async function placesFor(request: RunRequest, places: Places): Promise<Places> {
  const { deid, work, results, models } = places;
  if (deid === undefined || !isInside(work, results)) return places;
  const mayBe = await mayBeDeidentified(request, folderModels(models));
  return mayBe ? { ...places, work: deidentifiedWork(deid) } : places;
}

/** What a run writes: no part of an upload, wherever it lies. */
export function writtenTo({ results, work, deid }: Omit<Places, "source" | "models">): readonly string[] {
  return [results, work, ...(deid === undefined ? [] : [deid])];
}

/** Below the folder of de-identification. */
export function deidentifiedWork(deid: string): string {
  return join(deid, "work");
}
