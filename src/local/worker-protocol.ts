import { z } from "zod";
import { STAGES } from "#src/storage/keys.js";
import { JobParameters } from "#src/workflow/contract.js";
import { Places } from "./places.js";

/** Engine to worker: one job; or a task that it will be given later, for it to open the network. */
export const WorkerOrder = z.discriminatedUnion("kind", [
  z.strictObject({
    kind: z.literal("job"),
    id: z.int(),
    stage: z.enum(STAGES),
    parameters: JobParameters,
    places: Places,
  }),
  z.strictObject({ kind: z.literal("warm"), parameters: JobParameters, places: Places }),
]);
export type WorkerOrder = z.infer<typeof WorkerOrder>;
export type WorkerJob = Extract<WorkerOrder, { readonly kind: "job" }>;
/** What a task's jobs are given. */
export type WorkerTask = Pick<WorkerJob, "parameters" | "places">;

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
