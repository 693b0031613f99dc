import type { ScanId } from "#src/core/ids.js";
import type { ErasableLedger } from "#src/intake/series-ledger.js";
import type { ErasableStore } from "#src/storage/scan-store.js";

/** How an execution stands. */
export interface ExecutionState {
  readonly name: string;
  /** As Step Functions calls it: `RUNNING`, `SUCCEEDED`, `FAILED`, `TIMED_OUT`, `ABORTED`. */
  readonly status: string;
  /** ISO 8601. */
  readonly startedAt: string;
  /** Null while it runs. */
  readonly endedAt: string | null;
}

/** The executions of a scan. */
export interface Executions {
  /** Null where there was none, or where it is forgotten: Step Functions keeps a history for 90 days. */
  describe(scanId: ScanId, attempt: number): Promise<ExecutionState | null>;
  /** Starts an attempt; nothing happens where it was started before. */
  start(scanId: ScanId, attempt: number): Promise<void>;
}

/** What an operator works with: the stores of one machine, or the buckets and services of one stack. */
export interface Deployment {
  readonly work: ErasableStore;
  readonly results: ErasableStore;
  /** What undoes de-identifications; null where it was not named. */
  readonly deid: ErasableStore | null;
  /** Null on one machine, where an attempt is known by what it left. */
  readonly executions: Executions | null;
  /** Null on one machine, and where it was not named. */
  readonly ledger: ErasableLedger | null;
  /** Where uploads land; null where it was not named. */
  readonly bucket: string | null;
}

export function isUnderWay(execution: ExecutionState | null): boolean {
  return execution?.status === "RUNNING" || execution?.status === "PENDING_REDRIVE";
}
