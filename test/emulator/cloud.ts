import { spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { EventBridgeClient, PutEventsCommand } from "@aws-sdk/client-eventbridge";
import { GetObjectCommand, ListObjectsV2Command, ListObjectVersionsCommand, S3Client } from "@aws-sdk/client-s3";
import {
  DeleteScheduleCommand,
  GetScheduleCommand,
  ListSchedulesCommand,
  SchedulerClient,
} from "@aws-sdk/client-scheduler";
import { DescribeExecutionCommand, ListExecutionsCommand, SFNClient } from "@aws-sdk/client-sfn";
import { SNSClient, SubscribeCommand } from "@aws-sdk/client-sns";
import {
  CreateQueueCommand,
  DeleteMessageCommand,
  GetQueueAttributesCommand,
  ReceiveMessageCommand,
  SendMessageCommand,
  SQSClient,
} from "@aws-sdk/client-sqs";
import { CLI } from "../support/cli.js";
import { type Account, awsCli, startAccount } from "./account.js";
import { Compute } from "./compute.js";
import { type Deployed, deploy } from "./deploy.js";
import { REPO, type Synthesized, synthesized } from "./synthesized.js";

const credentials = { accessKeyId: "test", secretAccessKey: "test" };

/** A deployment in an emulated account: queues are polled, schedules fire when asked, functions and jobs run. */
export class Cloud {
  readonly account: Account;
  readonly compute: Compute;
  readonly template: Synthesized["template"];
  readonly deployed: Deployed;
  /** Jobs by name whose first attempt loses its machine. */
  readonly reclaimed = new Set<string>();
  /** Jobs by name of which every attempt does. */
  readonly lost = new Set<string>();
  /** Times that each message is handed to its function. */
  deliveries = 1;
  readonly #s3: S3Client;
  readonly #sqs: SQSClient;
  readonly #sfn: SFNClient;
  readonly #scheduler: SchedulerClient;
  readonly #bus: EventBridgeClient;
  /** Executions whose end was told of. */
  readonly #told = new Set<string>();
  readonly #mappings: readonly Mapping[];

  private constructor(account: Account, compute: Compute, template: Synthesized["template"], deployed: Deployed) {
    [this.account, this.compute, this.template, this.deployed] = [account, compute, template, deployed];
    const { endpoint } = account;
    const options = { endpoint, region: "us-east-1", credentials };
    this.#s3 = new S3Client({ ...options, forcePathStyle: true });
    this.#sqs = new SQSClient(options);
    this.#sfn = new SFNClient(options);
    this.#scheduler = new SchedulerClient(options);
    this.#bus = new EventBridgeClient(options);
    this.#mappings = this.#json("lambda", "list-event-source-mappings").EventSourceMappings;
    compute.run({
      environment: account.environment,
      app: containerFolder(),
      lambda: async (name) => ({
        folder: deployed.functions.get(name) ?? "",
        environment: this.#json("lambda", "get-function-configuration", "--function-name", name).Environment.Variables,
      }),
      jobDefinition: async (name) =>
        this.#json("batch", "describe-job-definitions", "--job-definitions", name).jobDefinitions[0],
      reclaims: (jobName, attempt) => this.lost.has(jobName) || (attempt === 1 && this.reclaimed.delete(jobName)),
    });
  }

  static async start(config: Record<string, unknown>): Promise<Cloud> {
    const made = synthesized(config);
    const compute = await Compute.start();
    const account = await startAccount(compute.address);
    try {
      return new Cloud(
        account,
        compute,
        made.template,
        await deploy(account, `scanlane-${config.stage ?? "dev"}`, made),
      );
    } catch (error) {
      account.close();
      compute.close();
      throw error;
    }
  }

  close(): void {
    for (const client of [this.#s3, this.#sqs, this.#sfn, this.#scheduler, this.#bus]) client.destroy();
    this.account.close();
    this.compute.close();
  }

  /** Hands the queues' messages to their functions and waits for the executions, until nothing moves any more. */
  async settle(): Promise<void> {
    for (let quiet = 0; quiet < 3; ) {
      const moved = (await this.#tellEnds()) + (await this.#poll());
      const running = (await this.executions()).some(({ status }) => status === "RUNNING");
      quiet = moved === 0 && !running ? quiet + 1 : 0;
      await sleep(100);
    }
  }

  /** Does what EventBridge Scheduler does when the time of its schedules has come. @returns how many there were */
  async fireSchedules(): Promise<number> {
    const { Schedules = [] } = await this.#scheduler.send(new ListSchedulesCommand({}));
    for (const { Name, GroupName } of Schedules) {
      const { Target, ActionAfterCompletion } = await this.#scheduler.send(new GetScheduleCommand({ Name, GroupName }));
      await this.#sqs.send(
        new SendMessageCommand({ QueueUrl: this.queueUrl(Target?.Arn ?? ""), MessageBody: Target?.Input }),
      );
      if (ActionAfterCompletion === "DELETE") {
        await this.#scheduler.send(new DeleteScheduleCommand({ Name, GroupName }));
      }
    }
    return Schedules.length;
  }

  /** URL of a queue by its ARN. */
  queueUrl(arn: string): string {
    const [account, name] = arn.split(":").slice(-2);
    return `${this.account.endpoint}/${account}/${name}`;
  }

  async executions(): Promise<readonly { name: string; status: string }[]> {
    const stateMachineArn = this.deployed.outputs.StateMachineArn;
    const { executions = [] } = await this.#sfn.send(new ListExecutionsCommand({ stateMachineArn }));
    return executions.map(({ name = "", status = "" }) => ({ name, status }));
  }

  /** What an execution was started with. */
  async executionInput(name: string): Promise<string> {
    const machine = this.deployed.outputs.StateMachineArn ?? "";
    const executionArn = `${machine.replace(":stateMachine:", ":execution:")}:${name}`;
    return (await this.#sfn.send(new DescribeExecutionCommand({ executionArn }))).input ?? "";
  }

  /** Types of the events of an execution. */
  history(name: string): string[] {
    const machine = this.deployed.outputs.StateMachineArn ?? "";
    const executionArn = `${machine.replace(":stateMachine:", ":execution:")}:${name}`;
    const { events } = this.#json("stepfunctions", "get-execution-history", "--execution-arn", executionArn);
    return events.map(({ type }: { type: string }) => type);
  }

  /** Messages that are in the queues of uploads and of notices, and in those of their dead letters. */
  async messages(): Promise<{ queues: number; deadLetters: number }> {
    const count = async (QueueUrl: string) => {
      const names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"] as const;
      const { Attributes } = await this.#sqs.send(
        new GetQueueAttributesCommand({ QueueUrl, AttributeNames: [...names] }),
      );
      return names.reduce((sum, name) => sum + Number(Attributes?.[name]), 0);
    };
    const { DeadLetterQueueUrl = "", IntakeQueueUrl = "", ...more } = this.deployed.outputs;
    const { NoticeQueueUrl = "", NoticeDeadLetterQueueUrl = "" } = more;
    return {
      queues: (await count(IntakeQueueUrl)) + (await count(NoticeQueueUrl)),
      deadLetters: (await count(DeadLetterQueueUrl)) + (await count(NoticeDeadLetterQueueUrl)),
    };
  }

  async keys(bucket: string): Promise<string[]> {
    const { Contents = [] } = await this.#s3.send(new ListObjectsV2Command({ Bucket: bucket }));
    return Contents.map(({ Key = "" }) => Key).sort();
  }

  async text(bucket: string, key: string): Promise<string> {
    const { Body } = await this.#s3.send(new GetObjectCommand({ Bucket: bucket, Key: key }));
    return (await Body?.transformToString()) ?? "";
  }

  /** Keys of everything that a bucket keeps, of versions and delete markers too. */
  async versions(bucket: string): Promise<string[]> {
    const { Versions = [], DeleteMarkers = [] } = await this.#s3.send(
      new ListObjectVersionsCommand({ Bucket: bucket }),
    );
    return [...Versions, ...DeleteMarkers].map(({ Key = "" }) => Key).sort();
  }

  /** Partition keys of what intake remembers. */
  remembered(): string[] {
    const { Items } = this.#json("dynamodb", "scan", "--table-name", this.deployed.outputs.LedgerTable ?? "");
    return Items.map(({ pk }: { pk: { S: string } }) => pk.S);
  }

  /** Runs `scanlane` as an operator of this account. */
  scanlane(...args: string[]): { code: number | null; stdout: string; stderr: string } {
    const env = { ...process.env, ...this.account.environment };
    const { status, stdout, stderr } = spawnSync(process.execPath, [CLI, ...args], { encoding: "utf8", env });
    return { code: status, stdout, stderr };
  }

  /** What Step Functions tells EventBridge, which moto's does not. @returns how many executions ended meanwhile */
  async #tellEnds(): Promise<number> {
    const { StateMachineArn: stateMachineArn = "" } = this.deployed.outputs;
    const ended = (await this.executions()).filter(({ name, status }) => status !== "RUNNING" && !this.#told.has(name));
    for (const { name, status } of ended) {
      const executionArn = `${stateMachineArn.replace(":stateMachine:", ":execution:")}:${name}`;
      const { stopDate, input, error } = await this.#sfn.send(new DescribeExecutionCommand({ executionArn }));
      const detail = { executionArn, stateMachineArn, name, status, stopDate: stopDate?.getTime(), input, error };
      const entry = { Source: "aws.states", DetailType: "Step Functions Execution Status Change" };
      await this.#bus.send(new PutEventsCommand({ Entries: [{ ...entry, Detail: JSON.stringify(detail) }] }));
      this.#told.add(name);
    }
    return ended.length;
  }

  /** Lets a queue of the test's own hear what a topic is told. @returns what came since, each time it is called */
  async hear(TopicArn: string): Promise<() => Promise<string[]>> {
    const sns = new SNSClient({ endpoint: this.account.endpoint, region: "us-east-1", credentials });
    const { QueueUrl = "" } = await this.#sqs.send(new CreateQueueCommand({ QueueName: "ears" }));
    const Endpoint = "arn:aws:sqs:us-east-1:123456789012:ears";
    const Attributes = { RawMessageDelivery: "true" };
    await sns.send(new SubscribeCommand({ TopicArn, Protocol: "sqs", Endpoint, Attributes }));
    sns.destroy();
    return async () => {
      const heard: string[] = [];
      for (;;) {
        const { Messages = [] } = await this.#sqs.send(
          new ReceiveMessageCommand({ QueueUrl, MaxNumberOfMessages: 10 }),
        );
        if (Messages.length === 0) return heard;
        for (const { Body = "", ReceiptHandle } of Messages) {
          heard.push(Body);
          await this.#sqs.send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle }));
        }
      }
    };
  }

  /** What Lambda's poller does once: a batch of each queue, of which those stay that the function names as failed. */
  async #poll(): Promise<number> {
    let moved = 0;
    for (const { EventSourceArn, FunctionArn, BatchSize } of this.#mappings) {
      const QueueUrl = this.queueUrl(EventSourceArn);
      const received = await this.#sqs.send(new ReceiveMessageCommand({ QueueUrl, MaxNumberOfMessages: BatchSize }));
      const messages = received.Messages ?? [];
      if (messages.length === 0) continue;
      moved += messages.length;
      const Records = messages.map(({ MessageId, Body }) => ({ messageId: MessageId, body: Body }));
      let failed = new Set<string>();
      for (let n = 0; n < this.deliveries; n++) {
        const { payload, isError } = await this.compute.invoke(FunctionArn.split(":").at(-1) ?? "", { Records });
        if (isError) throw new Error(payload);
        const { batchItemFailures } = JSON.parse(payload);
        failed = new Set(batchItemFailures.map(({ itemIdentifier }: { itemIdentifier: string }) => itemIdentifier));
        Records.reverse();
      }
      for (const { MessageId = "", ReceiptHandle } of messages) {
        if (!failed.has(MessageId)) await this.#sqs.send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle }));
      }
    }
    return moved;
  }

  #json(service: string, ...args: string[]) {
    return JSON.parse(awsCli(this.account, service, ...args));
  }
}

interface Mapping {
  readonly EventSourceArn: string;
  readonly FunctionArn: string;
  readonly BatchSize: number;
}

/** What the image has at `/app`: the jobs' bundles with their codecs, ONNX Runtime, and the model packages. */
function containerFolder(): string {
  const app = mkdtempSync(join(tmpdir(), "app-"));
  const bundle = spawnSync(
    process.execPath,
    ["--conditions=development", "--import", "tsx", "functions/container/bundle.ts", app],
    { cwd: REPO, encoding: "utf8" },
  );
  if (bundle.status !== 0) throw new Error(bundle.stderr);
  cpSync(join(REPO, "package.json"), join(app, "package.json"));
  symlinkSync(join(REPO, "node_modules"), join(app, "node_modules"));
  symlinkSync(join(REPO, "models"), join(app, "models"));
  return app;
}
