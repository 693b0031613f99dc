import { z } from "zod";

const backfillId = z.string().regex(/^b-[0-9a-f]{40}$/);
const scanId = z.string().regex(/^s-[0-9a-f]{40}$/);

/** Input of the backfill's state machine: ids and keys that we made, never names of uploads. */
export const BackfillInput = z.strictObject({
  backfillId,
  /** CSV of one column, `scanId`, in the work store. */
  itemsKey: z.string(),
  resultsPrefix: z.string(),
  maxConcurrency: z.int().min(1).max(10_000),
  toleratedFailurePercentage: z.number().min(0).max(100),
  /** No scan is started once receipts sum up to it; null: no limit. */
  budgetUsd: z.number().positive().nullable(),
});
export type BackfillInput = z.infer<typeof BackfillInput>;

/** Payload of the backfill's function. */
export const BackfillAction = z.discriminatedUnion("action", [
  z.strictObject({
    action: z.literal("begin"),
    backfillId,
    scanId,
    budgetUsd: z.number().positive().nullable(),
  }),
  z.strictObject({
    action: z.literal("settle"),
    backfillId,
    scanId,
    /** The one that was begun. Absent in backfills of before: an execution may outlive a deployment. */
    attempt: z.int().min(1).optional(),
  }),
]);
export type BackfillAction = z.infer<typeof BackfillAction>;

/** Names of a backfill's objects. */
export const backfillKeys = {
  /** Which scans, in the work store. */
  items: (id: string) => `backfill/${id}/items.csv`,
  /** Where Step Functions writes which scans succeeded and failed, in the results store. */
  results: (id: string) => `backfill/${id}/results`,
  /** That a scan's receipt was counted, in the results store. */
  settled: (id: string, scan: string, attempt: number) => `backfill/${id}/settled/${scan}-a${attempt}.json`,
} as const;
