import type { ScanStore } from "#src/storage/scan-store.js";
import { type UploadRules, uploadRuleOf } from "#src/workflow/upload-rules.js";
import type { Folder } from "./advance-series.js";
import { MARKER_NAME, readManifest } from "./scan-manifest.js";
import { ledgerIds, type SeriesLedger } from "./series-ledger.js";
import { folderOf, MAX_FOLDER_FILES, MAX_LISTED_KEYS, roleOfName } from "./upload-names.js";

/** What a folder is read with. */
export interface FolderDeps {
  readonly source: ScanStore;
  readonly ledger: SeriesLedger;
  /** Who may ask for what. */
  readonly uploads: UploadRules;
}

/**
 * What a folder of a bucket says now, whatever events there were: its `scan.json`, its closing marker and, if it has
 * one of them, how many files lie in it (not in folders below it) and how many of those the ledger has seen.
 */
export async function readFolder(
  { source, ledger, uploads }: FolderDeps,
  bucket: string,
  folder: string,
): Promise<Folder> {
  const rule = uploadRuleOf(folder, uploads);
  const [asked, marker] = await Promise.all([
    readManifest(source, folder, rule),
    source.head(`${folder}${MARKER_NAME}`),
  ]);
  const isClosed = marker !== null;
  const { promised } = asked;
  if (promised === null && !isClosed) return { asked, rule, facts: { promised, isClosed, files: 0, known: 0 } };
  const ids: string[] = [];
  let listed = 0;
  for await (const { key } of source.list(folder)) {
    if (folderOf(key) === folder && roleOfName(key) === "upload") ids.push(ledgerIds.object(bucket, key));
    if (ids.length > MAX_FOLDER_FILES || ++listed === MAX_LISTED_KEYS) {
      return { asked, rule, facts: { promised: null, isClosed: false, files: 0, known: 0 } };
    }
  }
  return { asked, rule, facts: { promised, isClosed, files: ids.length, known: await ledger.countRemembered(ids) } };
}
