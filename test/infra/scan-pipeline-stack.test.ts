import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Match } from "aws-cdk-lib/assertions";
import { describe, expect, it } from "vitest";
import { ERROR_CLASSES } from "#src/core/errors.js";
import { LOCAL_BINDINGS } from "#src/local/bindings.js";
import { synthesize } from "./synthesize.js";

const hasCfnLint = spawnSync("cfn-lint", ["--version"]).status === 0;

const template = synthesize();
// biome-ignore lint/suspicious/noExplicitAny: a template is JSON without a type
type Resource = { Type: string; Properties: any; DeletionPolicy?: string };
const resources: Record<string, Resource> = template.toJSON().Resources;
const ofType = (type: string) => Object.entries(resources).filter(([, { Type }]) => Type === type);
const statements = () =>
  ofType("AWS::IAM::Policy").flatMap(([name, { Properties }]) =>
    // biome-ignore lint/suspicious/noExplicitAny: as above
    Properties.PolicyDocument.Statement.map((statement: any) => ({ name, ...statement })),
  );
const listed = (value: unknown): string[] =>
  (Array.isArray(value) ? value : [value]).map((one) => (typeof one === "string" ? one : JSON.stringify(one)));

describe("buckets", () => {
  it("are encrypted, versioned, closed to the public and kept with their patient data", () => {
    const buckets = ofType("AWS::S3::Bucket").filter(([name]) => !name.includes("AccessLogs"));
    expect(buckets).toHaveLength(3);
    for (const [, { Properties, DeletionPolicy }] of buckets) {
      const [rule] = Properties.BucketEncryption.ServerSideEncryptionConfiguration;
      expect(rule.ServerSideEncryptionByDefault.SSEAlgorithm).toBe("aws:kms");
      expect(rule.ServerSideEncryptionByDefault.KMSMasterKeyID).toBeDefined();
      expect(Properties.VersioningConfiguration.Status).toBe("Enabled");
      expect(Object.values(Properties.PublicAccessBlockConfiguration)).toEqual([true, true, true, true]);
      expect(Properties.LoggingConfiguration).toBeDefined();
      expect(Properties.LifecycleConfiguration.Rules.length).toBeGreaterThan(0);
      expect(DeletionPolicy).toBe("Retain");
    }
  });

  it("refuse whatever does not come by TLS", () => {
    const policies = ofType("AWS::S3::BucketPolicy");
    expect(policies).toHaveLength(4);
    for (const [, { Properties }] of policies) {
      expect(Properties.PolicyDocument.Statement).toEqual(
        expect.arrayContaining([
          expect.objectContaining({ Effect: "Deny", Condition: { Bool: { "aws:SecureTransport": "false" } } }),
        ]),
      );
    }
  });

  it("take no upload that the pipeline could not read: under another key, or in storage to be restored", () => {
    const [[, policy] = []] = ofType("AWS::S3::BucketPolicy").filter(([name]) => name.startsWith("BucketsScans"));
    const denied = policy?.Properties.PolicyDocument.Statement.filter(
      ({ Action, Effect }: { Action: string; Effect: string }) => Effect === "Deny" && Action === "s3:PutObject",
    );
    const header = (name: string) => `s3:x-amz-${name}`;
    // Of a header that is missing every negated comparison holds: without the first condition no upload would be let in.
    const unless = (name: string, value: unknown) => ({
      Null: { [header(name)]: "false" },
      StringNotEquals: { [header(name)]: value },
    });
    expect(denied.map(({ Condition }: { Condition: object }) => Condition)).toEqual([
      { Null: { [header("server-side-encryption-customer-algorithm")]: "false" } },
      unless("server-side-encryption", "aws:kms"),
      unless("server-side-encryption-aws-kms-key-id", expect.anything()),
      // KMS without the name of a key is another key than the bucket's.
      {
        StringEquals: { [header("server-side-encryption")]: "aws:kms" },
        Null: { [header("server-side-encryption-aws-kms-key-id")]: "true" },
      },
      unless("storage-class", ["STANDARD", "STANDARD_IA", "INTELLIGENT_TIERING"]),
    ]);
  });

  it("tell EventBridge of uploads without a helper function", () => {
    template.resourcePropertiesCountIs(
      "AWS::S3::Bucket",
      { NotificationConfiguration: { EventBridgeConfiguration: { EventBridgeEnabled: true } } },
      1,
    );
    expect(ofType("Custom::S3BucketNotifications")).toEqual([]);
  });
});

describe("encryption elsewhere", () => {
  it("covers queues, topics and logs with the customer's rotated key", () => {
    template.allResourcesProperties("AWS::KMS::Key", { EnableKeyRotation: true });
    template.allResourcesProperties("AWS::SQS::Queue", { KmsMasterKeyId: Match.anyValue() });
    template.allResourcesProperties("AWS::SNS::Topic", { KmsMasterKeyId: Match.anyValue() });
    template.allResourcesProperties("AWS::Logs::LogGroup", { KmsKeyId: Match.anyValue(), RetentionInDays: 90 });
  });

  it("lets CloudWatch Logs use the key for this account's log groups alone", () => {
    const [[, key] = []] = ofType("AWS::KMS::Key");
    const logs = key?.Properties.KeyPolicy.Statement.filter((one: unknown) => JSON.stringify(one).includes("logs."));
    expect(logs).toHaveLength(1);
    expect(JSON.stringify(logs[0].Condition)).toContain("kms:EncryptionContext:aws:logs:arn");
  });

  it("covers the instances' disks, and their metadata needs a token", () => {
    template.hasResourceProperties("AWS::EC2::LaunchTemplate", {
      LaunchTemplateData: {
        BlockDeviceMappings: [{ DeviceName: "/dev/xvda", Ebs: { Encrypted: true, VolumeSize: 200 } }],
        MetadataOptions: { HttpTokens: "required" },
      },
    });
  });
});

describe("grants", () => {
  it("name their resources, but for the actions that know none", () => {
    const wide = statements().filter(({ Resource }) => listed(Resource).includes("*"));
    const actions = new Set(wide.flatMap(({ Action }) => listed(Action)));
    expect([...actions].sort()).toEqual([
      // A job has no ARN before it exists.
      "batch:DescribeJobs",
      "batch:TerminateJob",
      // The token is for the whole registry.
      "ecr:GetAuthorizationToken",
      // Delivery of logs and traces is managed for the account.
      "logs:CreateLogDelivery",
      "logs:DeleteLogDelivery",
      "logs:DescribeLogGroups",
      "logs:DescribeResourcePolicies",
      "logs:GetLogDelivery",
      "logs:ListLogDeliveries",
      "logs:PutResourcePolicy",
      "logs:UpdateLogDelivery",
      "xray:GetSamplingRules",
      "xray:GetSamplingTargets",
      "xray:PutTelemetryRecords",
      "xray:PutTraceSegments",
    ]);
  });

  it("name their actions, but for two of KMS", () => {
    const actions = statements().flatMap(({ Action }) => listed(Action));
    const wide = statements().flatMap(({ name, Action }) =>
      listed(Action)
        .filter((action) => action.includes("*"))
        .map((action) => `${name.replace(/DefaultPolicy.*/, "")} ${action}`),
    );
    expect(actions).not.toContain("*");
    // On the one key alone: what DynamoDB and SNS ask of those who use them under it.
    expect(wide.sort()).toEqual([
      "FunctionsBackfillRole kms:GenerateDataKey*",
      "FunctionsBackfillRole kms:ReEncrypt*",
      "FunctionsIntakeRole kms:GenerateDataKey*",
      "FunctionsIntakeRole kms:ReEncrypt*",
    ]);
  });

  it("let each role use the buckets as its stage does, and no other", () => {
    const uses: Record<string, string[]> = {};
    for (const { name, Action, Resource } of statements()) {
      const verbs = listed(Action).flatMap((action) => /^s3:(Get|Put|Delete)Object$/.exec(action)?.[1] ?? []);
      const buckets = [...JSON.stringify(Resource).matchAll(/Buckets(Scans|Work|Results)[^/]*\/([^"]*)"/g)];
      const role = name.replace(/Role.*/, "");
      for (const verb of verbs) {
        for (const [, bucket, keys] of buckets) uses[role] = [...(uses[role] ?? []), `${verb} ${bucket} ${keys}`];
      }
    }
    const sorted = Object.fromEntries(Object.entries(uses).map(([role, its]) => [role, its.toSorted()]));
    const work = ["Get Work *", "Put Work *"];
    const failure = (stage: string) => `Delete Work s-*/a*/failures/t*-${stage}.json`;
    expect(sorted).toEqual({
      BackfillStateMachine: ["Get Results backfill/*", "Get Work backfill/*", "Put Results backfill/*"],
      FunctionsAnnounce: ["Get Results index/*"],
      FunctionsBackfill: ["Get Results *", "Put Results backfill/*"],
      FunctionsIntake: [
        "Delete Results held/*",
        "Get Results held/*",
        "Get Scans *",
        "Get Work */source.json",
        "Put Results held/*",
        "Put Work */source.json",
      ],
      FunctionsInspect: ["Get Scans *", ...work],
      FunctionsPreprocess: ["Get Scans *", ...work],
      FunctionsPublish: ["Get Results *", "Get Work *", "Put Results *", "Put Work *"],
      FunctionsQuarantine: ["Get Work *", "Put Results index/*", "Put Results quarantine/*"],
      JobsPreprocess: [failure("preprocess"), "Get Scans *", ...work],
      JobsSegment: [failure("segment"), ...work],
      JobsPostprocess: [failure("postprocess"), ...work],
      JobsPublish: [failure("publish"), "Get Results *", "Get Work *", "Put Results *", "Put Work *"],
    });
  });

  it("let only Publish and Quarantine write results, intake and a backfill their own records, and nobody write scans", () => {
    const writers = (bucket: string) =>
      statements()
        .filter(
          ({ Action, Resource }) =>
            listed(Action).some((a) => a.startsWith("s3:Put")) && JSON.stringify(Resource).includes(bucket),
        )
        .map(({ name }) => name.replace(/^Functions|Role.*$/g, ""));
    expect(new Set(writers("BucketsResults"))).toEqual(
      new Set(["Backfill", "BackfillStateMachine", "Intake", "JobsPublish", "Publish", "Quarantine"]),
    );
    expect(writers("BucketsScans")).toEqual([]);
  });

  it("let nobody delete, but a job the failure record of its own stage, and intake the record of a held scan", () => {
    const deleting = statements().filter(({ Action }) => listed(Action).some((action) => action.includes("Delete")));
    const objects = deleting.filter(({ Action }) => listed(Action).some((action) => action.startsWith("s3:")));
    const stages = objects.map(
      ({ Resource }) =>
        /(?<=\/s-\*\/a\*\/failures\/t\*-)\w+(?=\.json)|held(?=\/\*)/.exec(JSON.stringify(Resource))?.[0],
    );
    expect(stages.sort()).toEqual(["held", "postprocess", "preprocess", "publish", "segment"]);
  });

  it("let other accounts' rules and alarms send nothing", () => {
    const policies = [...ofType("AWS::SQS::QueuePolicy"), ...ofType("AWS::SNS::TopicPolicy")];
    const allowed = policies.flatMap(([, { Properties }]) =>
      Properties.PolicyDocument.Statement.filter(({ Effect }: { Effect: string }) => Effect === "Allow"),
    );
    // Rules to two queues and their dead letters, alarms to their topic.
    expect(allowed).toHaveLength(5);
    for (const { Principal, Action, Condition } of allowed) {
      expect(Principal.Service).toMatch(/^(events|cloudwatch)\.amazonaws\.com$/);
      expect(Action).toMatch(/^(sqs:SendMessage|sns:Publish)$/);
      expect(JSON.stringify(Condition)).toMatch(/aws:SourceArn/);
    }
  });

  it("let one rule of this stack send to each queue and its dead letters, and no other rule of the account", () => {
    const senders = ofType("AWS::SQS::QueuePolicy").flatMap(([, { Properties }]) =>
      Properties.PolicyDocument.Statement.filter(({ Effect }: { Effect: string }) => Effect === "Allow").map(
        ({ Resource, Condition }: Resource["Properties"]) => [
          Resource["Fn::GetAtt"][0].replace(/[0-9A-F]{8}$/, ""),
          Condition.ArnEquals["aws:SourceArn"]["Fn::GetAtt"][0].replace(/[0-9A-F]{8}$/, ""),
        ],
      ),
    );
    expect(senders.toSorted()).toEqual([
      ["IntakeDeadLetters", "IntakeObjectCreated"],
      ["IntakeQueue", "IntakeObjectCreated"],
      ["NoticesDeadLetters", "NoticesExecutionEnded"],
      ["NoticesQueue", "NoticesExecutionEnded"],
    ]);
  });

  it("let services use the key for what they send alone, and of this account", () => {
    const [[, key] = []] = ofType("AWS::KMS::Key");
    const services = key?.Properties.KeyPolicy.Statement.filter(
      ({ Principal }: { Principal: { Service?: unknown } }) => Principal.Service !== undefined,
    );
    const of = (name: string) =>
      services.filter(
        ({ Principal }: { Principal: { Service: string } }) => Principal.Service === `${name}.amazonaws.com`,
      );
    for (const { Condition } of services) expect(Condition).toBeDefined();
    expect(of("events").map(({ Action, Condition }: Resource["Properties"]) => ({ Action, Condition }))).toEqual([
      {
        Action: ["kms:Decrypt", "kms:GenerateDataKey"],
        Condition: { StringEquals: { "aws:SourceAccount": { Ref: "AWS::AccountId" } } },
      },
    ]);
    // Alarms need both to publish to an encrypted topic.
    expect(of("cloudwatch").flatMap(({ Action }: { Action: string[] }) => Action)).toEqual([
      "kms:Decrypt",
      "kms:GenerateDataKey*",
    ]);
  });

  it("let alarms publish: a topic with a policy of its own allows nothing by default", () => {
    const [[, alarms] = []] = ofType("AWS::SNS::TopicPolicy").filter(([name]) => name.startsWith("AlarmsTopic"));
    expect(alarms?.Properties.PolicyDocument.Statement).toContainEqual(
      expect.objectContaining({
        Effect: "Allow",
        Action: "sns:Publish",
        Principal: { Service: "cloudwatch.amazonaws.com" },
      }),
    );
  });

  it("let whoever reads uploads read them in the version of their event", () => {
    const readers = statements()
      .filter(({ Resource }) => JSON.stringify(Resource).includes("BucketsScans"))
      .filter(({ Action }) => listed(Action).some((action) => /^s3:GetObject(\*|Version)$/.test(action)))
      .map(({ name }) => name);
    const roles = ["FunctionsIntake", "FunctionsInspect", "FunctionsPreprocess", "JobsPreprocess"];
    for (const role of roles)
      expect(
        readers.some((name) => name.startsWith(role)),
        role,
      ).toBe(true);
  });

  it("let intake read uploads, write source documents, and start the one workflow", () => {
    const intake = statements().filter(({ name }) => name.startsWith("FunctionsIntake"));
    const writes = intake.filter(({ Action }) => listed(Action).some((action) => action.startsWith("s3:Put")));
    expect(JSON.stringify(writes.map(({ Resource }) => Resource))).toContain("/*/source.json");
    const starts = intake.filter(({ Action }) => listed(Action).includes("states:StartExecution"));
    expect(starts).toHaveLength(1);
  });
});

describe("the state machine", () => {
  const [[, machine] = []] = ofType("AWS::StepFunctions::StateMachine");
  const text = readFileSync(new URL("../../src/workflow/scan-pipeline.asl.json", import.meta.url), "utf8");

  it("is the workflow file, with every placeholder bound, as on one machine", () => {
    const placeholders = new Set([...text.matchAll(/\$\{(\w+)\}/g)].map(([, name]) => name));
    expect(new Set(Object.keys(machine?.Properties.DefinitionSubstitutions))).toEqual(placeholders);
    expect(new Set(Object.keys(LOCAL_BINDINGS))).toEqual(placeholders);
    expect(machine?.Properties.DefinitionString).toBe(text);
  });

  it("lets each function end by its own time, which says so, before its state gives it up", () => {
    const timeoutOf = (named: string) => {
      const [found] = ofType("AWS::Lambda::Function").filter(([name]) => name.startsWith(`Functions${named}`));
      return found?.[1].Properties.Timeout;
    };
    const spare: Record<string, number> = {};
    JSON.parse(text, (state, value) => {
      const [, named] = /^\$\{(\w+)Function\}$/.exec(value?.Parameters?.FunctionName) ?? [];
      if (named !== undefined) spare[state] = value.TimeoutSeconds - timeoutOf(named);
      return value;
    });
    expect(Object.keys(spare)).toEqual(["Inspect", "Preprocess", "Publish", "QuarantineTask", "QuarantineScan"]);
    // What a start takes is not in the function's time.
    for (const seconds of Object.values(spare)) expect(seconds).toBeGreaterThanOrEqual(30);
  });

  it("logs no payloads", () => {
    expect(machine?.Properties.LoggingConfiguration).toMatchObject({ IncludeExecutionData: false, Level: "ALL" });
  });

  it("calls versions of functions, which stay when a deployment makes others: an execution keeps code and models", () => {
    const substitutions: Record<string, { Ref?: string }> = machine?.Properties.DefinitionSubstitutions;
    const called = Object.entries(substitutions).filter(([name]) => name.endsWith("Function"));
    expect(called).toHaveLength(4);
    for (const [name, { Ref = "" }] of called) {
      expect(resources[Ref]?.Type, name).toBe("AWS::Lambda::Version");
      expect(resources[Ref]?.DeletionPolicy).toBe("Retain");
      expect(Ref).toMatch(new RegExp(`^Functions${name.replace("Function", "")}CurrentVersion`));
    }
    const versions = (of: typeof template) => Object.keys(of.findResources("AWS::Lambda::Version"));
    const others = versions(synthesize({ models: ["brain-mask-unet2d"], routes: [] }));
    expect(others).toHaveLength(4);
    expect(others.filter((id) => versions(template).includes(id))).toEqual([]);
  });

  it("may invoke versions of these functions and nothing else: earlier ones too", () => {
    const invoked = statements()
      .filter(({ name }) => name.startsWith("WorkflowStateMachine"))
      .filter(({ Action }) => listed(Action).includes("lambda:InvokeFunction"))
      .flatMap(({ Resource }) => listed(Resource));
    expect(invoked.map((one) => /"Functions([A-Z][a-z]+)\w+","Arn"\]},":\*"\]\]}$/.exec(one)?.[1]).toSorted()).toEqual([
      "Inspect",
      "Preprocess",
      "Publish",
      "Quarantine",
    ]);
  });

  it("may invoke, submit and learn that jobs ended: `fromString` grants nothing by itself", () => {
    const actions = statements()
      .filter(({ name }) => name.startsWith("WorkflowStateMachine"))
      .flatMap(({ Action }) => listed(Action));
    expect(actions).toEqual(expect.arrayContaining(["lambda:InvokeFunction", "batch:SubmitJob", "events:PutRule"]));
  });
});

describe("jobs", () => {
  const jobs = ofType("AWS::Batch::JobDefinition");

  it("outlive a deployment: the revision that a running execution submits stays, and may be submitted", () => {
    for (const [, { Properties }] of jobs) {
      expect(Properties.ResourceRetentionPolicy).toEqual({ SkipDeregisterOnUpdate: true });
    }
    const [submit] = statements().filter(({ Action }) => listed(Action).includes("batch:SubmitJob"));
    const definitions = listed(submit.Resource).filter((resource) => resource.includes(":job-definition/"));
    expect(definitions).toHaveLength(4);
    for (const definition of definitions) expect(definition).toMatch(/":\*"\]\]}$/);
  });

  it("are tried again after a lost machine or a transient failure, and never otherwise", () => {
    expect(jobs).toHaveLength(4);
    for (const [, { Properties }] of jobs) {
      expect(Properties.RetryStrategy.Attempts).toBe(3);
      const rules = Properties.RetryStrategy.EvaluateOnExit;
      const retried = rules.filter(({ Action }: { Action: string }) => Action === "RETRY");
      expect(retried.map(({ OnExitCode }: { OnExitCode?: string }) => OnExitCode).filter(Boolean)).toEqual([
        String(ERROR_CLASSES.transient.exitCode),
      ]);
      expect(rules.at(-1)).toEqual({ Action: "EXIT", OnExitCode: "*" });
      expect(Properties.Timeout.AttemptDurationSeconds).toBe(6 * 3600);
    }
  });

  it("have the smallest size, and are submitted with that of the plan, of the same list as Inspect plans by", () => {
    const inspect = ofType("AWS::Lambda::Function").flatMap(([, { Properties }]) => {
      const { JOB_SIZES } = Properties.Environment?.Variables ?? {};
      return JOB_SIZES === undefined ? [] : [JOB_SIZES];
    });
    expect(inspect).toHaveLength(1);
    const [smallest] = JSON.parse(inspect[0]);
    for (const [, { Properties }] of jobs) {
      const { ResourceRequirements, Environment } = Properties.ContainerProperties;
      expect(ResourceRequirements).toContainEqual({ Type: "MEMORY", Value: String(smallest.memoryMiB) });
      expect(ResourceRequirements).toContainEqual({ Type: "VCPU", Value: String(smallest.vcpus) });
      expect(Environment).toContainEqual({ Name: "JOB_SIZES", Value: inspect[0] });
      expect(Environment).toContainEqual({ Name: "JOB_SIZE", Value: "0" });
    }
    const [[, machine] = []] = ofType("AWS::StepFunctions::StateMachine").filter(([id]) => id.startsWith("Workflow"));
    const definition = JSON.stringify(machine?.Properties.DefinitionString);
    const asked = [...definition.matchAll(/ResourceRequirements\.\$[^$]*\$\.task\.jobs\.(\w+)\.resources/g)];
    expect(asked.map(([, job]) => job)).toEqual(["image", "segment", "postprocess", "image"]);
  });

  it("may write to their scratch folder: the image says that there is a volume, which else belongs to root", () => {
    const dockerfile = readFileSync(new URL("../../functions/container/Dockerfile", import.meta.url), "utf8");
    for (const target of ["cpu", "gpu"]) {
      const stage = dockerfile.split(/^FROM /m).find((text) => text.split("\n")[0]?.endsWith(` AS ${target}`)) ?? "";
      expect(stage).toMatch(/^USER node$/m);
      expect(stage).toMatch(/^VOLUME \["\/tmp"\]$/m);
    }
  });

  it("run without root, on a read-only root file system with a scratch folder", () => {
    for (const [, { Properties }] of jobs) {
      const container = Properties.ContainerProperties;
      expect(container).toMatchObject({ User: "node", ReadonlyRootFilesystem: true, Privileged: false });
      expect(container.MountPoints).toMatchObject([{ ContainerPath: "/tmp" }]);
      expect(container.Command).toEqual(["node", expect.stringMatching(/^\/app\/\w+\.mjs$/), "Ref::taskKey"]);
    }
  });

  it("share the queue by STAT, routine and bulk, on Spot first, at no cost while idle", () => {
    for (const [, { Properties }] of ofType("AWS::Batch::ComputeEnvironment")) {
      expect(Properties.ComputeResources.LaunchTemplate.Version).toBeDefined();
    }
    const environments = ofType("AWS::Batch::ComputeEnvironment").map(
      ([, { Properties }]) => Properties.ComputeResources,
    );
    expect(environments.map(({ Type, MinvCpus }) => [Type, MinvCpus])).toEqual([
      ["SPOT", 0],
      ["EC2", 0],
    ]);
    template.hasResourceProperties("AWS::Batch::SchedulingPolicy", {
      FairsharePolicy: {
        ShareDistribution: [
          Match.objectLike({ ShareIdentifier: "stat" }),
          Match.objectLike({ ShareIdentifier: "routine" }),
          Match.objectLike({ ShareIdentifier: "bulk" }),
        ],
      },
    });
    const [[, queue] = []] = ofType("AWS::Batch::JobQueue");
    expect(queue?.Properties.JobStateTimeLimitActions).toHaveLength(3);
    expect(ofType("AWS::EC2::NatGateway")).toEqual([]);
    expect(ofType("AWS::EC2::VPCEndpoint")).toHaveLength(2);
  });

  it("let nothing in over the network", () => {
    for (const [, { Properties }] of ofType("AWS::EC2::SecurityGroup")) {
      expect(Properties.SecurityGroupIngress).toBeUndefined();
    }
  });
});

describe("the ledger", () => {
  it("is encrypted with the customer's key, can be restored and forgets", () => {
    template.hasResourceProperties("AWS::DynamoDB::Table", {
      BillingMode: "PAY_PER_REQUEST",
      SSESpecification: { SSEEnabled: true, SSEType: "KMS", KMSMasterKeyId: Match.anyValue() },
      TimeToLiveSpecification: { AttributeName: "expiresAt", Enabled: true },
      PointInTimeRecoverySpecification: { PointInTimeRecoveryEnabled: true },
    });
  });

  it("is written and read by intake alone, with four actions", () => {
    const users = statements().filter(({ Action }) => listed(Action).some((action) => action.startsWith("dynamodb:")));
    const ledger = users.filter(({ Resource }) => JSON.stringify(Resource).includes("IntakeLedgerTable"));
    expect(ledger.map(({ name, Action }) => [name.startsWith("FunctionsIntake"), listed(Action).sort()])).toEqual([
      [true, ["dynamodb:BatchGetItem", "dynamodb:PutItem", "dynamodb:Query", "dynamodb:UpdateItem"]],
    ]);
  });

  it("has its checks made by schedules of one group, which send to the intake queue or its dead letters only", () => {
    const [create] = statements().filter(({ Action }) => listed(Action).includes("scheduler:CreateSchedule"));
    expect(JSON.stringify(create.Resource)).toMatch(/:schedule\/scanlanetest-Intake-Ledger-Checks-\w+\/\*/);
    const [pass] = statements().filter(({ Action }) => listed(Action).includes("iam:PassRole"));
    expect(JSON.stringify(pass.Resource)).toContain("IntakeLedgerSender");
    expect(pass.Condition).toEqual({ StringEquals: { "iam:PassedToService": "scheduler.amazonaws.com" } });
    const sent = statements().filter(({ name }) => name.startsWith("IntakeLedgerSender"));
    const queues = sent.filter(({ Action }) => listed(Action).includes("sqs:SendMessage"));
    expect(JSON.stringify(queues.map(({ Resource }) => Resource))).toMatch(/IntakeDeadLetters.*IntakeQueue/);
    expect(JSON.stringify(sent)).not.toContain('"*"');
  });
});

describe("functions and queue", () => {
  it("run Node 22 with a timeout and know their places", () => {
    const functions = ofType("AWS::Lambda::Function");
    expect(functions).toHaveLength(8);
    for (const [, { Properties }] of functions) {
      expect(Properties.Runtime).toBe("nodejs22.x");
      expect(Properties.Timeout).toBeGreaterThanOrEqual(60);
      expect(Properties.Environment.Variables).toMatchObject({ MODELS_DIR: "/var/task/models" });
    }
    template.resourcePropertiesCountIs(
      "AWS::Lambda::Function",
      { MemorySize: 10_240, EphemeralStorage: { Size: 10_240 } },
      3,
    );
  });

  it("hand failed messages to the dead letters one by one", () => {
    template.hasResourceProperties("AWS::Lambda::EventSourceMapping", {
      FunctionResponseTypes: ["ReportBatchItemFailures"],
    });
    template.hasResourceProperties("AWS::SQS::Queue", {
      RedrivePolicy: { maxReceiveCount: 5 },
      VisibilityTimeout: 1800,
    });
  });
});

/** What the functions and jobs of a template are told of their devices, each value once. */
function devices(of: typeof template): Record<string, string[]> {
  const text = JSON.stringify(of.toJSON());
  const told = (name: string) => [
    ...text.matchAll(new RegExp(`"${name}":"(\\w+)"|"Name":"${name}","Value":"(\\w+)"`, "g")),
  ];
  const values = (name: string) => [...new Set(told(name).map(([, inFunction, inJob]) => inFunction ?? inJob ?? ""))];
  return { PROVIDER: values("PROVIDER"), STEP_PROVIDER: values("STEP_PROVIDER") };
}

describe("devices", () => {
  it("are the same for functions and jobs, which name results by them", () => {
    expect(devices(template)).toEqual({ PROVIDER: ["cuda"], STEP_PROVIDER: ["cpu"] });
    const both = synthesize({ compute: { postprocessGpu: true } });
    expect(devices(both)).toEqual({ PROVIDER: ["cuda"], STEP_PROVIDER: ["cuda"] });
    const cpu = synthesize({ compute: { kind: "cpu", postprocessGpu: true } });
    expect(devices(cpu)).toEqual({ PROVIDER: ["cpu"], STEP_PROVIDER: ["cpu"] });
    const gpus = (of: typeof template) =>
      Object.values(of.findResources("AWS::Batch::JobDefinition")).filter((one) =>
        JSON.stringify(one).includes('"GPU"'),
      ).length;
    expect([gpus(template), gpus(both)]).toEqual([1, 2]);
  });
});

it.skipIf(!hasCfnLint)(
  "passes cfn-lint (needs cfn-lint)",
  () => {
    const folder = mkdtempSync(join(tmpdir(), "template-"));
    const other = synthesize({
      network: { profile: "isolated" },
      compute: { kind: "cpu" },
      retention: { uploadDays: 365, resultDays: 365, quarantineDays: 365, resultLockDays: 30 },
      notifications: {
        alarmEmails: ["a@example.org"],
        eventBusArn: "arn:aws:events:eu-central-1:123456789012:event-bus/hospital",
      },
      dataEvents: true,
    });
    const files = [template, other].map((one, n) => {
      const file = join(folder, `template-${n}.json`);
      // cfn-lint reads the workflow files as they are, and knows no other partition.
      writeFileSync(file, JSON.stringify(one.toJSON()).replaceAll("arn:${Partition}:", "arn:aws:"));
      return file;
    });
    // W3005: dependencies that CDK writes down although they follow from references.
    const { status, stdout } = spawnSync("cfn-lint", ["--ignore-checks", "W3005", "--", ...files], {
      encoding: "utf8",
    });
    expect(stdout).toBe("");
    expect(status).toBe(0);
  },
  180_000,
);
