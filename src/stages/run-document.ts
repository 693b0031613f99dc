import { z } from "zod";
import { SCHEMA_VERSION } from "#src/core/versions.js";
import { STAGES } from "#src/storage/keys.js";
import { StageUse } from "#src/workflow/contract.js";
import { Receipt } from "./receipt.js";

/** `run.json`: how one result came to be on one machine. Outside every comparison. */
export const RunDocument = z.strictObject({
  schemaVersion: z.literal(SCHEMA_VERSION),
  /** Absent of a de-identified result. */
  scanId: z.string().optional(),
  attempt: z.int(),
  stages: z.array(
    z.strictObject({
      stage: z.enum(STAGES),
      seconds: z.number(),
      facts: z.record(z.string(), z.union([z.number(), z.string()])),
      used: StageUse.optional(),
    }),
  ),
  /** Absent in documents of before there were receipts. */
  receipt: Receipt.optional(),
  /** Bytes of what was uploaded, in all its files. */
  sourceBytes: z.int().min(0).optional(),
  host: z.strictObject({ platform: z.string(), node: z.string(), cpus: z.int() }),
});
export type RunDocument = z.infer<typeof RunDocument>;
