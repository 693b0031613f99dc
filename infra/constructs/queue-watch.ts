import { Duration } from "aws-cdk-lib";
import type { JobQueue } from "aws-cdk-lib/aws-batch";
import { Rule, Schedule } from "aws-cdk-lib/aws-events";
import { LambdaFunction } from "aws-cdk-lib/aws-events-targets";
import { PolicyStatement } from "aws-cdk-lib/aws-iam";
import type { NodejsFunction } from "aws-cdk-lib/aws-lambda-nodejs";
import { Construct } from "constructs";

/** Between two looks at the queue. */
export const LOOK_EVERY = Duration.minutes(5);

export interface QueueWatchProps {
  readonly queue: JobQueue;
  readonly watch: NodejsFunction;
}

/** Has the job queue looked at, of which CloudWatch has no metric: every few minutes, and when a job starts. */
export class QueueWatch extends Construct {
  constructor(scope: Construct, id: string, { queue, watch }: QueueWatchProps) {
    super(scope, id);
    watch.addEnvironment("JOB_QUEUE", queue.jobQueueArn);
    watch.addToRolePolicy(
      new PolicyStatement({ actions: ["batch:GetJobQueueSnapshot"], resources: [queue.jobQueueArn] }),
    );
    // What cannot be looked at now is looked at next time.
    const target = () => new LambdaFunction(watch, { retryAttempts: 0, maxEventAge: LOOK_EVERY });
    new Rule(this, "Tick", {
      description: "Looks at the job queue",
      schedule: Schedule.rate(LOOK_EVERY),
      targets: [target()],
    });
    new Rule(this, "JobStarted", {
      description: "Jobs that started, for how long they waited",
      eventPattern: {
        source: ["aws.batch"],
        detailType: ["Batch Job State Change"],
        detail: { jobQueue: [queue.jobQueueArn], status: ["RUNNING"] },
      },
      targets: [target()],
    });
  }
}
