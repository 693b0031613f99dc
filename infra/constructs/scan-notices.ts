import { Duration, Stack } from "aws-cdk-lib";
import { Alarm, ComparisonOperator, TreatMissingData } from "aws-cdk-lib/aws-cloudwatch";
import { SnsAction } from "aws-cdk-lib/aws-cloudwatch-actions";
import { EventBus, EventField, Rule, RuleTargetInput } from "aws-cdk-lib/aws-events";
import { EventBus as EventBusTarget, SnsTopic } from "aws-cdk-lib/aws-events-targets";
import { ServicePrincipal } from "aws-cdk-lib/aws-iam";
import { type ITopic, Topic } from "aws-cdk-lib/aws-sns";
import { EmailSubscription } from "aws-cdk-lib/aws-sns-subscriptions";
import type { Queue } from "aws-cdk-lib/aws-sqs";
import type { StateMachine } from "aws-cdk-lib/aws-stepfunctions";
import { Construct } from "constructs";
import type { ScanBuckets } from "./scan-buckets.js";

export interface ScanNoticesProps {
  readonly buckets: ScanBuckets;
  readonly stateMachine: StateMachine;
  readonly deadLetters: Queue;
  readonly alarmEmails: readonly string[];
  /** Topics that are there already. @default made */
  readonly alarmTopicArn?: string;
  readonly endedTopicArn?: string;
  /** Hears how executions ended, too. @default none */
  readonly eventBusArn?: string;
}

/** Says how scans ended (an id and a status, nothing else), and raises the alarms of `docs/runbook.md`. */
export class ScanNotices extends Construct {
  readonly ended: ITopic;
  readonly alarms: ITopic;

  constructor(scope: Construct, id: string, props: ScanNoticesProps) {
    super(scope, id);
    const masterKey = props.buckets.key;
    const topic = (topicId: string, arn: string | undefined): ITopic =>
      arn === undefined
        ? new Topic(this, topicId, { masterKey, enforceSSL: true })
        : Topic.fromTopicArn(this, topicId, arn);
    this.ended = topic("Ended", props.endedTopicArn);
    this.alarms = topic("Alarms", props.alarmTopicArn);
    // Of a topic that is there already the policy is its owner's.
    if (props.alarmTopicArn === undefined) this.#letAlarmsPublish();
    for (const address of props.alarmEmails) this.alarms.addSubscription(new EmailSubscription(address));
    new Rule(this, "ExecutionEnded", {
      description: "Scans that were published or set aside",
      eventPattern: {
        source: ["aws.states"],
        detailType: ["Step Functions Execution Status Change"],
        detail: {
          stateMachineArn: [props.stateMachine.stateMachineArn],
          status: ["SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED"],
        },
      },
      targets: [
        new SnsTopic(this.ended, {
          // By a role of the rule: a grant to the service would hold for the rules of every account.
          authorizeUsingRole: true,
          message: RuleTargetInput.fromObject({
            schemaVersion: 1,
            // The scan id, with `-a<N>` behind it from the second attempt on.
            execution: EventField.fromPath("$.detail.name"),
            status: EventField.fromPath("$.detail.status"),
          }),
        }),
        ...(props.eventBusArn === undefined
          ? []
          : [new EventBusTarget(EventBus.fromEventBusArn(this, "Bus", props.eventBusArn))]),
      ],
    });
    this.#alarm("DeadLetters", "dead-letters", props.deadLetters.metricApproximateNumberOfMessagesVisible());
    this.#alarm(
      "FailedExecutions",
      "failed-executions",
      props.stateMachine.metricFailed({ period: Duration.minutes(15) }),
    );
  }

  /** A topic with a policy of its own (here: TLS only) has lost the default one, by which alarms may publish. */
  #letAlarmsPublish(): void {
    const { account } = Stack.of(this);
    const alarms = Stack.of(this).formatArn({ service: "cloudwatch", resource: "alarm:*" });
    this.alarms.grantPublish(
      new ServicePrincipal("cloudwatch.amazonaws.com", {
        conditions: { StringEquals: { "aws:SourceAccount": account }, ArnLike: { "aws:SourceArn": alarms } },
      }),
    );
  }

  /** @param heading the alarm's place in the runbook */
  #alarm(id: string, heading: string, metric: ReturnType<StateMachine["metricFailed"]>): void {
    new Alarm(this, id, {
      metric,
      threshold: 1,
      evaluationPeriods: 1,
      comparisonOperator: ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
      treatMissingData: TreatMissingData.NOT_BREACHING,
      alarmDescription: `What to do: docs/runbook.md#${heading}`,
    }).addAlarmAction(new SnsAction(this.alarms));
  }
}
