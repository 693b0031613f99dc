import { readFileSync } from "node:fs";
import { ArnFormat, Aws, RemovalPolicy, Stack } from "aws-cdk-lib";
import { AttributeType, BillingMode, Table, TableEncryption } from "aws-cdk-lib/aws-dynamodb";
import { Policy, PolicyStatement } from "aws-cdk-lib/aws-iam";
import type { NodejsFunction } from "aws-cdk-lib/aws-lambda-nodejs";
import { DefinitionBody, LogLevel, StateMachine, StateMachineType } from "aws-cdk-lib/aws-stepfunctions";
import { Construct } from "constructs";
import { grantKey } from "./grants.js";
import type { ScanBuckets } from "./scan-buckets.js";
import { type LogKeeping, scanLog } from "./scan-log.js";

const WORKFLOW = new URL("../../src/workflow/backfill.asl.json", import.meta.url);

export interface BackfillProps {
  readonly buckets: ScanBuckets;
  readonly logs: LogKeeping;
  /** Begins and settles scans. */
  readonly handler: NodejsFunction;
  /** The one workflow. */
  readonly scans: StateMachine;
}

/** Starts the one workflow for many scans, with a record of what each backfill spent. */
export class Backfill extends Construct {
  readonly stateMachine: StateMachine;

  constructor(scope: Construct, id: string, { buckets, handler, scans, logs }: BackfillProps) {
    super(scope, id);
    const spend = new Table(this, "Spend", {
      partitionKey: { name: "pk", type: AttributeType.STRING },
      billingMode: BillingMode.PAY_PER_REQUEST,
      encryption: TableEncryption.CUSTOMER_MANAGED,
      encryptionKey: buckets.key,
      pointInTimeRecoverySpecification: { pointInTimeRecoveryEnabled: true },
      // All of it follows from the receipts.
      removalPolicy: RemovalPolicy.DESTROY,
    });
    spend.grant(handler, "dynamodb:GetItem", "dynamodb:UpdateItem");
    buckets.key.grantEncryptDecrypt(handler);
    handler.addEnvironment("SPEND_TABLE", spend.tableName);
    // Which attempts there were, and how they ended.
    handler.addEnvironment("STATE_MACHINE_ARN", scans.stateMachineArn);
    scans.grantExecution(handler, "states:DescribeExecution");

    this.stateMachine = new StateMachine(this, "StateMachine", {
      stateMachineType: StateMachineType.STANDARD,
      definitionBody: DefinitionBody.fromString(readFileSync(WORKFLOW, "utf8")),
      definitionSubstitutions: {
        Partition: Aws.PARTITION,
        BackfillFunction: handler.functionArn,
        ScanStateMachine: scans.stateMachineArn,
        WorkBucket: buckets.work.bucketName,
        ResultBucket: buckets.results.bucketName,
      },
      tracingEnabled: true,
      logs: {
        destination: scanLog(this, "Log", logs),
        level: LogLevel.ALL,
        includeExecutionData: false,
      },
      removalPolicy: RemovalPolicy.DESTROY,
    });
    this.#allow({ buckets, handler, scans, logs });
  }

  #allow({ buckets, handler, scans }: BackfillProps): void {
    const stack = Stack.of(this);
    const allow = (actions: string[], ...resources: string[]) =>
      this.stateMachine.addToRolePolicy(new PolicyStatement({ actions, resources }));
    allow(["lambda:InvokeFunction"], handler.functionArn);
    allow(["states:StartExecution"], scans.stateMachineArn);
    allow(["states:DescribeExecution", "states:StopExecution"], executionsOf(scans));
    // The rule by which `.sync` learns that an execution ended; Step Functions makes it under this name.
    allow(
      ["events:PutTargets", "events:PutRule", "events:DescribeRule"],
      stack.formatArn({
        service: "events",
        resource: "rule",
        resourceName: "StepFunctionsGetEventsForStepFunctionsExecutionRule",
      }),
    );
    allow(["s3:GetObject"], buckets.work.arnForObjects("backfill/*"));
    allow(
      ["s3:PutObject", "s3:AbortMultipartUpload", "s3:ListMultipartUploadParts", "s3:GetObject"],
      buckets.results.arnForObjects("backfill/*"),
    );
    // A bucket that was there already has a key of its own, or none that we know.
    const keys = new Set([buckets.key, ...(buckets.results.encryptionKey ? [buckets.results.encryptionKey] : [])]);
    for (const key of keys) grantKey(key, this.stateMachine, ["kms:Decrypt", "kms:GenerateDataKey"]);
    // Items of a distributed map are executions of this machine itself, whose ARN its own policy cannot name before it is.
    new Policy(this, "Items", {
      roles: [this.stateMachine.role],
      statements: [
        new PolicyStatement({ actions: ["states:StartExecution"], resources: [this.stateMachine.stateMachineArn] }),
        new PolicyStatement({
          actions: ["states:DescribeExecution", "states:StopExecution"],
          resources: [executionsOf(this.stateMachine)],
        }),
      ],
    });
  }
}

function executionsOf(machine: StateMachine): string {
  return Stack.of(machine).formatArn({
    service: "states",
    resource: "execution",
    resourceName: `${machine.stateMachineName}:*`,
    arnFormat: ArnFormat.COLON_RESOURCE_NAME,
  });
}
