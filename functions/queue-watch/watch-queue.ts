import { type BatchClient, GetJobQueueSnapshotCommand } from "@aws-sdk/client-batch";
import { z } from "zod";
import type { Meter } from "#src/core/meter.js";

const milliseconds = z.int().min(0);

/** A job that started, as Batch tells EventBridge; of the event only what is read here. */
const JobStarted = z.object({
  "detail-type": z.literal("Batch Job State Change"),
  detail: z.object({
    status: z.literal("RUNNING"),
    createdAt: milliseconds,
    startedAt: milliseconds,
    shareIdentifier: z.string().default("none"),
    /** Tries before this one. */
    attempts: z.array(z.object({ stoppedAt: milliseconds.optional() })).default([]),
  }),
});

/** The clock of the rule. */
const Tick = z.object({ "detail-type": z.literal("Scheduled Event") });

export const QueueEvent = z.discriminatedUnion("detail-type", [JobStarted, Tick]);
export type QueueEvent = z.infer<typeof QueueEvent>;

export interface QueueWatchDeps {
  readonly batch: BatchClient;
  /** ARN of the job queue. */
  readonly queue: string;
  readonly meter: Meter;
  /** Milliseconds. */
  readonly now: () => number;
}

/**
 * What CloudWatch has no metric of. A job that started: how long it waited. A tick: for how long the same job has been
 * the next one to start, which grows when none starts, and stays small while a long backlog moves.
 */
export async function watchQueue(event: QueueEvent, deps: QueueWatchDeps): Promise<void> {
  if (event["detail-type"] === "Batch Job State Change") {
    const { createdAt, startedAt, shareIdentifier, attempts } = event.detail;
    const waitsSince = Math.max(createdAt, ...attempts.map(({ stoppedAt }) => stoppedAt ?? 0));
    const seconds = Math.max(0, startedAt - waitsSince) / 1000;
    deps.meter.record({ QueueWaitSeconds: seconds }, { share: shareIdentifier });
    return;
  }
  const { frontOfQueue } = await deps.batch.send(new GetJobQueueSnapshotCommand({ jobQueue: deps.queue }));
  const jobs = frontOfQueue?.jobs ?? [];
  const since = jobs[0]?.earliestTimeAtPosition ?? deps.now();
  deps.meter.record({ QueueHeadSeconds: Math.max(0, deps.now() - since) / 1000, JobsRunnable: jobs.length });
}
