import type { z } from "zod";
import { PipelineError, toPipelineError } from "#src/core/errors.js";
import type { Logger } from "#src/core/logger.js";

/**
 * A Lambda handler around one function of `src/stages`: checks the payload, runs, and lets a failure out as an error
 * whose `name` is its code, which is what Step Functions matches `Retry` and `Catch` on.
 */
export function lambdaEntry<T extends z.ZodType, R>(
  schema: T,
  logger: Logger,
  run: (input: z.infer<T>) => Promise<R>,
): (event: unknown) => Promise<R> {
  return async (event) => {
    try {
      return await run(parsed(schema, event));
    } catch (thrown) {
      const error = toPipelineError(thrown);
      logger.warn("failed", { code: error.code, reason: error.message, kind: kindOf(error.cause) });
      // A new error: the cause chain of the first may hold what a library read from the file.
      throw new PipelineError(error.code, error.message, { details: error.details });
    }
  };
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
