import { Duration } from "aws-cdk-lib";
import {
  AlarmStatusWidget,
  Dashboard,
  GraphWidget,
  type IMetric,
  type IWidget,
  MathExpression,
  Stats,
  TextWidget,
} from "aws-cdk-lib/aws-cloudwatch";
import type { StateMachine } from "aws-cdk-lib/aws-stepfunctions";
import { Construct } from "constructs";
import { METRIC_NAMESPACE, type MetricName } from "#src/core/meter.js";
import { STAGES } from "#src/storage/keys.js";
import { SHARES } from "#src/workflow/contract.js";
import { costOfTheDay, quarantinePercent, type ScanAlarms } from "./scan-alarms.js";
import type { ScanFunctions } from "./scan-functions.js";
import type { ScanIntake } from "./scan-intake.js";
import { scanMetric, serviceOf } from "./scan-metrics.js";
import type { ScanNotices } from "./scan-notices.js";

export interface ScanDashboardProps {
  readonly stateMachine: StateMachine;
  readonly backfill: StateMachine;
  readonly intake: ScanIntake;
  readonly notices: ScanNotices;
  readonly functions: ScanFunctions;
  readonly alarms: ScanAlarms;
  readonly dailyBudgetUsd: number;
}

/** One page of what an operator looks at first: the alarms, then a scan's way from the queue to its cost. */
export class ScanDashboard extends Construct {
  readonly dashboard: Dashboard;

  constructor(scope: Construct, id: string, props: ScanDashboardProps) {
    super(scope, id);
    this.dashboard = new Dashboard(this, "Dashboard", { defaultInterval: Duration.days(1) });
    const { intake, notices, functions, alarms } = props;
    this.dashboard.addWidgets(
      new TextWidget({
        markdown: "What each alarm means and what to do: `docs/runbook.md`. Research use only.",
        width: 24,
        height: 1,
      }),
    );
    this.dashboard.addWidgets(
      new AlarmStatusWidget({ title: "Alarms", alarms: [...alarms.all], width: 24, height: 3 }),
    );
    this.dashboard.addWidgets(
      graph("Intake: scans and bytes", [scanMetric(this, "ScansTakenIn")], [scanMetric(this, "ScanBytes")]),
      graph(
        "Queues: messages and the oldest one's age",
        [intake.queue, intake.deadLetters, notices.queue, notices.deadLetters].map((queue) =>
          queue.metricApproximateNumberOfMessagesVisible(),
        ),
        [intake.queue, notices.queue].map((queue) => queue.metricApproximateAgeOfOldestMessage()),
      ),
      graph("Executions", executionsOf(props.stateMachine)),
    );
    this.dashboard.addWidgets(
      graph(
        "Outcomes of images, and scans without a record",
        [this.#outcomes()],
        [scanMetric(this, "ScansUnrecorded")],
      ),
      graph("Set aside, per cent of an hour's images", [quarantinePercent(this)]),
      graph("Failed tries of a stage", this.#byStage("StageFailures", "Sum")),
    );
    this.dashboard.addWidgets(
      graph("Seconds of a stage, median and 95th percentile", [
        ...this.#byStage("StageSeconds", Stats.percentile(50)),
        ...this.#byStage("StageSeconds", Stats.percentile(95)),
      ]),
      graph(
        "Seconds that jobs waited, 95th percentile and longest",
        SHARES.flatMap((share) =>
          [Stats.percentile(95), Stats.MAXIMUM].map((statistic) =>
            scanMetric(this, "QueueWaitSeconds", { split: { share }, statistic, label: `${share} ${statistic}` }),
          ),
        ),
      ),
      graph(
        "Jobs that wait (first 100), and the seconds that the first one has been first",
        [scanMetric(this, "JobsRunnable", { statistic: Stats.MAXIMUM })],
        [scanMetric(this, "QueueHeadSeconds", { statistic: Stats.MAXIMUM })],
      ),
    );
    this.dashboard.addWidgets(
      new GraphWidget({
        title: "Cost of a day's scans by their receipts, in USD",
        left: [costOfTheDay(this), scanMetric(this, "ReceiptCostLowUsd", { period: Duration.days(1) })],
        right: [scanMetric(this, "ReceiptsUnpriced", { period: Duration.days(1) })],
        leftAnnotations: [{ value: props.dailyBudgetUsd, label: "budget" }],
        ...size,
      }),
      graph(
        "Bytes that stages read (left) and wrote (right)",
        this.#byStage("StageBytesIn", "Sum"),
        this.#byStage("StageBytesOut", "Sum"),
      ),
      graph("Backfills", executionsOf(props.backfill)),
    );
    const ours = [...functions.byName];
    this.dashboard.addWidgets(
      graph(
        "Functions: errors",
        ours.map(([label, made]) => made.metricErrors({ label })),
      ),
      graph(
        "Functions: throttled calls",
        ours.map(([label, made]) => made.metricThrottles({ label })),
      ),
      graph(
        "Functions: longest call, in milliseconds",
        ours.map(([label, made]) => made.metricDuration({ label, statistic: Stats.MAXIMUM })),
      ),
    );
  }

  #byStage(name: MetricName, statistic: string): IMetric[] {
    return STAGES.map((stage) =>
      scanMetric(this, name, {
        split: { stage },
        statistic,
        label: statistic === "Sum" ? stage : `${stage} ${statistic}`,
      }),
    );
  }

  /** Whatever codes there were: a metric each, which is not known before. */
  #outcomes(): MathExpression {
    const search = `{${METRIC_NAMESPACE},service,code} service="${serviceOf(this)}" MetricName="Outcomes"`;
    return new MathExpression({ expression: `SEARCH('${search}', 'Sum', 300)`, usingMetrics: {}, label: "" });
  }
}

const size = { width: 8, height: 6 };

function graph(title: string, left: readonly IMetric[], right: readonly IMetric[] = []): IWidget {
  return new GraphWidget({ title, left: [...left], right: [...right], ...size });
}

function executionsOf(machine: StateMachine): IMetric[] {
  return [
    machine.metricStarted(),
    machine.metricSucceeded(),
    machine.metricFailed(),
    machine.metricTimedOut(),
    machine.metricAborted(),
  ];
}
