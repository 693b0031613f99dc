/** A finding of cdk-nag that stays, and why. */
export interface Acknowledged {
  /** The rule, with the detail that some rules add in brackets. */
  readonly rule: RegExp;
  /** Paths of the constructs that it may be found in, below the stack. */
  readonly where: RegExp;
  readonly reason: string;
}

const anywhere = /./;

/** Every finding of the packs AwsSolutions and HIPAA Security that stays; `test/infra` refuses any other. */
export const ACKNOWLEDGED: readonly Acknowledged[] = [
  {
    rule: /^AwsSolutions-IAM5\[Resource::<(Buckets(Scans|Work|Results)|DeidMaps)\w+\.Arn>\/.*\]$/,
    where: /^((Functions|Jobs)\/\w+Role|Backfill\/StateMachine\/Role)\//,
    reason: "objects of one bucket, by exact actions: their keys are not known before there is a scan",
  },
  {
    rule: /^AwsSolutions-IAM5\[Resource::\*\]$/,
    where: /^(Functions\/\w+Role|Jobs\/\w+\/ExecutionRole|(Workflow|Backfill)\/StateMachine\/Role|Network\/)/,
    reason:
      "actions that know no resource, each listed in test/infra: traces, log delivery, registry token, job status",
  },
  {
    rule: /^AwsSolutions-IAM5\[Resource::.*:(batch|states):.*:\*\]$/,
    where: /^(Workflow\/StateMachine\/Role|Backfill\/(StateMachine\/Role|Items)|Functions\/(Intake|Backfill)Role)\//,
    reason: "revisions of our job definitions, which running executions still submit, and executions of our workflows",
  },
  {
    rule: /^AwsSolutions-IAM5\[Resource::<Functions(Inspect|Preprocess|Publish|Quarantine)\w+\.Arn>:\*\]$/,
    where: /^Workflow\/StateMachine\/Role\//,
    reason: "versions of one function, of which running executions still call the one that they began with",
  },
  {
    rule: /^AwsSolutions-IAM5\[Resource::.*:scheduler:.*:schedule\/.*-Checks-\w+\/\*\]$/,
    where: /^Functions\/IntakeRole\//,
    reason: "schedules of our own group: their names are not known before there is a series",
  },
  {
    rule: /^AwsSolutions-IAM5\[Action::kms:(GenerateDataKey|ReEncrypt)\*\]$/,
    where: /^Functions\/(Intake|Backfill)Role\//,
    reason: "on the one key: what DynamoDB asks of whoever uses a table under it",
  },
  {
    rule: /^AwsSolutions-IAM4\[Policy::.*AmazonEC2ContainerServiceforEC2Role\]$/,
    where: /^Compute\/(Spot|OnDemand)\/InstanceProfileRole\//,
    reason: "the agent of ECS on an instance, whose rights AWS keeps up to date",
  },
  {
    rule: /^AwsSolutions-L1$/,
    where: /^Functions\//,
    reason: "Node 22 is a supported runtime, and the one that the bundles are built for and tested with",
  },
  {
    rule: /^HIPAA\.Security-S3BucketReplicationEnabled$/,
    where: /^(Buckets|DataEvents|Deid)\//,
    reason: "whether and where patient data may be copied is the operator's decision; versions guard against removal",
  },
  {
    rule: /^HIPAA\.Security-S3DefaultEncryptionKMS$/,
    where: /^Buckets\/AccessLogs\//,
    reason: "S3 delivers access logs only to buckets under its own keys",
  },
  {
    rule: /^HIPAA\.Security-VPCDefaultSecurityGroupClosed$/,
    where: /^Network\//,
    reason: "nothing is in the default group; to empty it would deploy a function with rights on the network",
  },
  {
    rule: /^HIPAA\.Security-VPC(SubnetAutoAssignPublicIpDisabled|NoUnrestrictedRouteToIGW)$/,
    where: /^Network\/Vpc\/computeSubnet/,
    reason: "profile minimal alone: nothing may come in and TLS alone may go out; profile isolated has neither",
  },
  {
    rule: /^HIPAA\.Security-IAMNoInlinePolicy$/,
    where: anywhere,
    reason: "each role has one policy of its own, which nobody else shall share",
  },
  {
    rule: /^HIPAA\.Security-LambdaConcurrency$/,
    where: /^Functions\//,
    reason: "the queue and the workflow's map bound it; a reservation would take from the account's other functions",
  },
  {
    rule: /^HIPAA\.Security-LambdaDLQ$/,
    where: /^Functions\//,
    reason:
      "queues have dead letters, the workflow sets aside what fails, and a missed look at the job queue raises an alarm",
  },
  {
    rule: /^HIPAA\.Security-LambdaInsideVPC$/,
    where: /^Functions\//,
    reason: "functions open no port and call services of AWS alone, by their roles",
  },
  {
    rule: /^HIPAA\.Security-CloudTrailCloudWatchLogsEnabled$/,
    where: /^DataEvents\//,
    reason: "records hold object keys, which may hold names of patients: they stay in one encrypted bucket",
  },
  {
    rule: /^HIPAA\.Security-DynamoDBInBackupPlan$/,
    where: /^(Intake\/Ledger|Backfill\/Spend)\//,
    reason: "point-in-time recovery is on, and all that it holds follows from the buckets",
  },
];
