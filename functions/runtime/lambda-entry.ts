import type { Context } from "aws-lambda";
import { z } from "zod";
import { PipelineError, toPipelineError } from "#src/core/errors.js";
import { taskOfKey } from "#src/storage/keys.js";
import type { LogIds, Telemetry } from "./telemetry.js";

/** What payloads name of ids; none has to. */
const PayloadIds = z.object({
  scanId: z.string().optional(),
  attempt: z.number().optional(),
  taskKey: z.string().optional(),
  backfillId: z.string().optional(),
});

/**
 * A Lambda handler around one function of `src/stages`: checks the payload, runs, and lets a failure out as an error
 * whose `name` is its code, which is what Step Functions matches `Retry` and `Catch` on.
 */
export function lambdaEntry<T extends z.ZodType, R>(
  schema: T,
  { begin, logger, meter, stage }: Telemetry,
  run: (input: z.infer<T>) => Promise<R>,
): (event: unknown, context?: Context) => Promise<R> {
  return async (event, context) => {
    begin({}, context);
    try {
      const input = parsed(schema, event);
      begin(idsOf(input), context);
      return await run(input);
    } catch (thrown) {
      const error = toPipelineError(thrown);
      meter.record({ StageFailures: 1 }, { stage });
      logger.warn("failed", { code: error.code, reason: error.message, kind: kindOf(error.cause) });
      // A new error: the cause chain of the first may hold what a library read from the file.
      throw new PipelineError(error.code, error.message, { details: error.details });
    }
  };
}

/** Whose work a payload is. */
function idsOf(input: unknown): LogIds {
  const { taskKey, ...ids } = PayloadIds.parse(input);
  return { ...ids, ...(taskKey === undefined ? {} : taskOfKey(taskKey)) };
}

function parsed<T extends z.ZodType>(schema: T, event: unknown): z.infer<T> {
  const result = schema.safeParse(event);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  throw new PipelineError(
    "ContractViolation",
    `payload, field ${issue?.path.join(".") || "(root)"}: ${issue?.message}`,
  );
}

function kindOf(cause: unknown): string | null {
  return cause instanceof Error ? cause.constructor.name : null;
}
