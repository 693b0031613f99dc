import { Duration, Stack } from "aws-cdk-lib";
import {
  Alarm,
  ComparisonOperator,
  type IMetric,
  MathExpression,
  Stats,
  TreatMissingData,
} from "aws-cdk-lib/aws-cloudwatch";
import { SnsAction } from "aws-cdk-lib/aws-cloudwatch-actions";
import { ServicePrincipal } from "aws-cdk-lib/aws-iam";
import type { IKey } from "aws-cdk-lib/aws-kms";
import { type ITopic, Topic } from "aws-cdk-lib/aws-sns";
import { EmailSubscription } from "aws-cdk-lib/aws-sns-subscriptions";
import type { StateMachine } from "aws-cdk-lib/aws-stepfunctions";
import { Construct } from "constructs";
import type { ErrorCode } from "#src/core/errors.js";
import { LOOK_EVERY } from "./queue-watch.js";
import type { ScanIntake } from "./scan-intake.js";
import { scanMetric } from "./scan-metrics.js";
import type { ScanNotices } from "./scan-notices.js";

export interface ScanAlarmsProps {
  readonly key: IKey;
  readonly stateMachine: StateMachine;
  readonly backfill: StateMachine;
  readonly intake: ScanIntake;
  readonly notices: ScanNotices;
  readonly dailyBudgetUsd: number;
  readonly queueMinutes: number;
  readonly quarantinePercent: number;
  readonly alarmEmails: readonly string[];
  /** A topic that is there already; who may publish to it is its owner's. @default made */
  readonly alarmTopicArn?: string;
}

/**
 * Between the second delivery of a message and the third, in times between two: one that is as old failed twice. SQS
 * leaves a message out of the age of the oldest once it was delivered three times.
 */
const OLD_MESSAGE_DELIVERIES = 1.5;
/** Deliveries after which a notice is a dead letter: an older one was never taken. */
const OLD_NOTICE_DELIVERIES = 5;
/** Outcomes that do not heal, and that no sender can mend: one is enough to ring. */
export const FAULTS = ["ResultInvalid", "Internal", "ContractViolation", "StoreDenied"] as const satisfies ErrorCode[];
/** Executions in an hour that fail for whatever reason before it rings: a sender's bad file now and then does not. */
const MANY_FAILED = 5;
/** Images in an hour below which a share of them says nothing. */
const FEWEST_IMAGES = 10;

interface AlarmOptions {
  /** @default 1 */
  readonly threshold?: number;
  /** Periods in a row. @default 1 */
  readonly periods?: number;
  /** @default false */
  readonly ringsWithoutData?: boolean;
}

/** The alarms of `docs/runbook.md`, each described by the link to its heading, and the topic that they ring. */
export class ScanAlarms extends Construct {
  readonly topic: ITopic;
  readonly all: readonly Alarm[];

  constructor(scope: Construct, id: string, props: ScanAlarmsProps) {
    super(scope, id);
    const { stateMachine, backfill, intake, notices } = props;
    if (props.alarmTopicArn === undefined) {
      this.topic = new Topic(this, "Topic", { masterKey: props.key, enforceSSL: true });
      this.#letAlarmsPublish();
    } else {
      this.topic = Topic.fromTopicArn(this, "Topic", props.alarmTopicArn);
    }
    for (const address of props.alarmEmails) this.topic.addSubscription(new EmailSubscription(address));
    const quarter = { period: Duration.minutes(15) };
    this.all = [
      this.#alarm("DeadLetters", "dead-letters", intake.deadLetters.metricApproximateNumberOfMessagesVisible()),
      this.#alarm("OldMessages", "old-messages", intake.queue.metricApproximateAgeOfOldestMessage(), {
        threshold: OLD_MESSAGE_DELIVERIES * intake.deliversAgainAfter.toSeconds(),
      }),
      this.#alarm("Faults", "faults", faultsOf(this)),
      this.#alarm("FailedExecutions", "failed-executions", stateMachine.metricFailed({ period: Duration.hours(1) }), {
        threshold: MANY_FAILED,
      }),
      this.#alarm("TimedOutExecutions", "timed-out-executions", stateMachine.metricTimedOut(quarter)),
      this.#alarm("AbortedExecutions", "aborted-executions", stateMachine.metricAborted(quarter)),
      this.#alarm("BackfillStopped", "backfill-stopped", stoppedOf(backfill)),
      this.#alarm("QueueHead", "jobs-waiting", scanMetric(this, "QueueHeadSeconds", { ...max, period: LOOK_EVERY }), {
        threshold: props.queueMinutes * 60,
        // Three looks at the queue that said nothing: whoever looks is at fault, and a jam would not be seen.
        periods: 3,
        ringsWithoutData: true,
      }),
      this.#alarm("QuarantineRate", "quarantine-rate", quarantinePercent(this), {
        threshold: props.quarantinePercent,
      }),
      this.#alarm("CostOfTheDay", "cost-of-the-day", costOfTheDay(this), { threshold: props.dailyBudgetUsd }),
      this.#alarm("OldNotices", "old-notices", notices.queue.metricApproximateAgeOfOldestMessage(), {
        threshold: OLD_NOTICE_DELIVERIES * notices.deliversAgainAfter.toSeconds(),
      }),
      this.#alarm("LostNotices", "lost-notices", notices.deadLetters.metricApproximateNumberOfMessagesVisible()),
    ];
  }

  /** A topic with a policy of its own (here: TLS only) has lost the default one, by which alarms may publish. */
  #letAlarmsPublish(): void {
    const { account } = Stack.of(this);
    const alarms = Stack.of(this).formatArn({ service: "cloudwatch", resource: "alarm:*" });
    this.topic.grantPublish(
      new ServicePrincipal("cloudwatch.amazonaws.com", {
        conditions: { StringEquals: { "aws:SourceAccount": account }, ArnLike: { "aws:SourceArn": alarms } },
      }),
    );
  }

  /** @param heading the alarm's place in the runbook */
  #alarm(id: string, heading: string, metric: IMetric, options: AlarmOptions = {}): Alarm {
    const alarm = new Alarm(this, id, {
      metric,
      threshold: options.threshold ?? 1,
      evaluationPeriods: options.periods ?? 1,
      comparisonOperator: ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
      treatMissingData: options.ringsWithoutData ? TreatMissingData.BREACHING : TreatMissingData.NOT_BREACHING,
      alarmDescription: `What to do: docs/runbook.md#${heading}`,
    });
    alarm.addAlarmAction(new SnsAction(this.topic));
    return alarm;
  }
}

const max = { statistic: Stats.MAXIMUM };

/** A backfill ends well with all its items counted; each other end is one that nobody asked for. */
function stoppedOf(backfill: StateMachine): MathExpression {
  return new MathExpression({
    expression: "failed + timedOut + aborted",
    usingMetrics: {
      failed: backfill.metricFailed(),
      timedOut: backfill.metricTimedOut(),
      aborted: backfill.metricAborted(),
    },
    period: Duration.minutes(15),
    label: "backfills that failed, timed out or were stopped",
  });
}

/** Images and scans set aside for a fault, and executions that could not set aside: those leave no outcome. */
function faultsOf(scope: Construct): MathExpression {
  const outcomes = FAULTS.map((code) => [`code${code}`, scanMetric(scope, "Outcomes", { split: { code } })] as const);
  const usingMetrics: Record<string, IMetric> = {
    ...Object.fromEntries(outcomes),
    unrecorded: scanMetric(scope, "ScansUnrecorded"),
  };
  return new MathExpression({
    expression: Object.keys(usingMetrics)
      .map((name) => `FILL(${name}, 0)`)
      .join(" + "),
    usingMetrics,
    period: Duration.minutes(15),
    label: "outcomes that no sender can mend",
  });
}

/** Of an hour's images how many per cent were set aside; 0 while they are few. */
export function quarantinePercent(scope: Construct): MathExpression {
  return new MathExpression({
    expression: `IF(FILL(aside, 0) + FILL(published, 0) >= ${FEWEST_IMAGES}, 100 * FILL(aside, 0) / (FILL(aside, 0) + FILL(published, 0)), 0)`,
    usingMetrics: { aside: scanMetric(scope, "Quarantined"), published: scanMetric(scope, "Published") },
    period: Duration.hours(1),
    label: "set aside, per cent of the hour's images",
  });
}

/** The upper estimates of the receipts of a day. */
export function costOfTheDay(scope: Construct): IMetric {
  return scanMetric(scope, "ReceiptCostHighUsd", { period: Duration.days(1) });
}
