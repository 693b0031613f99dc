import { z } from "zod";
import { ERROR_CODES, isErrorCode } from "#src/core/errors.js";
import { digestOf, type ScanId } from "#src/core/ids.js";
import { resultKeys } from "#src/storage/keys.js";
import type { IndexRecord } from "./contract.js";

// What a deployment tells other systems, documented in docs/events.md. Ids, codes and keys of our own making alone.
// Fields are added without a new version; one that goes or changes its meaning makes one.

/** Apart from the version of documents: consumers are other people's programs. */
const EVENT_VERSION = 1;

const scanId = z.string().regex(/^s-[0-9a-f]{40}$/);

const common = {
  schemaVersion: z.literal(EVENT_VERSION),
  /** The same however often an event is delivered: what has been seen can be left out. */
  eventId: z.string().regex(/^e-[0-9a-f]{40}$/),
  /** When the execution ended. */
  time: z.iso.datetime(),
  /** The scan id, with `-a<N>` behind it from the second attempt on. */
  execution: z.string().min(1),
};

/** An attempt of a scan ended, however it did. */
export const ScanEnded = z.strictObject({
  event: z.literal("ended"),
  ...common,
  scanId,
  attempt: z.int().min(1),
  /** Of the execution: `FAILED` when something was set aside. */
  status: z.enum(["SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED"]),
  /** `subject` is the image's task, as `t0`. */
  published: z.array(z.strictObject({ subject: z.string(), resultKey: z.string() })),
  /** How many images were set aside, or 1 for the scan as a whole. */
  quarantined: z.int().min(0),
});

/** Something of an attempt was set aside. */
export const ScanQuarantined = z.strictObject({
  event: z.literal("quarantined"),
  ...common,
  scanId,
  attempt: z.int().min(1),
  /** `subject` is the image's task, or `scan`; `recordKey` names the quarantine record in the result bucket. */
  items: z
    .array(z.strictObject({ subject: z.string(), code: z.string(), retryable: z.boolean(), recordKey: z.string() }))
    .min(1),
});

/** A later version of the same series of loose files was published. */
export const ScanSuperseded = z.strictObject({
  event: z.literal("superseded"),
  ...common,
  /** The version that is out of date. */
  scanId,
  /** The one that takes its place, whose execution ended. */
  supersededBy: scanId,
});

export const ScanEvent = z.discriminatedUnion("event", [ScanEnded, ScanQuarantined, ScanSuperseded]);
export type ScanEvent = z.infer<typeof ScanEvent>;

/** Under which EventBridge has our events: its source, and the type of detail of each. */
export const EVENT_SOURCE = "scanlane";
export const DETAIL_TYPES = {
  ended: "Scan Ended",
  quarantined: "Scan Quarantined",
  superseded: "Scan Superseded",
} as const satisfies Record<ScanEvent["event"], string>;

/** An execution that ended. */
export interface EndedExecution {
  readonly arn: string;
  readonly name: string;
  readonly status: z.infer<typeof ScanEnded>["status"];
  readonly endedAt: Date;
  readonly scanId: ScanId;
  readonly attempt: number;
}

/**
 * What is to be told of an execution: a function of it and of its lines in the table of runs, so that whoever is told
 * twice is told the same.
 *
 * @param records lines of the scan, of any attempt
 */
export function eventsOf(ended: EndedExecution, records: readonly IndexRecord[]): ScanEvent[] {
  const { arn, name, status, scanId, attempt } = ended;
  const time = ended.endedAt.toISOString();
  const own = records.filter((record) => record.attempt === attempt);
  const base = (event: ScanEvent["event"]) => ({
    schemaVersion: EVENT_VERSION as typeof EVENT_VERSION,
    eventId: `e-${digestOf([arn, time, event]).slice(0, 40)}`,
    time,
    execution: name,
  });
  const published = own.flatMap(({ subject, resultKey }) => (resultKey === null ? [] : [{ subject, resultKey }]));
  const items = own.flatMap(({ subject, code }) =>
    code === null
      ? []
      : [
          {
            subject,
            code,
            retryable: isErrorCode(code) && ERROR_CODES[code].retryable,
            recordKey: resultKeys.quarantine(scanId, attempt, subject),
          },
        ],
  );
  const superseded = published.length > 0 ? (own[0]?.completeness?.supersedes ?? null) : null;
  return [
    ...(items.length === 0 ? [] : [{ event: "quarantined" as const, ...base("quarantined"), scanId, attempt, items }]),
    ...(superseded === null
      ? []
      : [{ event: "superseded" as const, ...base("superseded"), scanId: superseded, supersededBy: scanId }]),
    { event: "ended" as const, ...base("ended"), scanId, attempt, status, published, quarantined: items.length },
  ];
}
