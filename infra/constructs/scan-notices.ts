import { Duration, Stack } from "aws-cdk-lib";
import { Alarm, ComparisonOperator, TreatMissingData } from "aws-cdk-lib/aws-cloudwatch";
import { SnsAction } from "aws-cdk-lib/aws-cloudwatch-actions";
import { EventField, Rule, RuleTargetInput } from "aws-cdk-lib/aws-events";
import { SnsTopic } from "aws-cdk-lib/aws-events-targets";
import { ServicePrincipal } from "aws-cdk-lib/aws-iam";
import { Topic } from "aws-cdk-lib/aws-sns";
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
}

/** Says how scans ended (an id and a status, nothing else), and raises the alarms of `docs/runbook.md`. */
export class ScanNotices extends Construct {
  readonly ended: Topic;
  readonly alarms: Topic;

  constructor(scope: Construct, id: string, props: ScanNoticesProps) {
    super(scope, id);
    const masterKey = props.buckets.key;
    this.ended = new Topic(this, "Ended", { masterKey, enforceSSL: true });
    this.alarms = new Topic(this, "Alarms", { masterKey, enforceSSL: true });
    this.#letAlarmsPublish();
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
