import type { ScanId } from "#src/core/ids.js";
import { readDocument, readDocumentIfValid } from "#src/stages/documents.js";
import { recordOfKey, resultKeys } from "#src/storage/keys.js";
import type { ScanStore } from "#src/storage/scan-store.js";
import { QuarantineRecord } from "#src/workflow/contract.js";
import { inOrder } from "./in-order.js";

const AT_ONCE = 48;

export interface SetAsideAsked {
  readonly codes?: readonly string[];
  /** Whether those count too of which a later attempt ended. @default false */
  readonly all?: boolean;
}

/** Why scans and images were set aside, by scan id; if not said otherwise, those alone that still are. */
export async function* setAsideRecords(
  results: ScanStore,
  asked: SetAsideAsked = {},
): AsyncGenerator<QuarantineRecord> {
  const read = async ({ key, scanId, attempt }: Found): Promise<QuarantineRecord | null> => {
    const record = await readDocumentIfValid(results, key, QuarantineRecord);
    if (record === null || (asked.codes !== undefined && !asked.codes.includes(record.code))) return null;
    return asked.all || (await lastEnded(results, scanId)) <= attempt ? record : null;
  };
  for await (const record of inOrder(found(results), AT_ONCE, read)) if (record !== null) yield record;
}

/** All records of one scan, the oldest first. */
export async function recordsOf(results: ScanStore, scanId: ScanId): Promise<QuarantineRecord[]> {
  const records: QuarantineRecord[] = [];
  for await (const { key } of results.list(resultKeys.quarantineOf(scanId))) {
    records.push(await readDocument(results, key, QuarantineRecord));
  }
  return records.sort((a, b) => a.attempt - b.attempt);
}

interface Found {
  readonly key: string;
  readonly scanId: ScanId;
  readonly attempt: number;
}

async function* found(results: ScanStore): AsyncGenerator<Found> {
  for await (const { key } of results.list(resultKeys.quarantineOf())) {
    const record = recordOfKey(key);
    if (record !== null) yield { key, ...record };
  }
}

/** The last attempt of which the table has a line. */
async function lastEnded(results: ScanStore, scanId: ScanId): Promise<number> {
  let last = 0;
  for await (const { key } of results.list(resultKeys.indexOf(scanId))) {
    last = Math.max(last, recordOfKey(key)?.attempt ?? 0);
  }
  return last;
}
