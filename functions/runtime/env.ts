import { z } from "zod";
import { PipelineError } from "#src/core/errors.js";
import { PROVIDERS } from "#src/core/ids.js";
import { Routes } from "#src/model/routes.js";
import { JobSizes } from "#src/workflow/job-sizes.js";
import { UploadRules } from "#src/workflow/upload-rules.js";

/** A value as JSON text. */
const json = <T extends z.ZodType>(schema: T) =>
  z
    .string()
    .transform((text, context): unknown => {
      try {
        return JSON.parse(text);
      } catch {
        context.addIssue("expected JSON");
        return z.NEVER;
      }
    })
    .pipe(schema);

const arn = z.string().min(1);
const positive = z.coerce.number().int().min(1);

const Env = z.object({
  SCAN_BUCKET: z.string().min(3),
  WORK_BUCKET: z.string().min(3),
  RESULT_BUCKET: z.string().min(3),
  /** Secret and UID maps of de-identified results; absent in a deployment without de-identification. */
  DEID_BUCKET: z.string().min(3).optional(),
  /** Folder with the model packages (in a Lambda their manifests alone). */
  MODELS_DIR: z.string().min(1),
  /** Device of the Segment jobs. All functions know it, as it is part of a result's identity. */
  PROVIDER: z.enum(PROVIDERS),
  /** Device of refinement steps that are graphs, on a GPU only where the deployment says so; part of the identity too. */
  STEP_PROVIDER: z.enum(PROVIDERS).default("cpu"),
  /** Runs of a network at once on the CPU; by the cores where nothing is said. Never changes a result. */
  WORKERS: z.coerce.number().int().min(1).optional(),
  /** Packages that are used; all that are there where nothing is said. */
  MODELS: json(z.array(z.string())).optional(),
  /** Rules in place of those in `routes.json`, for Inspect and Quarantine. */
  ROUTES: json(Routes).optional(),
  /** What Inspect refuses as too large. */
  MAX_IMAGES: positive.optional(),
  MAX_VOXELS: positive.optional(),
  MAX_UPLOAD_BYTES: positive.optional(),
  /** The sizes that a job can have: a container is of one of them, and Inspect plans by them. */
  JOB_SIZES: json(JobSizes).optional(),
  /** Which of them a container has; absent in a Lambda. */
  JOB_SIZE: z.coerce.number().int().min(0).optional(),
});
export type Env = z.infer<typeof Env>;

const IntakeEnv = Env.extend({
  STATE_MACHINE_ARN: arn,
  LEDGER_TABLE: z.string().min(1),
  /** Days after which the ledger forgets what did not change. */
  LEDGER_DAYS: positive,
  /** How long a series of loose files must be quiet, and how long is waited for what is missing. */
  QUIET_SECONDS: positive,
  MAX_WAIT_SECONDS: positive,
  /** Checks to come: schedules of this group send to the intake queue under this role. */
  SCHEDULE_GROUP: z.string().min(1),
  SCHEDULE_ROLE_ARN: arn,
  QUEUE_ARN: arn,
  DEAD_LETTER_ARN: arn,
  /** Who may ask for what. */
  UPLOAD_RULES: json(UploadRules),
});
export type IntakeEnv = z.infer<typeof IntakeEnv>;

const BackfillEnv = Env.extend({
  /** The one workflow. */
  STATE_MACHINE_ARN: arn,
  /** What each backfill spent. */
  SPEND_TABLE: z.string().min(1),
});
export type BackfillEnv = z.infer<typeof BackfillEnv>;

const AnnounceEnv = Env.extend({
  /** Hears of each end of an execution. */
  ENDED_TOPIC_ARN: arn,
  /** Hears of every event. */
  EVENTS_TOPIC_ARN: arn,
  EVENT_BUS_ARN: arn,
});
export type AnnounceEnv = z.infer<typeof AnnounceEnv>;

/** What the deployment says to every function. @throws {PipelineError} `ContractViolation` naming the variable */
export const readEnv = (): Env => parse(Env);

/** What it says to the backfill's function. */
export const readBackfillEnv = (): BackfillEnv => parse(BackfillEnv);

/** What it says to the announcer. */
export const readAnnounceEnv = (): AnnounceEnv => parse(AnnounceEnv);

/** Which queue is watched. */
export const readQueueWatchEnv = (): { readonly JOB_QUEUE: string } => parse(z.object({ JOB_QUEUE: arn }));

/** What it says to intake. */
export const readIntakeEnv = (): IntakeEnv => parse(IntakeEnv);

function parse<T extends z.ZodType>(schema: T): z.infer<T> {
  const parsed = schema.safeParse(process.env);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new PipelineError("ContractViolation", `environment variable ${issue?.path.join(".")}: ${issue?.message}`);
}
