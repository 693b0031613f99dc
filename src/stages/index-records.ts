import { PipelineError } from "#src/core/errors.js";
import type { ScanId } from "#src/core/ids.js";
import { resultKeys } from "#src/storage/keys.js";
import type { ScanStore } from "#src/storage/scan-store.js";
import { IndexRecord } from "#src/workflow/contract.js";
import { readDocumentIfValid } from "./documents.js";

/**
 * The lines of one scan in the table of runs, of every attempt.
 *
 * @throws {PipelineError} `StoreCorrupt` where one cannot be read
 */
export async function indexRecordsOf(scanId: ScanId, results: ScanStore): Promise<IndexRecord[]> {
  const records: IndexRecord[] = [];
  for await (const { key } of results.list(resultKeys.indexOf(scanId))) {
    const record = await readDocumentIfValid(results, key, IndexRecord);
    if (record === null) throw new PipelineError("StoreCorrupt", "a line of the table of runs cannot be read");
    records.push(record);
  }
  return records;
}
