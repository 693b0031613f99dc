import { BatchClient } from "@aws-sdk/client-batch";
import { readQueueWatchEnv } from "../runtime/env.js";
import { lambdaEntry } from "../runtime/lambda-entry.js";
import { telemetry } from "../runtime/telemetry.js";
import { QueueEvent, watchQueue } from "./watch-queue.js";

const voice = telemetry("queue-watch");
const deps = { ...voice, batch: new BatchClient(), queue: readQueueWatchEnv().JOB_QUEUE, now: () => Date.now() };

export const handler = lambdaEntry(QueueEvent, voice, (event) => watchQueue(event, deps));
