import { PipelineError } from "#src/core/errors.js";
import type { ScanId } from "#src/core/ids.js";
import { readDocumentIfValid } from "#src/stages/documents.js";
import { resultKeys } from "#src/storage/keys.js";
import type { ScanStore } from "#src/storage/scan-store.js";
import { HeldRecord } from "#src/workflow/contract.js";
import { inOrder } from "./in-order.js";

const AT_ONCE = 48;

/** Scans that wait for the runs of another day, by scan id. A record that cannot be read is left out. */
export async function* heldScans(results: ScanStore): AsyncGenerator<HeldRecord> {
  const read = (key: string) => readDocumentIfValid(results, key, HeldRecord);
  for await (const record of inOrder(keysOf(results), AT_ONCE, read)) if (record !== null) yield record;
}

/** How many they are, by their names alone. */
export async function countHeld(results: ScanStore): Promise<number> {
  let count = 0;
  for await (const _ of keysOf(results)) count++;
  return count;
}

/** @throws {PipelineError} `StoreMissing` for one that is not held */
export async function heldScan(scanId: ScanId, results: ScanStore): Promise<HeldRecord> {
  const record = await readDocumentIfValid(results, resultKeys.held(scanId), HeldRecord);
  if (record !== null) return record;
  throw new PipelineError("StoreMissing", `scan ${scanId} is not held, expected one of which there is a record`);
}

async function* keysOf(results: ScanStore): AsyncGenerator<string> {
  for await (const { key } of results.list(resultKeys.heldOf)) yield key;
}
