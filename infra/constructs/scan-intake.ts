import { Duration } from "aws-cdk-lib";
import { Rule } from "aws-cdk-lib/aws-events";
import { SqsEventSource } from "aws-cdk-lib/aws-lambda-event-sources";
import type { Queue } from "aws-cdk-lib/aws-sqs";
import type { StateMachine } from "aws-cdk-lib/aws-stepfunctions";
import { Construct } from "constructs";
import { messageQueue } from "./message-queue.js";
import { QueueTarget } from "./queue-target.js";
import { SeriesLedger, type SeriesLedgerProps } from "./series-ledger.js";

export interface ScanIntakeProps extends Omit<SeriesLedgerProps, "queue" | "deadLetters"> {
  readonly stateMachine: StateMachine;
}

/** From "Object Created" to a started execution: rule, queue, dead letters, intake. */
export class ScanIntake extends Construct {
  readonly queue: Queue;
  readonly deadLetters: Queue;
  /** How long after a delivery that failed the next one comes. */
  readonly deliversAgainAfter: Duration;
  readonly ledger: SeriesLedger;

  constructor(scope: Construct, id: string, props: ScanIntakeProps) {
    super(scope, id);
    const { buckets, intake, stateMachine } = props;
    // Messages hold S3 keys, which may hold names: the customer's key, and no longer than needed.
    const made = messageQueue(this, buckets.key, intake.timeout ?? Duration.minutes(2));
    const { queue, deadLetters } = made;
    this.deliversAgainAfter = made.deliversAgainAfter;
    this.queue = queue;
    this.deadLetters = deadLetters;
    new Rule(this, "ObjectCreated", {
      description: "Uploads to the scan bucket",
      eventPattern: {
        source: ["aws.s3"],
        detailType: ["Object Created"],
        detail: { bucket: { name: [buckets.scans.bucketName] } },
      },
      targets: [new QueueTarget(made)],
    });
    intake.addEventSource(
      new SqsEventSource(this.queue, {
        batchSize: 10,
        maxBatchingWindow: Duration.seconds(5),
        reportBatchItemFailures: true,
        maxConcurrency: 10,
      }),
    );
    intake.addEnvironment("STATE_MACHINE_ARN", stateMachine.stateMachineArn);
    stateMachine.grantStartExecution(intake);
    stateMachine.grantExecution(intake, "states:DescribeExecution");
    this.ledger = new SeriesLedger(this, "Ledger", { ...props, queue: this.queue, deadLetters: this.deadLetters });
  }
}
