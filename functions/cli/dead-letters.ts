import {
  ChangeMessageVisibilityCommand,
  DeleteMessageCommand,
  type Message,
  ReceiveMessageCommand,
  SendMessageCommand,
  type SQSClient,
} from "@aws-sdk/client-sqs";
import { scanIdOfObject } from "#src/core/ids.js";
import { parseUploadEvents } from "#src/intake/upload-events.js";

/** One dead letter, without the names in it. */
export interface DeadLetter {
  readonly messageId: string;
  readonly kind: "upload" | "check" | "release" | "unknown";
  /** Scan id of an upload, as intake logs it, and of a release; series id of a check. */
  readonly subject: string;
  /** When it was first sent, ISO 8601. */
  readonly sentAt: string;
}

/** How long a message stays hidden from others while it is looked at, in seconds. */
const HOLD_SECONDS = 60;

/** The letters of a dead-letter queue, which stay there. */
export async function deadLetters(client: SQSClient, url: string): Promise<DeadLetter[]> {
  const messages: Message[] = [];
  for await (const message of messagesOf(client, url)) messages.push(message);
  for (const { ReceiptHandle } of messages) {
    // Whoever looks next sees them at once.
    await client.send(new ChangeMessageVisibilityCommand({ QueueUrl: url, ReceiptHandle, VisibilityTimeout: 0 }));
  }
  return messages.map(describeLetter);
}

/**
 * Sends all letters back to the intake queue. Each is sent before it is removed: one that is sent twice does no harm,
 * as scans that were started are not started again. What fails once more comes back after a while.
 *
 * @returns how many were sent
 */
export async function redrive(client: SQSClient, from: string, to: string): Promise<number> {
  let sent = 0;
  for await (const { Body, ReceiptHandle } of messagesOf(client, from)) {
    await client.send(new SendMessageCommand({ QueueUrl: to, MessageBody: Body }));
    await client.send(new DeleteMessageCommand({ QueueUrl: from, ReceiptHandle }));
    sent++;
  }
  return sent;
}

/** Each message once: one that turns up again was hidden for too short a time. */
async function* messagesOf(client: SQSClient, QueueUrl: string): AsyncGenerator<Message> {
  const seen = new Set<string>();
  for (;;) {
    const { Messages = [] } = await client.send(
      new ReceiveMessageCommand({
        QueueUrl,
        MaxNumberOfMessages: 10,
        VisibilityTimeout: HOLD_SECONDS,
        // Without waiting only some of the queue's servers are asked.
        WaitTimeSeconds: 1,
        MessageSystemAttributeNames: ["SentTimestamp"],
      }),
    );
    const fresh = Messages.filter(({ MessageId = "" }) => !seen.has(MessageId));
    if (fresh.length === 0) return;
    for (const message of fresh) {
      seen.add(message.MessageId ?? "");
      yield message;
    }
  }
}

function describeLetter({ MessageId, Body, Attributes }: Message): DeadLetter {
  const messageId = MessageId ?? "";
  const sentAt = new Date(Number(Attributes?.SentTimestamp ?? 0)).toISOString();
  try {
    const [event] = parseUploadEvents(Body ?? "");
    if (event?.kind === "check") return { messageId, kind: "check", subject: event.seriesId, sentAt };
    if (event?.kind === "release") return { messageId, kind: "release", subject: event.scanId, sentAt };
    if (event?.kind === "object") {
      const subject = scanIdOfObject(event.bucket, event.key, event.version);
      return { messageId, kind: "upload", subject, sentAt };
    }
  } catch {
    // Whatever it is, it is listed.
  }
  return { messageId, kind: "unknown", subject: "", sentAt };
}
