import { Duration } from "aws-cdk-lib";
import { EventBus, Rule } from "aws-cdk-lib/aws-events";
import { PolicyStatement } from "aws-cdk-lib/aws-iam";
import { SqsEventSource } from "aws-cdk-lib/aws-lambda-event-sources";
import type { NodejsFunction } from "aws-cdk-lib/aws-lambda-nodejs";
import { type ITopic, Topic } from "aws-cdk-lib/aws-sns";
import type { Queue } from "aws-cdk-lib/aws-sqs";
import type { StateMachine } from "aws-cdk-lib/aws-stepfunctions";
import { Construct } from "constructs";
import { EVENT_SOURCE } from "#src/workflow/scan-events.js";
import { grantKey } from "./grants.js";
import { messageQueue } from "./message-queue.js";
import { QueueTarget } from "./queue-target.js";
import type { ScanBuckets } from "./scan-buckets.js";

export interface ScanNoticesProps {
  readonly buckets: ScanBuckets;
  readonly stateMachine: StateMachine;
  readonly announce: NodejsFunction;
  /** A topic that is there already. @default made */
  readonly endedTopicArn?: string;
  /** The bus that events go to. @default the account's own */
  readonly eventBusArn?: string;
}

/** Tells other systems how scans ended: from Step Functions through a queue to two topics and a bus. */
export class ScanNotices extends Construct {
  /** Each end of an execution. */
  readonly ended: ITopic;
  /** Every event: `ended`, `quarantined`, `superseded`. */
  readonly events: Topic;
  readonly queue: Queue;
  readonly deadLetters: Queue;
  /** How long after a delivery that failed the next one comes. */
  readonly deliversAgainAfter: Duration;

  constructor(scope: Construct, id: string, props: ScanNoticesProps) {
    super(scope, id);
    const { stateMachine, announce } = props;
    const { key } = props.buckets;
    this.ended =
      props.endedTopicArn === undefined
        ? new Topic(this, "Ended", { masterKey: key, enforceSSL: true })
        : Topic.fromTopicArn(this, "Ended", props.endedTopicArn);
    this.events = new Topic(this, "Events", { masterKey: key, enforceSSL: true });
    const made = messageQueue(this, key, announce.timeout ?? Duration.minutes(1));
    const { queue, deadLetters } = made;
    this.deliversAgainAfter = made.deliversAgainAfter;
    new Rule(this, "ExecutionEnded", {
      description: "Executions of the workflow that ended",
      eventPattern: {
        source: ["aws.states"],
        detailType: ["Step Functions Execution Status Change"],
        detail: {
          stateMachineArn: [stateMachine.stateMachineArn],
          status: ["SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED"],
        },
      },
      targets: [new QueueTarget(made)],
    });
    announce.addEventSource(new SqsEventSource(queue, { batchSize: 10, reportBatchItemFailures: true }));
    announce.addEnvironment("ENDED_TOPIC_ARN", this.ended.topicArn);
    announce.addEnvironment("EVENTS_TOPIC_ARN", this.events.topicArn);
    const bus =
      props.eventBusArn === undefined
        ? EventBus.fromEventBusName(this, "Bus", "default")
        : EventBus.fromEventBusArn(this, "Bus", props.eventBusArn);
    announce.addEnvironment("EVENT_BUS_ARN", bus.eventBusArn);
    announce.addToRolePolicy(
      new PolicyStatement({ actions: ["sns:Publish"], resources: [this.ended.topicArn, this.events.topicArn] }),
    );
    grantKey(key, announce, ["kms:GenerateDataKey", "kms:Decrypt"]);
    announce.addToRolePolicy(
      new PolicyStatement({
        actions: ["events:PutEvents"],
        resources: [bus.eventBusArn],
        conditions: { StringEquals: { "events:source": EVENT_SOURCE } },
      }),
    );
    this.queue = queue;
    this.deadLetters = deadLetters;
  }
}
