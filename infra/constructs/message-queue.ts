import { Duration, RemovalPolicy } from "aws-cdk-lib";
import type { IKey } from "aws-cdk-lib/aws-kms";
import { Queue, QueueEncryption } from "aws-cdk-lib/aws-sqs";
import type { Construct } from "constructs";

/** The longest that SQS keeps a message, of a queue or of its dead letters, counted from when it first came. */
const KEPT = Duration.days(14);
/** Deliveries of a message before it counts as dead. */
const DELIVERIES = 5;

/** A queue with what becomes of messages that fail. */
export interface MessageQueue {
  readonly queue: Queue;
  readonly deadLetters: Queue;
  /** How long after a delivery that failed the next one comes. */
  readonly deliversAgainAfter: Duration;
}

/**
 * A queue for a function, encrypted and by TLS alone, with its dead letters.
 *
 * @param timeout of the function
 */
export function messageQueue(scope: Construct, key: IKey, timeout: Duration): MessageQueue {
  // As Lambda asks for.
  const deliversAgainAfter = Duration.seconds(6 * timeout.toSeconds());
  const common = {
    encryption: QueueEncryption.KMS,
    encryptionMasterKey: key,
    enforceSSL: true,
    removalPolicy: RemovalPolicy.DESTROY,
  };
  const deadLetters = new Queue(scope, "DeadLetters", { ...common, retentionPeriod: KEPT });
  const queue = new Queue(scope, "Queue", {
    ...common,
    // As long as its dead letters: what no function takes (an event source that is off) is no less worth keeping.
    retentionPeriod: KEPT,
    visibilityTimeout: deliversAgainAfter,
    deadLetterQueue: { queue: deadLetters, maxReceiveCount: DELIVERIES },
  });
  return { queue, deadLetters, deliversAgainAfter };
}
