import type { ScanId } from "#src/core/ids.js";
import type { ExecutionState, Executions } from "./deployment.js";

/**
 * The last execution of a scan with its attempt; null where there was none, or all are forgotten.
 *
 * @param lastAttempt the last one that left something, 0 where none did: a later one may be under way, or have ended
 *   without a record
 */
export async function lastExecution(
  scanId: ScanId,
  lastAttempt: number,
  executions: Pick<Executions, "describe">,
): Promise<{ readonly attempt: number; readonly state: ExecutionState } | null> {
  let last: { attempt: number; state: ExecutionState } | null = null;
  for (let attempt = Math.max(1, lastAttempt); ; attempt++) {
    const state = await executions.describe(scanId, attempt);
    if (state !== null) last = { attempt, state };
    // That of the last attempt with a record may be forgotten, and the next one under way.
    else if (attempt > lastAttempt) return last;
  }
}
