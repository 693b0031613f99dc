import { Duration, RemovalPolicy } from "aws-cdk-lib";
import { Rule } from "aws-cdk-lib/aws-events";
import { SqsQueue } from "aws-cdk-lib/aws-events-targets";
import { SqsEventSource } from "aws-cdk-lib/aws-lambda-event-sources";
import { Queue, QueueEncryption } from "aws-cdk-lib/aws-sqs";
import type { StateMachine } from "aws-cdk-lib/aws-stepfunctions";
import { Construct } from "constructs";
import { SeriesLedger, type SeriesLedgerProps } from "./series-ledger.js";

/** Deliveries of a message before it counts as dead. */
const DELIVERIES = 5;

export interface ScanIntakeProps extends Omit<SeriesLedgerProps, "queue" | "deadLetters"> {
  readonly stateMachine: StateMachine;
}

/** From "Object Created" to a started execution: rule, queue, dead letters, intake. */
export class ScanIntake extends Construct {
  readonly queue: Queue;
  readonly deadLetters: Queue;

  constructor(scope: Construct, id: string, props: ScanIntakeProps) {
    super(scope, id);
    const { buckets, intake, stateMachine } = props;
    // Messages hold S3 keys, which may hold names: the customer's key, and no longer than needed.
    const common = {
      encryption: QueueEncryption.KMS,
      encryptionMasterKey: buckets.key,
      enforceSSL: true,
      removalPolicy: RemovalPolicy.DESTROY,
    };
    this.deadLetters = new Queue(this, "DeadLetters", { ...common, retentionPeriod: Duration.days(14) });
    this.queue = new Queue(this, "Queue", {
      ...common,
      retentionPeriod: Duration.days(4),
      // Six times the function's timeout, as Lambda asks for.
      visibilityTimeout: Duration.minutes(30),
      deadLetterQueue: { queue: this.deadLetters, maxReceiveCount: DELIVERIES },
    });
    new Rule(this, "ObjectCreated", {
      description: "Uploads to the scan bucket",
      eventPattern: {
        source: ["aws.s3"],
        detailType: ["Object Created"],
        detail: { bucket: { name: [buckets.scans.bucketName] } },
      },
      // An event that cannot be delivered (a wrong policy, say) is a dead letter too, not lost.
      targets: [
        new SqsQueue(this.queue, {
          retryAttempts: 185,
          maxEventAge: Duration.hours(24),
          deadLetterQueue: this.deadLetters,
        }),
      ],
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
    new SeriesLedger(this, "Ledger", { ...props, queue: this.queue, deadLetters: this.deadLetters });
  }
}
