import { type EventBridgeClient, PutEventsCommand } from "@aws-sdk/client-eventbridge";
import { PublishCommand, type SNSClient } from "@aws-sdk/client-sns";
import { PipelineError } from "#src/core/errors.js";
import { DETAIL_TYPES, EVENT_SOURCE } from "#src/workflow/scan-events.js";
import type { AnnounceDeps } from "./announce-messages.js";

/**
 * Tells an event to SNS and to a bus of EventBridge. Subscribers of a topic can filter by the attributes `event`
 * and `status`, rules by source, detail type and the state machine among the resources.
 *
 * @throws {PipelineError} `StoreBusy` when the bus did not take it
 */
export function publisher(
  sns: SNSClient,
  bus: EventBridgeClient,
  to: { readonly ended: string; readonly events: string; readonly bus: string },
): AnnounceDeps["publish"] {
  return async (event, stateMachineArn) => {
    const Message = JSON.stringify(event);
    const MessageAttributes = {
      event: { DataType: "String", StringValue: event.event },
      ...(event.event === "ended" ? { status: { DataType: "String", StringValue: event.status } } : {}),
    };
    const arns = event.event === "ended" ? [to.ended, to.events] : [to.events];
    for (const TopicArn of arns) await sns.send(new PublishCommand({ TopicArn, Message, MessageAttributes }));
    const entry = {
      EventBusName: to.bus,
      Source: EVENT_SOURCE,
      DetailType: DETAIL_TYPES[event.event],
      Resources: [stateMachineArn],
      Time: new Date(event.time),
      Detail: Message,
    };
    const { FailedEntryCount, Entries } = await bus.send(new PutEventsCommand({ Entries: [entry] }));
    if (FailedEntryCount === 0) return;
    throw new PipelineError("StoreBusy", `EventBridge answered ${Entries?.[0]?.ErrorCode}, expected to take the event`);
  };
}
