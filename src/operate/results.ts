import { readDocumentIfValid } from "#src/stages/documents.js";
import { recordOfKey, resultKeys } from "#src/storage/keys.js";
import type { ScanStore } from "#src/storage/scan-store.js";
import { IndexRecord } from "#src/workflow/contract.js";
import { inOrder } from "./in-order.js";

/** Lines that are read at once: S3 answers each in tens of milliseconds. */
const AT_ONCE = 48;

export interface ResultsAsked {
  /** Start of the upload's name, or of the key of its first object. */
  readonly source?: string;
  readonly status?: IndexRecord["status"];
  /** Whether earlier attempts of a scan count too. @default false */
  readonly allAttempts?: boolean;
}

/** The lines of the table of runs that are asked for, by scan id. A line that cannot be read is left out. */
export async function* resultLines(results: ScanStore, asked: ResultsAsked = {}): AsyncGenerator<IndexRecord> {
  const keys = asked.allAttempts ? everyKey(results) : lastAttempts(results);
  for await (const line of inOrder(keys, AT_ONCE, (key) => readDocumentIfValid(results, key, IndexRecord))) {
    if (line === null) continue;
    if (asked.source !== undefined && !line.source.startsWith(asked.source)) continue;
    if (asked.status === undefined || line.status === asked.status) yield line;
  }
}

async function* everyKey(results: ScanStore): AsyncGenerator<string> {
  for await (const { key } of results.list(resultKeys.indexOf())) yield key;
}

/** Keys of the last attempt of each scan: a listing has those of one scan together. */
async function* lastAttempts(results: ScanStore): AsyncGenerator<string> {
  let scan: { id: string; attempt: number; keys: string[] } | null = null;
  for await (const { key } of results.list(resultKeys.indexOf())) {
    const record = recordOfKey(key);
    if (record === null) continue;
    if (scan !== null && record.scanId !== scan.id) {
      yield* scan.keys;
      scan = null;
    }
    if (scan === null || record.attempt > scan.attempt) {
      scan = { id: record.scanId, attempt: record.attempt, keys: [] };
    }
    if (record.attempt === scan.attempt) scan.keys.push(key);
  }
  if (scan !== null) yield* scan.keys;
}
