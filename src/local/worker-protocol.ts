import { z } from "zod";
import { STAGES } from "#src/storage/keys.js";
import { JobParameters } from "#src/workflow/contract.js";
import { Places } from "./places.js";

/** Engine to worker: one job. */
export const WorkerJob = z.strictObject({
  id: z.int(),
  stage: z.enum(STAGES),
  parameters: JobParameters,
  places: Places,
});
export type WorkerJob = z.infer<typeof WorkerJob>;

/** Worker to engine: what the job logs, and at the end its exit code and the most memory the process has held. */
export const WorkerMessage = z.discriminatedUnion("kind", [
  z.strictObject({
    kind: z.literal("log"),
    level: z.enum(["info", "warn"]),
    message: z.string(),
    fields: z.record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.null()])),
  }),
  z.strictObject({ kind: z.literal("exit"), id: z.int(), exitCode: z.int(), peakBytes: z.int() }),
]);
export type WorkerMessage = z.infer<typeof WorkerMessage>;
