import { readFileSync } from "node:fs";
import { App, Stack } from "aws-cdk-lib";
import { Match } from "aws-cdk-lib/assertions";
import { describe, expect, it } from "vitest";
import { METRIC_NAMESPACE, METRICS, type MetricName } from "#src/core/meter.js";
import { EVENT_SOURCE } from "#src/workflow/scan-events.js";
import { FAULTS } from "../../infra/constructs/scan-alarms.js";
import { scanMetric } from "../../infra/constructs/scan-metrics.js";
import { synthesize } from "./synthesize.js";

const template = synthesize({ alarms: { dailyBudgetUsd: 12.5, queueMinutes: 30, quarantinePercent: 7 } });
// biome-ignore lint/suspicious/noExplicitAny: a template is JSON without a type
type Resource = { Type: string; Properties: any };
const resources: Record<string, Resource> = template.toJSON().Resources;
const ofType = (type: string) => Object.entries(resources).filter(([, one]) => one.Type === type);
const alarms = new Map(ofType("AWS::CloudWatch::Alarm").map(([id, { Properties }]) => [headingOf(Properties), id]));
const alarm = (heading: string) => resources[alarms.get(heading) ?? ""]?.Properties;

function headingOf({ AlarmDescription }: { AlarmDescription: string }): string {
  return /^What to do: docs\/runbook\.md#([a-z-]+)$/.exec(AlarmDescription)?.[1] ?? AlarmDescription;
}

/** Headings of the runbook's chapter of alarms, with what is below each. */
const runbook = readFileSync(new URL("../../docs/runbook.md", import.meta.url), "utf8");
const chapter = runbook.split(/^## /m).find((text) => text.startsWith("Alarms\n")) ?? "";
const sections = new Map(
  chapter
    .split(/^### /m)
    .slice(1)
    .map((text) => [(text.split("\n")[0] ?? "").toLowerCase().replaceAll(" ", "-"), text]),
);

/** Statements of the roles whose policies' names begin so. */
const allowed = (prefix: string) =>
  ofType("AWS::IAM::Policy")
    .filter(([name]) => name.startsWith(prefix))
    .flatMap(([, { Properties }]) => Properties.PolicyDocument.Statement);
// biome-ignore lint/suspicious/noExplicitAny: as above
const actionsOf = (statements: any[]): string[] => statements.flatMap(({ Action }) => [Action].flat()).sort();

describe("alarms", () => {
  it("have each a heading of the runbook, and each heading has its alarm", () => {
    expect([...sections.keys()].sort()).toEqual([...alarms.keys()].sort());
    expect(alarms.size).toBe(ofType("AWS::CloudWatch::Alarm").length);
  });

  it.each([...sections])("are explained: %s", (_, text) => {
    for (const part of ["Means", "Look", "Do", "Wake somebody"]) expect(text).toContain(`**${part}.**`);
    expect(text).toMatch(/```sh\n(aws|npx scanlane|ask) /);
  });

  it("ring one topic, under a threshold that is reached and not passed", () => {
    const topic = ofType("AWS::SNS::Topic").find(([id]) => id.startsWith("AlarmsTopic"))?.[0];
    for (const [, { Properties }] of ofType("AWS::CloudWatch::Alarm")) {
      expect(Properties.AlarmActions).toEqual([{ Ref: topic }]);
      expect(Properties.ComparisonOperator).toBe("GreaterThanOrEqualToThreshold");
    }
  });

  it("see executions that failed, timed out and were stopped, and a backfill's too", () => {
    const names = ["failed", "timed-out", "aborted"].map((end) => alarm(`${end}-executions`));
    // A single bad file would keep an alarm of all failures on, and hide the fault that came after it.
    expect(names.map(({ MetricName, Threshold, Period }) => [MetricName, Threshold, Period])).toEqual([
      ["ExecutionsFailed", 5, 3600],
      ["ExecutionsTimedOut", 1, 900],
      ["ExecutionsAborted", 1, 900],
    ]);
    const metrics = alarm("backfill-stopped").Metrics.flatMap((one: Resource["Properties"]) => one.MetricStat ?? []);
    expect(metrics.map(({ Metric }: Resource["Properties"]) => Metric.MetricName).sort()).toEqual([
      "ExecutionsAborted",
      "ExecutionsFailed",
      "ExecutionsTimedOut",
    ]);
    for (const { Metric } of metrics) expect(JSON.stringify(Metric.Dimensions)).toContain("BackfillStateMachine");
  });

  it("see a message that failed twice, and not one that failed once: between its second delivery and its third", () => {
    const queue = ofType("AWS::SQS::Queue").find(([id]) => id.startsWith("IntakeQueue"))?.[1].Properties;
    const deliveries = alarm("old-messages").Threshold / queue.VisibilityTimeout;
    // The first delivery is at 0, and a call takes a sixth of the time between two.
    expect(deliveries).toBeGreaterThan(1 + 1 / 6);
    expect(deliveries).toBeLessThan(2);
    expect(sections.get("old-messages")).toContain(`for ${alarm("old-messages").Threshold / 60} minutes`);
    const toDeadLetter = (queue.RedrivePolicy.maxReceiveCount * queue.VisibilityTimeout) / 3600;
    expect(sections.get("dead-letters")).toContain(`${toDeadLetter} hours`);
  });

  it("see one fault that no sender can mend, each that its chapter names, and one without a record", () => {
    const { Metrics, Threshold } = alarm("faults");
    const stats = Metrics.flatMap((one: Resource["Properties"]) => one.MetricStat ?? []);
    const outcomes = stats.filter(({ Metric }: Resource["Properties"]) => Metric.MetricName === "Outcomes");
    const codes = outcomes.map(
      ({ Metric }: Resource["Properties"]) =>
        Metric.Dimensions.find(({ Name }: { Name: string }) => Name === "code").Value,
    );
    expect(codes.toSorted()).toEqual([...FAULTS].toSorted());
    const means = sections.get("faults")?.split("**Look.**")[0] ?? "";
    expect([...means.matchAll(/`(\w+)`/g)].map(([, code]) => code).toSorted()).toEqual(codes.toSorted());
    // Not the errors of a function: those include what is tried again and succeeds, and no call that never came to it.
    const others = stats.filter(({ Metric }: Resource["Properties"]) => Metric.MetricName !== "Outcomes");
    expect(others.map(({ Metric }: Resource["Properties"]) => Metric.MetricName)).toEqual(["ScansUnrecorded"]);
    expect(Threshold).toBe(1);
    const { Expression } = Metrics.find((one: Resource["Properties"]) => one.Expression !== undefined);
    // A code that there never was has no data, and a sum with it none either.
    expect(Expression.match(/FILL\(/g)).toHaveLength(stats.length);
    expect(stats.every(({ Stat, Period }: Resource["Properties"]) => Stat === "Sum" && Period === 900)).toBe(true);
  });

  it("see notices that nobody takes, when one that fails would be a dead letter", () => {
    const queue = ofType("AWS::SQS::Queue").find(([id]) => id.startsWith("NoticesQueue"))?.[1].Properties;
    const { MetricName, Threshold } = alarm("old-notices");
    expect(MetricName).toBe("ApproximateAgeOfOldestMessage");
    expect(Threshold).toBe(queue.RedrivePolicy.maxReceiveCount * queue.VisibilityTimeout);
    expect(sections.get("old-notices")).toContain(`for ${Threshold / 60} minutes`);
  });

  it("have time to be read: a message that nobody takes is kept as long as a dead letter", () => {
    const kept = ofType("AWS::SQS::Queue").map(([, { Properties }]) => Properties.MessageRetentionPeriod / 86_400);
    expect(kept).toEqual([14, 14, 14, 14]);
  });

  it("ring at what the configuration says", () => {
    expect(alarm("cost-of-the-day")).toMatchObject({
      MetricName: "ReceiptCostHighUsd",
      Period: 86_400,
      Statistic: "Sum",
      Threshold: 12.5,
    });
    expect(alarm("jobs-waiting")).toMatchObject({ MetricName: "QueueHeadSeconds", Threshold: 1800 });
    expect(alarm("quarantine-rate").Threshold).toBe(7);
  });

  it("ring too when nobody looks at the job queue any more, and no other alarm without data", () => {
    const breaching = [...alarms.keys()].filter((heading) => alarm(heading).TreatMissingData === "breaching");
    expect(breaching).toEqual(["jobs-waiting"]);
    expect(alarm("jobs-waiting")).toMatchObject({ EvaluationPeriods: 3, Period: 300 });
  });
});

describe("metrics", () => {
  /** Every metric of ours that the template names, in alarms and on the dashboard. */
  const text = JSON.stringify(template.toJSON());
  const isNamed = (name: string) => new RegExp(`"${name}\\\\*"`).test(text);

  it("are all on the dashboard", () => {
    expect(Object.keys(METRICS).filter((name) => !isNamed(name))).toEqual([]);
  });

  it("belong to this deployment: functions, jobs, alarms and dashboard call it the same", () => {
    const service = "scanlane-test";
    const functions = ofType("AWS::Lambda::Function").map(([, { Properties }]) => Properties.Environment.Variables);
    expect(new Set(functions.map(({ POWERTOOLS_SERVICE_NAME }) => POWERTOOLS_SERVICE_NAME))).toEqual(
      new Set([service]),
    );
    for (const [, { Properties }] of ofType("AWS::Batch::JobDefinition")) {
      expect(Properties.ContainerProperties.Environment).toContainEqual({
        Name: "POWERTOOLS_SERVICE_NAME",
        Value: service,
      });
    }
    const cost = alarm("cost-of-the-day");
    expect([cost.Namespace, cost.Dimensions]).toEqual([METRIC_NAMESPACE, [{ Name: "service", Value: service }]]);
  });

  it("refuse a split that no function records", () => {
    const stack = new Stack(new App(), "other");
    expect(() => scanMetric(stack, "StageSeconds")).toThrow(/StageSeconds is split by "stage"/);
    const every = Object.entries(METRICS).map(([name, { by }]) =>
      scanMetric(stack, name as MetricName, { split: Object.fromEntries(by.map((one) => [one, "x"])) }),
    );
    expect(every).toHaveLength(Object.keys(METRICS).length);
  });
});

describe("the dashboard", () => {
  it("shows every alarm, and fits into what CloudWatch takes", () => {
    const [[, dashboard] = []] = ofType("AWS::CloudWatch::Dashboard");
    const body = JSON.stringify(dashboard?.Properties.DashboardBody);
    for (const id of alarms.values()) expect(body).toContain(`"${id}"`);
    const widgets = body.match(/\\"type\\":\\"(metric|text|alarm)\\"/g) ?? [];
    expect(widgets.length).toBeGreaterThan(10);
    expect(widgets.length).toBeLessThan(500);
  });
});

describe("the watch of the job queue", () => {
  it("may look at the one queue, and write its logs and traces", () => {
    const statements = allowed("FunctionsQueueWatchRole");
    expect(actionsOf(statements)).toEqual([
      "batch:GetJobQueueSnapshot",
      "logs:CreateLogStream",
      "logs:PutLogEvents",
      "xray:PutTelemetryRecords",
      "xray:PutTraceSegments",
    ]);
    const [look] = statements.filter(({ Action }) => Action === "batch:GetJobQueueSnapshot");
    expect(JSON.stringify(look.Resource)).toMatch(/ComputeQueue/);
  });

  it("looks every five minutes, and when a job of the queue starts", () => {
    template.hasResourceProperties("AWS::Events::Rule", { ScheduleExpression: "rate(5 minutes)" });
    template.hasResourceProperties("AWS::Events::Rule", {
      EventPattern: {
        source: ["aws.batch"],
        detail: { jobQueue: [Match.anyValue()], status: ["RUNNING"] },
      },
    });
  });
});

describe("notices", () => {
  it("may read the table of runs, publish to two topics and under one source, and nothing else", () => {
    const statements = allowed("FunctionsAnnounceRole");
    expect(actionsOf(statements).filter((action) => !/^(logs|xray|kms|sqs):/.test(action))).toEqual([
      "events:PutEvents",
      "s3:GetObject",
      "s3:GetObjectVersion",
      "s3:ListBucket",
      "sns:Publish",
    ]);
    const of = (action: string) => statements.find(({ Action }) => [Action].flat().includes(action));
    expect(of("events:PutEvents").Condition).toEqual({ StringEquals: { "events:source": EVENT_SOURCE } });
    expect(JSON.stringify(of("events:PutEvents").Resource)).toContain("event-bus/default");
    expect(JSON.stringify(of("sns:Publish").Resource)).toMatch(/NoticesEnded.*NoticesEvents/);
    expect(JSON.stringify(of("s3:GetObject").Resource)).toContain("/index/*");
    expect(JSON.stringify(of("sqs:ReceiveMessage").Resource)).toMatch(/NoticesQueue/);
  });

  it("follow every end of an execution of the one workflow, through a queue with dead letters", () => {
    template.hasResourceProperties("AWS::Events::Rule", {
      EventPattern: {
        source: ["aws.states"],
        detail: {
          stateMachineArn: [{ Ref: Match.stringLikeRegexp("^WorkflowStateMachine") }],
          status: ["SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED"],
        },
      },
      Targets: [
        {
          Arn: { "Fn::GetAtt": [Match.stringLikeRegexp("^NoticesQueue"), "Arn"] },
          DeadLetterConfig: { Arn: { "Fn::GetAtt": [Match.stringLikeRegexp("^NoticesDeadLetters"), "Arn"] } },
        },
      ],
    });
  });
});
