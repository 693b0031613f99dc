import type { LogFields, Logger } from "#src/core/logger.js";

/** One JSON line a message on stdout, as CloudWatch Logs Insights reads it. Ids, codes and numbers only. */
export function jsonLogger(stage: string): Logger {
  const write =
    (level: string) =>
    (message: string, fields: LogFields = {}) => {
      process.stdout.write(`${JSON.stringify({ level, stage, message, ...fields })}\n`);
    };
  return { info: write("info"), warn: write("warn") };
}
