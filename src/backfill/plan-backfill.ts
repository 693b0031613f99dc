import { digestOf, type ScanId, scanIdOfObject } from "#src/core/ids.js";
import { SCHEMA_VERSION } from "#src/core/versions.js";
import { type Asked, type FolderRequest, refusalOf } from "#src/intake/scan-manifest.js";
import { folderOf, roleOfName } from "#src/intake/upload-names.js";
import { inOrder } from "#src/operate/in-order.js";
import type { SourceDocument } from "#src/workflow/contract.js";

/** An object of a listing. `version` as in `SourceDocument`. */
export interface ListedObject {
  readonly key: string;
  readonly version: string;
  readonly size: number;
}

/** What is asked for, and by whom. */
export interface BackfillAsked {
  /** Options of the command. They are in what `askedOf` says too; scans that intake ran are other ones than these. */
  readonly options: Asked;
  /** What a folder's `scan.json` says after them; the folder's name ends with a slash or is empty. */
  readonly askedOf: (folder: string) => Promise<FolderRequest>;
}

/** Which scans a listing holds. */
export interface BackfillPlan {
  /** A function of the scans: the same listing again is the same backfill. */
  readonly backfillId: string;
  readonly sources: readonly SourceDocument[];
}

const WHOLE = /\.(zip|tar|tgz|tar\.gz|nii|nii\.gz|nrrd|mha|png|tiff?|jpe?g)$/i;
/** `scan.json` files that are read at once. */
const AT_ONCE = 32;

/**
 * Scans of a listing: an archive, a volume or a picture by itself, and all other files of one folder (slices) together.
 * Each asks for what its folder asks for, on the bulk share.
 */
export async function planBackfill(
  bucket: string,
  objects: readonly ListedObject[],
  { options, askedOf }: BackfillAsked,
): Promise<BackfillPlan> {
  const folders = new Map<string, ListedObject[]>();
  for (const object of objects.filter(({ key }) => roleOfName(key) === "upload")) {
    const folder = folderOf(object.key);
    const files = folders.get(folder);
    if (files === undefined) folders.set(folder, [object]);
    else files.push(object);
  }
  const read = inOrder(folders, AT_ONCE, async ([folder, files]) => ({ folder, files, asked: await askedOf(folder) }));
  const sources: SourceDocument[] = [];
  for await (const { folder, files, asked } of read) {
    const filled = files.filter(({ size }) => size > 0);
    for (const object of filled.filter(({ key }) => WHOLE.test(key))) {
      const scanId = idOfWhole(bucket, object, options);
      sources.push(sourceOf({ scanId, bucket, objects: [object] }, asked, asked.fault ?? undefined));
    }
    const slices = filled.filter(({ key }) => !WHOLE.test(key)).sort((a, b) => (a.key < b.key ? -1 : 1));
    if (slices.length === 0) continue;
    const refused = refusalOf(asked, files.length);
    // As of a series that intake gathers: the same files with another request are another scan.
    const state = digestOf([slices.map(({ key, version }) => [key, version]), asked.request, refused ?? null]);
    const scanId = scanIdOfObject(bucket, `${folder}/`, state);
    sources.push(sourceOf({ scanId, bucket, objects: slices }, asked, refused));
  }
  sources.sort((a, b) => (a.scanId < b.scanId ? -1 : 1));
  const backfillId = `b-${digestOf([bucket, options, sources.map(({ scanId }) => scanId)]).slice(0, 40)}`;
  return { backfillId, sources };
}

/** The id that intake gives it in a bucket with versions. With options it is another scan: they may ask for another result than its `scan.json`. */
function idOfWhole(bucket: string, { key, version }: ListedObject, options: Asked): ScanId {
  const isPlain = Object.values(options).every((option) => option === undefined);
  return scanIdOfObject(bucket, key, isPlain ? version : digestOf([version, options]));
}

function sourceOf(
  { scanId, bucket, objects }: Pick<SourceDocument, "scanId" | "bucket"> & { objects: readonly ListedObject[] },
  { request }: FolderRequest,
  refused: SourceDocument["refused"],
): SourceDocument {
  return {
    schemaVersion: SCHEMA_VERSION,
    scanId,
    bucket,
    objects: objects.map(({ key, version, size }) => ({ key, version, size })),
    request: { ...request, share: "bulk" },
    ...(refused === undefined ? {} : { refused }),
  };
}
