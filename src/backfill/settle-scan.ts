import { PipelineError } from "#src/core/errors.js";
import { SCHEMA_VERSION } from "#src/core/versions.js";
import { readDocument, readDocumentIfValid } from "#src/stages/documents.js";
import { RunDocument } from "#src/stages/run-document.js";
import { RESULT_FILES, resultKeys } from "#src/storage/keys.js";
import type { ScanStore } from "#src/storage/scan-store.js";
import { IndexRecord } from "#src/workflow/contract.js";
import { executionName } from "#src/workflow/execution-name.js";
import { type BackfillAction, backfillKeys } from "./backfill-contract.js";

/** What was spent by one backfill, summed up by whoever adds to it at the same time. */
export interface Purse {
  /** US dollars, and receipts without a known price. */
  spent(backfillId: string): Promise<{ readonly usd: number; readonly unpriced: number }>;
  add(backfillId: string, usd: number, unpriced: number): Promise<void>;
}

export interface SettleDeps {
  readonly results: ScanStore;
  readonly purse: Purse;
}

/** `done`: it was published before. `budget`: the budget is used up, or what was spent cannot be known. */
export type Begun =
  | { readonly decision: "run"; readonly executionName: string; readonly attempt: number }
  | { readonly decision: "done" | "budget"; readonly executionName: ""; readonly attempt: 0 };

/** How a scan ended; the cost is null where its receipt has no known price. */
export interface Settled {
  readonly scanId: string;
  readonly outcome: "published" | "set-aside";
  readonly costUsd: number | null;
}

/** What the backfill's function does. */
export function takeAction(action: BackfillAction, deps: SettleDeps): Promise<Begun | Settled> {
  return action.action === "begin" ? beginScan(action, deps) : settleScan(action, deps);
}

/**
 * What becomes of an item: nothing, where its scan was published or the budget is used up; else the next attempt. The
 * scans that are under way when the budget is reached are finished, so that it is passed by at most what those cost.
 */
export async function beginScan(
  action: Extract<BackfillAction, { action: "begin" }>,
  { results, purse }: SettleDeps,
): Promise<Begun> {
  const { scanId, backfillId, budgetUsd } = action;
  const records = await recordsOf(scanId, results);
  const last = lastAttempt(records);
  if (isPublished(records, last)) return { decision: "done", executionName: "", attempt: 0 };
  if (budgetUsd !== null) {
    const { usd, unpriced } = await purse.spent(backfillId);
    if (usd >= budgetUsd || unpriced > 0) return { decision: "budget", executionName: "", attempt: 0 };
  }
  const attempt = last + 1;
  return { decision: "run", executionName: executionName(scanId, attempt), attempt };
}

/** How a scan ended, and its receipts into the purse: once, however often it is asked. */
export async function settleScan(
  { scanId, backfillId }: Extract<BackfillAction, { action: "settle" }>,
  { results, purse }: SettleDeps,
): Promise<Settled> {
  const records = await recordsOf(scanId, results);
  const last = lastAttempt(records);
  let [usd, unpriced] = [0, 0];
  for (const { resultKey } of records.filter(({ attempt }) => attempt === last)) {
    if (resultKey === null) continue;
    const runKey = resultKey.replace(RESULT_FILES.result, RESULT_FILES.run);
    const { receipt, ...run } = await readDocument(results, runKey, RunDocument);
    // A result that another upload of the same image, or an earlier attempt, made was paid there.
    if (run.scanId !== scanId || run.attempt !== last) continue;
    if (receipt?.cost) usd += receipt.cost.high;
    else unpriced++;
  }
  const mark = new TextEncoder().encode(`${JSON.stringify({ schemaVersion: SCHEMA_VERSION, usd, unpriced })}\n`);
  const key = backfillKeys.settled(backfillId, scanId, last);
  if ((await results.put(key, mark, { ifAbsent: true, contentType: "application/json" })) === "written") {
    await purse.add(backfillId, usd, unpriced);
  }
  const outcome = isPublished(records, last) ? "published" : "set-aside";
  return { scanId, outcome, costUsd: unpriced > 0 ? null : usd };
}

async function recordsOf(scanId: string, results: ScanStore): Promise<IndexRecord[]> {
  const records: IndexRecord[] = [];
  for await (const { key } of results.list(resultKeys.indexOf(scanId))) {
    const record = await readDocumentIfValid(results, key, IndexRecord);
    if (record === null) throw new PipelineError("StoreCorrupt", "a line of the table of runs cannot be read");
    records.push(record);
  }
  return records;
}

function lastAttempt(records: readonly IndexRecord[]): number {
  return records.reduce((last, { attempt }) => Math.max(last, attempt), 0);
}

/** Every task of the last attempt. */
function isPublished(records: readonly IndexRecord[], last: number): boolean {
  const latest = records.filter(({ attempt }) => attempt === last);
  return latest.length > 0 && latest.every(({ status }) => status === "published");
}
