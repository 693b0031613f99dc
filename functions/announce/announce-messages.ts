import { z } from "zod";
import { PipelineError, toPipelineError } from "#src/core/errors.js";
import type { Logger } from "#src/core/logger.js";
import type { Meter } from "#src/core/meter.js";
import { indexRecordsOf } from "#src/stages/index-records.js";
import type { ScanStores } from "#src/storage/scan-store.js";
import { ExecutionInput } from "#src/workflow/contract.js";
import { eventsOf, ScanEnded, type ScanEvent } from "#src/workflow/scan-events.js";

export interface AnnounceDeps {
  readonly stores: Pick<ScanStores, "results">;
  readonly logger: Logger;
  readonly meter: Meter;
  /** Tells an event to everybody; the machine is the one whose execution ended. */
  readonly publish: (event: ScanEvent, stateMachineArn: string) => Promise<void>;
}

/** What Step Functions tells EventBridge of an execution that ended; of the event only what is read here. */
const StatusChange = z.object({
  detail: z.object({
    executionArn: z.string(),
    name: z.string(),
    stateMachineArn: z.string(),
    status: ScanEnded.shape.status,
    stopDate: z.int(),
    input: z.string(),
    /** Of an execution that failed: the name in its Fail state, or that of what ended it. */
    error: z.string().nullish(),
  }),
});

/** The Fail state of an execution that set aside what it failed by; any other end has no record for a part of it. */
const SET_ASIDE = "Quarantined";

/**
 * Tells what became of executions. A message that fails is delivered again, with all its events: each has an id by
 * which it is known again.
 *
 * @returns ids of the messages that must be delivered again
 */
export async function announceMessages(
  messages: readonly { readonly messageId: string; readonly body: string }[],
  deps: AnnounceDeps,
): Promise<string[]> {
  const failed: string[] = [];
  for (const { messageId, body } of messages) {
    try {
      await announce(body, deps);
    } catch (thrown) {
      const { code, message } = toPipelineError(thrown);
      deps.logger.warn("message failed", { messageId, code, reason: message });
      failed.push(messageId);
    }
  }
  return failed;
}

async function announce(body: string, { stores, logger, meter, publish }: AnnounceDeps): Promise<void> {
  const { detail } = parsed(StatusChange, body);
  const { error, status } = detail;
  // Before anything that can fail: the store that took no record may give none either.
  if (status === "FAILED" && error && error !== SET_ASIDE) meter.record({ ScansUnrecorded: 1 });
  const { scanId, attempt } = parsed(ExecutionInput, detail.input);
  const records = await indexRecordsOf(scanId, stores.results);
  const { executionArn: arn, name, stopDate } = detail;
  const ended = { arn, name, status, endedAt: new Date(stopDate), scanId, attempt };
  for (const event of eventsOf(ended, records)) {
    await publish(event, detail.stateMachineArn);
    logger.info("event published", { scanId, attempt, event: event.event, eventId: event.eventId });
  }
}

/** @throws {PipelineError} `ContractViolation` naming the field, without its value */
function parsed<T extends z.ZodType>(schema: T, text: string): z.infer<T> {
  const result = schema.safeParse(jsonOf(text));
  if (result.success) return result.data;
  const field = result.error.issues[0]?.path.join(".") || "(root)";
  throw new PipelineError(
    "ContractViolation",
    `event of an execution, field ${field}, is not as Step Functions has it`,
  );
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
