import { SQSClient } from "@aws-sdk/client-sqs";
import { deadLetters, redrive } from "./dead-letters.js";

/** `scanlane dlq list`: what intake gave up on, by ids. @returns the exit code */
export async function listDeadLetters(flags: { readonly from: string; readonly json?: boolean }): Promise<number> {
  const letters = await deadLetters(new SQSClient(), flags.from);
  for (const letter of letters) {
    const { messageId, kind, subject, sentAt } = letter;
    console.log(flags.json ? JSON.stringify(letter) : `${sentAt}  ${kind}  ${subject || messageId}`);
  }
  if (!flags.json) console.log(`${letters.length} dead letters`);
  return 0;
}

/** `scanlane dlq redrive`: sends all of it to the intake queue again. @returns the exit code */
export async function redriveDeadLetters(flags: { readonly from: string; readonly to: string }): Promise<number> {
  const sent = await redrive(new SQSClient(), flags.from, flags.to);
  console.log(`${sent} messages were sent to the intake queue again`);
  return 0;
}
