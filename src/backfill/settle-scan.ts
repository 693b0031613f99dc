import { executionName, type ScanId } from "#src/core/ids.js";
import { SCHEMA_VERSION } from "#src/core/versions.js";
import { type ExecutionState, type Executions, isUnderWay } from "#src/operate/deployment.js";
import { lastExecution } from "#src/operate/last-execution.js";
import { readDocument } from "#src/stages/documents.js";
import { indexRecordsOf } from "#src/stages/index-records.js";
import { RunDocument } from "#src/stages/run-document.js";
import { RESULT_FILES } from "#src/storage/keys.js";
import type { ScanStore } from "#src/storage/scan-store.js";
import type { IndexRecord } from "#src/workflow/contract.js";
import { type BackfillAction, backfillKeys } from "./backfill-contract.js";

/** What was spent by one backfill, summed up by whoever adds to it at the same time. */
export interface Purse {
  /** US dollars, and receipts without a known price. */
  spent(backfillId: string): Promise<{ readonly usd: number; readonly unpriced: number }>;
  add(backfillId: string, usd: number, unpriced: number): Promise<void>;
}

export interface SettleDeps {
  readonly results: ScanStore;
  readonly executions: Pick<Executions, "describe">;
  readonly purse: Purse;
}

/** `done`: it was published before. `budget`: the budget is used up, or what was spent cannot be known. */
export type Begun =
  | { readonly decision: "run"; readonly executionName: string; readonly attempt: number }
  | { readonly decision: "done" | "budget"; readonly executionName: ""; readonly attempt: 0 };

/**
 * How an attempt ended; the cost is null where its receipt has no known price. `running`: it has not, and has to be asked
 * for again.
 */
export interface Settled {
  readonly scanId: string;
  readonly outcome: "published" | "set-aside" | "running";
  readonly costUsd: number | null;
}

/** What the backfill's function does. */
export function takeAction(action: BackfillAction, deps: SettleDeps): Promise<Begun | Settled> {
  return action.action === "begin" ? beginScan(action, deps) : settleScan(action, deps);
}

/**
 * What becomes of an item: nothing, where its scan was published or the budget is used up; the attempt that is under way,
 * to be waited for; else the next attempt after all that there were. The scans that are under way when the budget is
 * reached are finished, so that it is passed by at most what those cost.
 */
export async function beginScan(
  action: Extract<BackfillAction, { action: "begin" }>,
  { results, executions, purse }: SettleDeps,
): Promise<Begun> {
  const { scanId, backfillId, budgetUsd } = action;
  const recorded = lastOf(await indexRecordsOf(scanId, results));
  const known = await lastExecution(scanId, recorded, executions);
  const last = Math.max(recorded, known?.attempt ?? 0);
  const execution = known?.state ?? null;
  if (isUnderWay(execution)) return run(scanId, last);
  // Read again: it may have ended since.
  if (isPublished(linesOf(await indexRecordsOf(scanId, results), last), execution))
    return { decision: "done", executionName: "", attempt: 0 };
  if (budgetUsd !== null) {
    const { usd, unpriced } = await purse.spent(backfillId);
    if (usd >= budgetUsd || unpriced > 0) return { decision: "budget", executionName: "", attempt: 0 };
  }
  return run(scanId, last + 1);
}

/** How an attempt ended, and its receipts into the purse: once, however often it is asked. */
export async function settleScan(
  action: Extract<BackfillAction, { action: "settle" }>,
  { results, executions, purse }: SettleDeps,
): Promise<Settled> {
  const { scanId, backfillId } = action;
  const attempt = action.attempt ?? Math.max(1, lastOf(await indexRecordsOf(scanId, results)));
  const execution = await executions.describe(scanId, attempt);
  if (isUnderWay(execution)) return { scanId, outcome: "running", costUsd: null };
  // Only now are all of its lines there.
  const lines = linesOf(await indexRecordsOf(scanId, results), attempt);
  // It was refused before there was an execution: the next one has the same number, and its receipts count.
  if (execution === null && lines.length === 0) return { scanId, outcome: "set-aside", costUsd: 0 };
  let [usd, unpriced] = [0, 0];
  for (const { resultKey } of lines) {
    if (resultKey === null) continue;
    const runKey = resultKey.replace(RESULT_FILES.result, RESULT_FILES.run);
    const { receipt, ...run } = await readDocument(results, runKey, RunDocument);
    // A result that another upload of the same image, or an earlier attempt, made was paid there. A de-identified one
    // does not say of which scan it is: rather paid twice than not at all.
    const isOfOther = run.scanId !== undefined && run.scanId !== scanId;
    if (isOfOther || run.attempt !== attempt) continue;
    if (receipt?.cost) usd += receipt.cost.high;
    else unpriced++;
  }
  const mark = new TextEncoder().encode(`${JSON.stringify({ schemaVersion: SCHEMA_VERSION, usd, unpriced })}\n`);
  const key = backfillKeys.settled(backfillId, scanId, attempt);
  if ((await results.put(key, mark, { ifAbsent: true, contentType: "application/json" })) === "written") {
    await purse.add(backfillId, usd, unpriced);
  }
  const outcome = isPublished(lines, execution) ? "published" : "set-aside";
  return { scanId, outcome, costUsd: unpriced > 0 ? null : usd };
}

function run(scanId: ScanId, attempt: number): Begun {
  return { decision: "run", executionName: executionName(scanId, attempt), attempt };
}

/** The last attempt with a line; 0 without any. */
function lastOf(records: readonly IndexRecord[]): number {
  return records.reduce((last, { attempt }) => Math.max(last, attempt), 0);
}

function linesOf(records: readonly IndexRecord[], attempt: number): IndexRecord[] {
  return records.filter((record) => record.attempt === attempt);
}

/** Every task of an attempt: one that was stopped may have left lines of some alone, and only its execution tells. */
function isPublished(lines: readonly IndexRecord[], execution: ExecutionState | null): boolean {
  const isWhole = execution === null || execution.status === "SUCCEEDED";
  return isWhole && lines.length > 0 && lines.every(({ status }) => status === "published");
}
