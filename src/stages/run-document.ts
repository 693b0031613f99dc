import { z } from "zod";
import { SCHEMA_VERSION } from "#src/core/versions.js";
import { STAGES } from "#src/storage/keys.js";

/** `run.json`: how one result came to be on one machine. Outside every comparison. */
export const RunDocument = z.strictObject({
  schemaVersion: z.literal(SCHEMA_VERSION),
  scanId: z.string(),
  attempt: z.int(),
  stages: z.array(
    z.strictObject({
      stage: z.enum(STAGES),
      seconds: z.number(),
      facts: z.record(z.string(), z.union([z.number(), z.string()])),
    }),
  ),
  host: z.strictObject({ platform: z.string(), node: z.string(), cpus: z.int() }),
});
export type RunDocument = z.infer<typeof RunDocument>;
