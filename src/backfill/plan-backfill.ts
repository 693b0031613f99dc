import { digestOf, scanIdOfObject } from "#src/core/ids.js";
import { SCHEMA_VERSION } from "#src/core/versions.js";
import { folderOf, roleOfName } from "#src/intake/upload-names.js";
import type { RunRequest, SourceDocument } from "#src/workflow/contract.js";

/** An object of a listing. `version` as in `SourceDocument`. */
export interface ListedObject {
  readonly key: string;
  readonly version: string;
  readonly size: number;
}

/** Which scans a listing holds. */
export interface BackfillPlan {
  /** A function of the scans: the same listing again is the same backfill. */
  readonly backfillId: string;
  readonly sources: readonly SourceDocument[];
}

const WHOLE = /\.(zip|tar|tgz|tar\.gz|nii|nii\.gz|nrrd|mha|png|tiff?|jpe?g)$/i;

/**
 * Scans of a listing: an archive, a volume or a picture by itself, and all other files of one folder (slices) together.
 *
 * @param request what is asked for of each; always on the bulk share
 */
export function planBackfill(
  bucket: string,
  objects: readonly ListedObject[],
  request: Omit<RunRequest, "share">,
): BackfillPlan {
  const uploads = objects.filter(({ key, size }) => size > 0 && roleOfName(key) === "upload");
  const folders = new Map<string, ListedObject[]>();
  for (const object of uploads.filter(({ key }) => !WHOLE.test(key))) {
    const folder = folderOf(object.key);
    folders.set(folder, [...(folders.get(folder) ?? []), object]);
  }
  const make = (scanId: string, of: readonly ListedObject[]): SourceDocument => ({
    schemaVersion: SCHEMA_VERSION,
    scanId,
    bucket,
    objects: of.map(({ key, version, size }) => ({ key, version, size })),
    request: { ...request, share: "bulk" },
  });
  const sources = [
    ...uploads
      .filter(({ key }) => WHOLE.test(key))
      .map((object) => make(scanIdOfObject(bucket, object.key, object.version), [object])),
    ...[...folders].map(([folder, files]) => {
      const sorted = files.toSorted((a, b) => (a.key < b.key ? -1 : 1));
      const state = digestOf(sorted.map(({ key, version }) => [key, version]));
      return make(scanIdOfObject(bucket, `${folder}/`, state), sorted);
    }),
  ].toSorted((a, b) => (a.scanId < b.scanId ? -1 : 1));
  const backfillId = `b-${digestOf([bucket, request, sources.map(({ scanId }) => scanId)]).slice(0, 40)}`;
  return { backfillId, sources };
}
