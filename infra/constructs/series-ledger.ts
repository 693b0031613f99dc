import { RemovalPolicy, Stack } from "aws-cdk-lib";
import { AttributeType, BillingMode, Table, TableEncryption } from "aws-cdk-lib/aws-dynamodb";
import { PolicyStatement, Role, ServicePrincipal } from "aws-cdk-lib/aws-iam";
import type { NodejsFunction } from "aws-cdk-lib/aws-lambda-nodejs";
import { ScheduleGroup } from "aws-cdk-lib/aws-scheduler";
import type { Queue } from "aws-cdk-lib/aws-sqs";
import { Construct } from "constructs";
import type { InfraConfig } from "../config.js";
import { grantKey } from "./grants.js";
import type { ScanBuckets } from "./scan-buckets.js";

export interface SeriesLedgerProps {
  readonly buckets: ScanBuckets;
  readonly intake: NodejsFunction;
  readonly queue: Queue;
  readonly deadLetters: Queue;
  /** How long a series of loose files must be quiet where nothing better says that it is complete. */
  readonly quietSeconds: number;
  /** How long is waited for files that are known to be missing. */
  readonly maxWaitHours: number;
  /** Days after which what did not change is forgotten. */
  readonly ledgerDays: number;
  /** What uploads get and may ask for. */
  readonly uploads: InfraConfig["uploads"];
}

/**
 * What intake remembers of loose files, and the checks that it has made later: a table, and one-time schedules that
 * send a message to the intake queue.
 */
export class SeriesLedger extends Construct {
  readonly table: Table;

  constructor(scope: Construct, id: string, props: SeriesLedgerProps) {
    super(scope, id);
    const { buckets, intake, queue, deadLetters } = props;
    this.table = new Table(this, "Table", {
      partitionKey: { name: "pk", type: AttributeType.STRING },
      sortKey: { name: "sk", type: AttributeType.STRING },
      billingMode: BillingMode.PAY_PER_REQUEST,
      // Items hold object keys and UIDs.
      encryption: TableEncryption.CUSTOMER_MANAGED,
      encryptionKey: buckets.key,
      timeToLiveAttribute: "expiresAt",
      pointInTimeRecoverySpecification: { pointInTimeRecoveryEnabled: true },
      // All of it follows from the scan bucket, which stays.
      removalPolicy: RemovalPolicy.DESTROY,
    });
    // Of the actions of the ledger's interface, and no other: counts alone are updated in place, nothing is scanned or removed.
    this.table.grant(intake, "dynamodb:PutItem", "dynamodb:Query", "dynamodb:BatchGetItem", "dynamodb:UpdateItem");
    buckets.key.grantEncryptDecrypt(intake);

    const group = new ScheduleGroup(this, "Checks", { removalPolicy: RemovalPolicy.DESTROY });
    const sender = new Role(this, "Sender", {
      description: "EventBridge Scheduler sends checks to the intake queue",
      assumedBy: new ServicePrincipal("scheduler.amazonaws.com", {
        conditions: {
          StringEquals: { "aws:SourceAccount": Stack.of(this).account, "aws:SourceArn": group.scheduleGroupArn },
        },
      }),
    });
    sender.addToPolicy(
      new PolicyStatement({ actions: ["sqs:SendMessage"], resources: [queue.queueArn, deadLetters.queueArn] }),
    );
    grantKey(buckets.key, sender, ["kms:GenerateDataKey", "kms:Decrypt"]);
    intake.addToRolePolicy(
      new PolicyStatement({
        actions: ["scheduler:CreateSchedule"],
        resources: [
          Stack.of(this).formatArn({
            service: "scheduler",
            resource: "schedule",
            resourceName: `${group.scheduleGroupName}/*`,
          }),
        ],
      }),
    );
    intake.addToRolePolicy(
      new PolicyStatement({
        actions: ["iam:PassRole"],
        resources: [sender.roleArn],
        conditions: { StringEquals: { "iam:PassedToService": "scheduler.amazonaws.com" } },
      }),
    );

    const environment = {
      LEDGER_TABLE: this.table.tableName,
      LEDGER_DAYS: String(props.ledgerDays),
      QUIET_SECONDS: String(props.quietSeconds),
      MAX_WAIT_SECONDS: String(props.maxWaitHours * 3600),
      SCHEDULE_GROUP: group.scheduleGroupName,
      SCHEDULE_ROLE_ARN: sender.roleArn,
      QUEUE_ARN: queue.queueArn,
      DEAD_LETTER_ARN: deadLetters.queueArn,
      UPLOAD_RULES: JSON.stringify(props.uploads),
    };
    for (const [name, value] of Object.entries(environment)) intake.addEnvironment(name, value);
  }
}
