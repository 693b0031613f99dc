import { Duration } from "aws-cdk-lib";
import type { IRule, IRuleTarget, RuleTargetConfig } from "aws-cdk-lib/aws-events";
import { PolicyStatement, ServicePrincipal } from "aws-cdk-lib/aws-iam";
import type { Queue } from "aws-cdk-lib/aws-sqs";
import type { MessageQueue } from "./message-queue.js";

/** How long and how often EventBridge tries to deliver an event, the most that it takes. */
const MAX_AGE = Duration.hours(24);
const RETRIES = 185;

/**
 * A queue that one rule sends to. An event that cannot be delivered (a wrong policy, say) is a dead letter too, not lost.
 *
 * CDK's own target lets every rule of the account send to a queue under a key: it gives the rights on queue and key
 * together, and the key, which the rule refers to by the queue, cannot refer to the rule. Here the queue names the rule,
 * and the key the account.
 */
export class QueueTarget implements IRuleTarget {
  readonly #queues: Pick<MessageQueue, "queue" | "deadLetters">;

  constructor(queues: Pick<MessageQueue, "queue" | "deadLetters">) {
    this.#queues = queues;
  }

  bind(rule: IRule): RuleTargetConfig {
    const { queue, deadLetters } = this.#queues;
    for (const one of [queue, deadLetters]) letSend(one, rule);
    return {
      arn: queue.queueArn,
      targetResource: queue,
      deadLetterConfig: { arn: deadLetters.queueArn },
      retryPolicy: { maximumRetryAttempts: RETRIES, maximumEventAgeInSeconds: MAX_AGE.toSeconds() },
    };
  }
}

function letSend(queue: Queue, { ruleArn }: IRule): void {
  queue.addToResourcePolicy(
    new PolicyStatement({
      principals: [new ServicePrincipal("events.amazonaws.com")],
      actions: ["sqs:SendMessage"],
      resources: [queue.queueArn],
      conditions: { ArnEquals: { "aws:SourceArn": ruleArn } },
    }),
  );
}
