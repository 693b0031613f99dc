import { SendMessageCommand, SQSClient } from "@aws-sdk/client-sqs";
import type { ScanId } from "#src/core/ids.js";
import { releaseMessage } from "#src/intake/upload-events.js";

/**
 * Asks intake to start a scan that is held, whatever was used of the day.
 *
 * @param queue URL of the intake queue
 */
export async function releaseHeld(scanId: ScanId, queue: string): Promise<void> {
  await new SQSClient().send(new SendMessageCommand({ QueueUrl: queue, MessageBody: releaseMessage(scanId, 0, true) }));
}
