import { readFileSync } from "node:fs";
import { Aws, RemovalPolicy, Stack } from "aws-cdk-lib";
import type { EcsJobDefinition, JobQueue } from "aws-cdk-lib/aws-batch";
import { PolicyStatement } from "aws-cdk-lib/aws-iam";
import { DefinitionBody, LogLevel, StateMachine, StateMachineType } from "aws-cdk-lib/aws-stepfunctions";
import { Construct } from "constructs";
import type { ScanBuckets } from "./scan-buckets.js";
import type { ScanFunctions } from "./scan-functions.js";
import { type LogKeeping, scanLog } from "./scan-log.js";
import type { StageJobs } from "./stage-jobs.js";

const WORKFLOW = new URL("../../src/workflow/scan-pipeline.asl.json", import.meta.url);

export interface ScanWorkflowProps {
  readonly buckets: ScanBuckets;
  readonly logs: LogKeeping;
  readonly functions: ScanFunctions;
  readonly jobs: StageJobs;
  readonly queue: JobQueue;
}

/**
 * What the placeholders of the workflow file stand for on AWS; the local engine's list is `src/local/bindings.ts`.
 *
 * Functions by version, jobs by revision: an execution keeps its definition, and with it code, models and image of the
 * deployment that it began in. A task remembers the digest of its model, and no stage goes on with another.
 */
export function workflowBindings({ functions, jobs, queue }: ScanWorkflowProps): Record<string, string> {
  return {
    Partition: Aws.PARTITION,
    InspectFunction: functions.inspect.currentVersion.functionArn,
    PreprocessFunction: functions.preprocess.currentVersion.functionArn,
    PublishFunction: functions.publish.currentVersion.functionArn,
    QuarantineFunction: functions.quarantine.currentVersion.functionArn,
    JobQueue: queue.jobQueueArn,
    PreprocessJobDefinition: jobs.preprocess.jobDefinitionArn,
    SegmentJobDefinition: jobs.segment.jobDefinitionArn,
    PostprocessJobDefinition: jobs.postprocess.jobDefinitionArn,
    PublishJobDefinition: jobs.publish.jobDefinitionArn,
  };
}

/** The state machine of the one workflow file, and exactly the rights that its states need. */
export class ScanWorkflow extends Construct {
  readonly stateMachine: StateMachine;

  constructor(scope: Construct, id: string, props: ScanWorkflowProps) {
    super(scope, id);
    this.stateMachine = new StateMachine(this, "StateMachine", {
      stateMachineType: StateMachineType.STANDARD,
      definitionBody: DefinitionBody.fromString(readFileSync(WORKFLOW, "utf8")),
      definitionSubstitutions: workflowBindings(props),
      tracingEnabled: true,
      logs: {
        destination: scanLog(this, "Log", props.logs),
        level: LogLevel.ALL,
        // Payloads hold ids alone, and still need not be copied to a second place.
        includeExecutionData: false,
      },
      removalPolicy: RemovalPolicy.DESTROY,
    });
    // `fromString` grants nothing by itself.
    const { functions, jobs, queue } = props;
    for (const target of [functions.inspect, functions.preprocess, functions.publish, functions.quarantine]) {
      this.stateMachine.addToRolePolicy(
        // All versions, as executions outlive a deployment, and nothing but versions.
        new PolicyStatement({ actions: ["lambda:InvokeFunction"], resources: [`${target.functionArn}:*`] }),
      );
    }
    this.#allowJobs(queue, [jobs.preprocess, jobs.segment, jobs.postprocess, jobs.publish]);
  }

  #allowJobs(queue: JobQueue, definitions: readonly EcsJobDefinition[]): void {
    const stack = Stack.of(this);
    this.stateMachine.addToRolePolicy(
      new PolicyStatement({
        actions: ["batch:SubmitJob"],
        // All revisions: executions outlive a deployment.
        resources: [
          queue.jobQueueArn,
          ...definitions.map(({ jobDefinitionName }) =>
            stack.formatArn({ service: "batch", resource: "job-definition", resourceName: `${jobDefinitionName}:*` }),
          ),
        ],
      }),
    );
    this.stateMachine.addToRolePolicy(
      // These two actions know no resource: a job has no ARN before it exists.
      new PolicyStatement({ actions: ["batch:DescribeJobs", "batch:TerminateJob"], resources: ["*"] }),
    );
    this.stateMachine.addToRolePolicy(
      // The rule by which `.sync` learns that a job ended; Step Functions makes it under this name.
      new PolicyStatement({
        actions: ["events:PutTargets", "events:PutRule", "events:DescribeRule"],
        resources: [
          stack.formatArn({
            service: "events",
            resource: "rule",
            resourceName: "StepFunctionsGetEventsForBatchJobsRule",
          }),
        ],
      }),
    );
  }
}
