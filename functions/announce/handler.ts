import { EventBridgeClient } from "@aws-sdk/client-eventbridge";
import { SNSClient } from "@aws-sdk/client-sns";
import type { Context, SQSBatchResponse, SQSEvent } from "aws-lambda";
import { readAnnounceEnv } from "../runtime/env.js";
import { stageDeps } from "../runtime/stage-deps.js";
import { announceMessages } from "./announce-messages.js";
import { publisher } from "./publisher.js";

const env = readAnnounceEnv();
const to = { ended: env.ENDED_TOPIC_ARN, events: env.EVENTS_TOPIC_ARN, bus: env.EVENT_BUS_ARN };
const deps = { ...stageDeps("announce"), publish: publisher(new SNSClient(), new EventBridgeClient(), to) };

export async function handler(event: SQSEvent, context?: Context): Promise<SQSBatchResponse> {
  deps.begin({}, context);
  const failed = await announceMessages(event.Records, deps);
  return { batchItemFailures: failed.map((itemIdentifier) => ({ itemIdentifier })) };
}
