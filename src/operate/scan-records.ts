import type { ScanId } from "#src/core/ids.js";
import { readDocumentIfValid } from "#src/stages/documents.js";
import { recordOfKey, resultKeys, workKeys } from "#src/storage/keys.js";
import type { ScanStore } from "#src/storage/scan-store.js";
import { HeldRecord, IndexRecord, QuarantineRecord, SourceDocument, TaskDocument } from "#src/workflow/contract.js";
import type { Deployment } from "./deployment.js";

/** What the stores say of one scan, of all attempts. */
export interface ScanRecords {
  readonly scanId: ScanId;
  /** Null where it was never taken in, and where the work store forgot it (`retention.workDays`). */
  readonly source: SourceDocument | null;
  readonly tasks: readonly TaskDocument[];
  readonly lines: readonly IndexRecord[];
  readonly setAside: readonly QuarantineRecord[];
  /** Null for one that does not wait for the runs of another day. */
  readonly held: HeldRecord | null;
  /** The last attempt that left something; 0 where none did. */
  readonly lastAttempt: number;
}

export async function readScan(
  scanId: ScanId,
  { work, results }: Pick<Deployment, "work" | "results">,
): Promise<ScanRecords> {
  const source = await readDocumentIfValid(work, workKeys.source(scanId), SourceDocument);
  const [tasks, lines, setAside, held] = await Promise.all([
    documents(work, workKeys.scan(scanId), TaskDocument),
    documents(results, resultKeys.indexOf(scanId), IndexRecord),
    documents(results, resultKeys.quarantineOf(scanId), QuarantineRecord),
    readDocumentIfValid(results, resultKeys.held(scanId), HeldRecord),
  ]);
  const lastAttempt = [...tasks, ...lines, ...setAside].reduce((last, { attempt }) => Math.max(last, attempt), 0);
  return { scanId, source, tasks, lines, setAside, held, lastAttempt };
}

/** Whether anything of the scan is known. */
export function isKnown({ source, held, lastAttempt }: ScanRecords): boolean {
  return source !== null || held !== null || lastAttempt > 0;
}

/** Records below a prefix; one that cannot be read is left out. */
async function documents<T extends typeof TaskDocument | typeof IndexRecord | typeof QuarantineRecord>(
  store: ScanStore,
  prefix: string,
  schema: T,
): Promise<ReturnType<T["parse"]>[]> {
  const found: ReturnType<T["parse"]>[] = [];
  for await (const { key } of store.list(prefix)) {
    if (recordOfKey(key) === null) continue;
    const document = await readDocumentIfValid(store, key, schema);
    if (document !== null) found.push(document as ReturnType<T["parse"]>);
  }
  return found;
}
