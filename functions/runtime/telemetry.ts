import { Logger as StructuredLogger } from "@aws-lambda-powertools/logger";
import type { Context } from "aws-lambda";
import { executionName } from "#src/core/ids.js";
import type { LogFields, Logger } from "#src/core/logger.js";
import type { Meter } from "#src/core/meter.js";
import { emfMeter } from "./emf-meter.js";

/** Whose work a line is about. */
export type LogIds = Readonly<Record<string, string | number | undefined>>;

/** The voice of one function or job. */
export interface Telemetry {
  readonly stage: string;
  readonly logger: Logger;
  readonly meter: Meter;
  /** From here on lines are about these ids; in a Lambda with the request's id and trace. */
  begin(ids: LogIds, context?: Context): void;
}

/**
 * One JSON line a message on stdout, and metrics among them. Every line about a scan has the name of its execution as
 * `correlation_id`, whichever function or job wrote it. Fields hold ids, codes and numbers only: no event, no error
 * object and nothing of a file is ever handed over here.
 *
 * @param stage what runs, as `inspect`
 */
export function telemetry(stage: string): Telemetry {
  const lines = new StructuredLogger({ persistentKeys: { stage } });
  let request: string | undefined;
  const write =
    (level: "info" | "warn") =>
    (message: string, fields: LogFields = {}) =>
      lines[level](message, { ...fields, ...correlationOf(fields) });
  return {
    stage,
    logger: { info: write("info"), warn: write("warn") },
    meter: emfMeter(),
    begin: (ids, context) => {
      lines.resetKeys();
      // Once a request: the second time it is no cold start any more.
      if (context !== undefined && context.awsRequestId !== request) lines.addContext(context);
      request = context?.awsRequestId;
      lines.appendKeys({ ...ids, ...correlationOf(ids) });
    },
  };
}

/** The execution's name: the scan's id, and which attempt where it is not the first. */
function correlationOf({ scanId, attempt }: LogIds | LogFields): { correlation_id?: string } {
  if (typeof scanId !== "string") return {};
  return { correlation_id: executionName(scanId, typeof attempt === "number" ? attempt : 1) };
}
