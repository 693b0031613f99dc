import { Duration, RemovalPolicy } from "aws-cdk-lib";
import type { IKey } from "aws-cdk-lib/aws-kms";
import { Queue, QueueEncryption } from "aws-cdk-lib/aws-sqs";
import type { Construct } from "constructs";

/** Deliveries of a message before it counts as dead. */
const DELIVERIES = 5;

/**
 * A queue for a function, encrypted and by TLS alone, with its dead letters.
 *
 * @param timeout of the function
 */
export function messageQueue(scope: Construct, key: IKey, timeout: Duration): { queue: Queue; deadLetters: Queue } {
  const common = {
    encryption: QueueEncryption.KMS,
    encryptionMasterKey: key,
    enforceSSL: true,
    removalPolicy: RemovalPolicy.DESTROY,
  };
  const deadLetters = new Queue(scope, "DeadLetters", { ...common, retentionPeriod: Duration.days(14) });
  const queue = new Queue(scope, "Queue", {
    ...common,
    retentionPeriod: Duration.days(4),
    // As Lambda asks for.
    visibilityTimeout: Duration.seconds(6 * timeout.toSeconds()),
    deadLetterQueue: { queue: deadLetters, maxReceiveCount: DELIVERIES },
  });
  return { queue, deadLetters };
}
