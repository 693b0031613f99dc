import { spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { createServer, type IncomingMessage, type Server } from "node:http";
import { type BatchDefinition, nextAction } from "./batch-retry.js";

/** What the computers need to know of a deployment. */
export interface ComputePlan {
  /** Environment of the account's clients. */
  readonly environment: Readonly<Record<string, string>>;
  /** Folder of the code of a function, and its deployed environment, by its name. */
  readonly lambda: (name: string) => Promise<{ readonly folder: string; readonly environment: Record<string, string> }>;
  /** A deployed job definition by name or ARN. */
  readonly jobDefinition: (name: string) => Promise<BatchDefinition>;
  /** What stands at `/app` in the container. */
  readonly app: string;
  /** Whether this attempt of a job loses its machine, as a Spot instance that is reclaimed. */
  readonly reclaims: (jobName: string, attempt: number) => boolean;
}

interface Job {
  readonly jobId: string;
  readonly jobName: string;
  readonly share: string;
  /** What it was submitted with in place of what its definition asks for, by type. */
  readonly resources: Readonly<Record<string, string>>;
  status: "RUNNING" | "SUCCEEDED" | "FAILED";
  statusReason: string;
  exitCode: number | null;
  attempts: number;
}

/** The computers that moto lacks: Lambda functions and Batch jobs as processes of their own, from the real bundles. */
export class Compute {
  readonly #server: Server;
  /** What functions and jobs wrote, as CloudWatch would have it. */
  readonly logs: string[] = [];
  readonly #jobs = new Map<string, Job>();
  #plan: ComputePlan | null = null;

  private constructor(server: Server) {
    this.#server = server;
  }

  static async start(): Promise<Compute> {
    const server = createServer();
    const compute = new Compute(server);
    server.on("request", (request, response) => {
      compute.#answer(request).then(
        ({ headers = {}, body }) =>
          response.writeHead(200, { "content-type": "application/json", ...headers }).end(body),
        (error: unknown) => response.writeHead(500).end(JSON.stringify({ message: String(error) })),
      );
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return compute;
  }

  get address(): string {
    const address = this.#server.address();
    return `http://localhost:${typeof address === "object" && address !== null ? address.port : 0}`;
  }

  run(plan: ComputePlan): void {
    this.#plan = plan;
  }

  /** Every job that was submitted, in order. */
  get jobs(): readonly Readonly<Job>[] {
    return [...this.#jobs.values()];
  }

  close(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }

  async #answer(request: IncomingMessage): Promise<{ headers?: Record<string, string>; body: string }> {
    const body = await text(request);
    const path = decodeURIComponent(request.url ?? "");
    const invoked = /^\/2015-03-31\/functions\/(.+)\/invocations/.exec(path)?.[1];
    if (invoked !== undefined) {
      const answer = await this.invoke(nameOf(invoked), JSON.parse(body));
      return answer.isError
        ? { headers: { "x-amz-function-error": "Unhandled" }, body: answer.payload }
        : { body: answer.payload };
    }
    if (path === "/v1/submitjob") return { body: JSON.stringify(await this.#submit(JSON.parse(body))) };
    if (path === "/v1/describejobs") return { body: JSON.stringify({ jobs: this.#describe(JSON.parse(body).jobs) }) };
    throw new Error(`${path} is not emulated`);
  }

  /** Invokes a function in a process of its own. */
  async invoke(name: string, event: unknown): Promise<{ payload: string; isError: boolean }> {
    const { folder, environment } = await this.#planned.lambda(name);
    const script = `
      const { handler } = await import(${JSON.stringify(`file://${folder}/index.mjs`)});
      let input = ""; for await (const chunk of process.stdin) input += chunk;
      try { process.send({ payload: JSON.stringify((await handler(JSON.parse(input), { getRemainingTimeInMillis: () => 300_000 })) ?? null) }); }
      catch (error) { process.send({ failure: JSON.stringify({ errorType: error.name, errorMessage: error.message }) }); }
      process.disconnect();`;
    const child = spawn(process.execPath, ["--input-type=module", "--eval", script], {
      cwd: folder,
      env: { PATH: process.env.PATH, ...inFolder(environment, "/var/task", folder), ...this.#planned.environment },
      stdio: ["pipe", "pipe", "pipe", "ipc"],
    });
    child.stdout?.on("data", (chunk: Buffer) => this.logs.push(chunk.toString()));
    child.stdin?.end(JSON.stringify(event));
    let said = "";
    child.stderr?.on("data", (chunk: Buffer) => {
      said += chunk.toString();
    });
    return new Promise((resolve) => {
      child.once("message", (message: { payload?: string; failure?: string }) => {
        resolve({ payload: message.payload ?? message.failure ?? "", isError: message.failure !== undefined });
      });
      // After the channel: what it said last was received.
      child.once("close", () => {
        resolve({ payload: JSON.stringify({ errorType: "Runtime.ExitError", errorMessage: said }), isError: true });
      });
    });
  }

  async #submit(given: Submission): Promise<object> {
    const definition = await this.#planned.jobDefinition(given.jobDefinition);
    const jobId = randomUUID();
    const { jobName } = given;
    const share = given.shareIdentifier ?? "";
    const { resourceRequirements = [], environment = [] } = given.containerOverrides ?? {};
    const resources = Object.fromEntries(resourceRequirements.map(({ type, value }) => [type, value]));
    const begun = { status: "RUNNING", statusReason: "", exitCode: null, attempts: 0 } as const;
    const job: Job = { jobId, jobName, share, resources, ...begun };
    this.#jobs.set(jobId, job);
    const { containerProperties } = definition;
    const overridden = {
      ...definition,
      containerProperties: {
        ...containerProperties,
        environment: [...containerProperties.environment, ...environment],
      },
    };
    void this.#runJob(job, overridden, { ...definition.parameters, ...given.parameters });
    return { jobArn: `arn:aws:batch:us-east-1:123456789012:job/${jobId}`, jobId, jobName };
  }

  async #runJob(job: Job, definition: BatchDefinition, parameters: Record<string, string>): Promise<void> {
    for (;;) {
      job.attempts++;
      const ended = await this.#attempt(job, definition, parameters);
      Object.assign(job, ended);
      if (ended.exitCode === 0) job.status = "SUCCEEDED";
      else if (nextAction(definition, job) === "exit") job.status = "FAILED";
      else continue;
      return;
    }
  }

  #attempt(job: Job, { containerProperties }: BatchDefinition, parameters: Record<string, string>) {
    const { app, environment, reclaims } = this.#planned;
    const command = containerProperties.command.map((part) =>
      part.startsWith("Ref::") ? (parameters[part.slice(5)] ?? "") : part.replace(/^\/app\b/, app),
    );
    const own = Object.fromEntries(containerProperties.environment.map(({ name, value }) => [name, value]));
    const [program = "", ...args] = command;
    const child = spawn(program === "node" ? process.execPath : program, args, {
      cwd: app,
      env: { PATH: process.env.PATH, ...inFolder(own, "/app", app), ...environment },
      stdio: ["ignore", "pipe", "pipe"],
    });
    for (const stream of [child.stdout, child.stderr]) {
      stream.on("data", (chunk: Buffer) => this.logs.push(chunk.toString()));
    }
    const isReclaimed = reclaims(job.jobName, job.attempts);
    if (isReclaimed) setTimeout(() => child.kill("SIGKILL"), 300);
    return new Promise<Pick<Job, "exitCode" | "statusReason">>((resolve) => {
      child.once("exit", (exitCode, signal) => {
        if (signal === null) resolve({ exitCode, statusReason: "Essential container in task exited" });
        else resolve({ exitCode: null, statusReason: "Host EC2 (instance i-0123456789abcdef0) terminated." });
      });
    });
  }

  #describe(ids: readonly string[]): object[] {
    return ids.flatMap((id) => {
      const job = this.#jobs.get(id);
      if (job === undefined) return [];
      const container = { ...(job.exitCode === null ? {} : { exitCode: job.exitCode }) };
      const { jobId, jobName, status, statusReason } = job;
      return [{ jobId, jobName, status, statusReason, container, startedAt: 0, jobDefinition: "", jobQueue: "" }];
    });
  }

  get #planned(): ComputePlan {
    if (this.#plan === null) throw new Error("nothing was deployed yet");
    return this.#plan;
  }
}

interface Submission {
  readonly jobName: string;
  readonly jobDefinition: string;
  readonly shareIdentifier?: string;
  readonly parameters?: Record<string, string>;
  readonly containerOverrides?: {
    readonly environment?: readonly { readonly name: string; readonly value: string }[];
    readonly resourceRequirements?: readonly { readonly type: string; readonly value: string }[];
  };
}

/** A machine has no GPU here and no folder of that name: the two things that a deployed environment says otherwise. */
function inFolder(environment: Record<string, string>, from: string, to: string): Record<string, string> {
  return Object.fromEntries(
    Object.entries(environment).map(([name, value]) => {
      if (name.endsWith("PROVIDER")) return [name, "cpu"];
      return [name, value.startsWith(`${from}/`) ? `${to}${value.slice(from.length)}` : value];
    }),
  );
}

/** Of a function's name or ARN. */
const nameOf = (function_: string): string => function_.split(":function:").at(-1)?.split(":")[0] ?? function_;

async function text(request: IncomingMessage): Promise<string> {
  let body = "";
  for await (const chunk of request) body += chunk;
  return body;
}
