import { z } from "zod";
import { folderModels, type ModelLibrary } from "#src/model/model-library.js";
import { folderStore } from "#src/storage/folder-store.js";
import type { ScanStores } from "#src/storage/scan-store.js";

/** The folders that stand for the buckets, and the models. Absolute paths. */
export const Places = z.strictObject({ source: z.string(), work: z.string(), results: z.string(), models: z.string() });
export type Places = z.infer<typeof Places>;

export function openPlaces(places: Places): { stores: ScanStores; models: ModelLibrary } {
  return {
    stores: {
      source: folderStore(places.source),
      work: folderStore(places.work),
      results: folderStore(places.results),
    },
    models: folderModels(places.models),
  };
}
