import { z } from "zod";
import { PipelineError } from "#src/core/errors.js";

/** One state of an object, as an event tells of it. */
export interface ObjectEvent {
  readonly kind: "object";
  readonly bucket: string;
  /** As the object is called: not URL-encoded. */
  readonly key: string;
  /** As in `SourceDocument`. */
  readonly version: string;
  /** Sorts the states of one object by when they were written. */
  readonly order: string;
}

/** A time that was asked for has come: look at a series again. */
export interface CheckEvent {
  readonly kind: "check";
  readonly seriesId: string;
  /** Milliseconds: it is at least as late as this. */
  readonly time: number;
}

/** A scan that was held is to be begun. */
export interface ReleaseEvent {
  readonly kind: "release";
  readonly scanId: string;
  /** Milliseconds: it is at least as late as this. */
  readonly time: number;
  /** Somebody wants it now, whatever was used of the day. */
  readonly isForced: boolean;
}

const name = z.string().min(1);
const sequencer = z.string().default("");

/** EventBridge's "Object Created" of S3, as far as it is read. Its keys are not URL-encoded. */
const EventBridgeMessage = z.object({
  time: z.string().default(""),
  detail: z.object({
    bucket: z.object({ name }),
    object: z.object({ key: name, "version-id": z.string().optional(), etag: z.string().default(""), sequencer }),
  }),
});

/** S3's own notification, for a bucket that sends them to the queue itself. Its keys are URL-encoded. */
const S3Message = z.object({
  Records: z.array(
    z.object({
      eventName: z.string(),
      eventTime: z.string().default(""),
      s3: z.object({
        bucket: z.object({ name }),
        object: z.object({ key: name, versionId: z.string().optional(), eTag: z.string().default(""), sequencer }),
      }),
    }),
  ),
});

/** Sent by S3 when such a notification is set up. */
const S3Test = z.object({ Event: z.literal("s3:TestEvent") });

/** Ours. */
const CheckMessage = z.strictObject({
  kind: z.literal("check"),
  seriesId: z.string().regex(/^q-[0-9a-f]{40}$/),
  time: z.number(),
});

/** The body of a message that `parseUploadEvents` takes for this check. */
export function checkMessage(seriesId: string, time: number): string {
  return JSON.stringify({ kind: "check", seriesId, time } satisfies CheckEvent);
}

const ReleaseMessage = z.strictObject({
  kind: z.literal("release"),
  scanId: z.string().regex(/^s-[0-9a-f]{40}$/),
  time: z.number(),
  isForced: z.boolean(),
});

/** The body of a message that `parseUploadEvents` takes for this release. */
export function releaseMessage(scanId: string, time: number, isForced = false): string {
  return JSON.stringify({ kind: "release", scanId, time, isForced } satisfies ReleaseEvent);
}

/**
 * What a message of the queue tells: objects that were written, a check, or a release. Nothing for events that do not matter here.
 *
 * @throws {PipelineError} `ContractViolation` for any other message
 */
export function parseUploadEvents(body: string): readonly (ObjectEvent | CheckEvent | ReleaseEvent)[] {
  const message = parseJson(body);
  const check = CheckMessage.safeParse(message);
  if (check.success) return [check.data];
  const release = ReleaseMessage.safeParse(message);
  if (release.success) return [release.data];
  const event = EventBridgeMessage.safeParse(message);
  if (event.success) {
    const { bucket, object } = event.data.detail;
    const state = { ...object, versionId: object["version-id"], time: event.data.time };
    return [objectEvent(bucket.name, object.key, state)];
  }
  const notification = S3Message.safeParse(message);
  if (notification.success) {
    return notification.data.Records.filter(({ eventName }) => eventName.includes("ObjectCreated:")).map(
      ({ eventTime, s3: { bucket, object } }) => {
        const { versionId, eTag: etag, sequencer } = object;
        return objectEvent(bucket.name, decoded(object.key), { versionId, etag, sequencer, time: eventTime });
      },
    );
  }
  if (S3Test.safeParse(message).success) return [];
  throw new PipelineError("ContractViolation", "message is of no known kind, expected an event of S3 or a check");
}

interface ObjectState {
  readonly versionId: string | undefined;
  readonly etag: string;
  readonly sequencer: string;
  readonly time: string;
}

function objectEvent(bucket: string, key: string, { versionId, etag, sequencer, time }: ObjectState): ObjectEvent {
  return {
    kind: "object",
    bucket,
    key,
    version: versionId ?? `${etag} ${sequencer}`,
    // Sequencers are hexadecimal and of different lengths, to be compared with zeros behind the shorter one.
    order: `${time} ${sequencer.padEnd(32, "0")}`,
  };
}

/** Form encoding: a plus sign is a space. */
function decoded(key: string): string {
  return decodeURIComponent(key.replaceAll("+", " "));
}

function parseJson(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    throw new PipelineError("ContractViolation", `message of ${body.length} characters is no JSON`);
  }
}
