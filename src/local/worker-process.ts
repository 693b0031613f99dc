import type { ChildProcess } from "node:child_process";
import { constants } from "node:os";
import type { LogFields, Logger } from "#src/core/logger.js";
import { forkWorker, takeEarly } from "./early-worker.js";
import { jobQueue } from "./job-queue.js";
import { type WorkerJob, WorkerMessage, type WorkerOrder, type WorkerTask } from "./worker-protocol.js";

/** A job, and who listens to what it says besides the logger. */
export interface AskedJob extends Omit<WorkerJob, "id" | "kind"> {
  readonly onLog?: (message: string, fields: LogFields) => void;
}

interface Waiting {
  readonly resolve: (exitCode: number | null) => void;
  readonly onLog: AskedJob["onLog"];
}

/**
 * A warm child process that runs Batch jobs one after another (`jobQueue`). Started by `start` or with the first job, and
 * again after it was lost: with it one job is lost, as those that wait are here.
 */
export class WorkerProcess {
  readonly #file: string;
  readonly #args: readonly string[];
  readonly #logger: Logger;
  readonly #waiting = new Map<number, Waiting>();
  #child: ChildProcess | null = null;
  #isClosed = false;
  #jobs = 0;
  #peakBytes = 0;

  /**
   * @param file the compiled `worker.js`
   * @param args what it is told on its command line
   */
  constructor(file: string, logger: Logger, args: readonly string[] = []) {
    this.#file = file;
    this.#args = args;
    this.#logger = logger;
  }

  /** Lets the process load its modules while the caller still has other work. Does nothing where it runs already. */
  start(): void {
    this.#child ??= this.#fork();
  }

  /**
   * Runs a job. Resolves to its exit code, that of a process that crashed or was killed as a container reports it (128 and
   * the signal's number), or null when the process was lost while it ran: it may run again.
   */
  readonly run = jobQueue((job: AskedJob) => this.#send(job));

  /**
   * Lets the process open the network of a task whose input is being made; its first job waits for that. Does nothing
   * while a job is under way, whose networks it might close.
   */
  warm(task: WorkerTask): void {
    if (this.#waiting.size > 0) return;
    // One that cannot be told is lost, which the next job will find.
    this.#child?.send({ kind: "warm", ...task } satisfies WorkerOrder, () => {});
  }

  async #send({ onLog, ...job }: AskedJob): Promise<number | null> {
    if (this.#isClosed) return null;
    const id = ++this.#jobs;
    const child = this.#child ?? this.#fork();
    return new Promise((resolve) => {
      this.#waiting.set(id, { resolve, onLog });
      child.send({ ...job, kind: "job", id } satisfies WorkerOrder, (error) => {
        if (error) this.#answer(id, null);
      });
    });
  }

  /** The most memory that the process has held, as of its last job; 0 before. */
  get peakBytes(): number {
    return this.#peakBytes;
  }

  /** Ends the process; jobs that still run or wait are lost. */
  close(): void {
    this.#isClosed = true;
    this.#child?.kill("SIGKILL");
    this.#child = null;
  }

  #fork(): ChildProcess {
    const child = takeEarly(this.#file, this.#args) ?? forkWorker(this.#file, this.#args);
    this.#child = child;
    child.on("message", (value) => {
      const message = WorkerMessage.parse(value);
      if (message.kind === "exit") {
        this.#peakBytes = message.peakBytes;
        this.#answer(message.id, message.exitCode);
        return;
      }
      this.#logger[message.level](message.message, message.fields);
      // There is one: jobs run one after the other.
      for (const { onLog } of this.#waiting.values()) onLog?.(message.message, message.fields);
    });
    const lost = (exitCode: number | null) => {
      if (this.#child === child) this.#child = null;
      for (const id of [...this.#waiting.keys()]) this.#answer(id, exitCode);
    };
    child.on("exit", (code, signal) => lost(this.#isClosed ? null : exitCodeOfEnd(code, signal)));
    child.on("error", () => lost(null));
    return child;
  }

  #answer(id: number, exitCode: number | null): void {
    this.#waiting.get(id)?.resolve(exitCode);
    this.#waiting.delete(id);
  }
}

/** Who sends these wants the process to end, whatever it does. */
const REQUESTS: ReadonlySet<NodeJS.Signals> = new Set(["SIGTERM", "SIGINT", "SIGHUP"]);

/** Null where how it ended says nothing of the job. */
function exitCodeOfEnd(code: number | null, signal: NodeJS.Signals | null): number | null {
  if (signal !== null) return REQUESTS.has(signal) ? null : 128 + constants.signals[signal];
  // One that ends without an answer did not do its job.
  return code === 0 ? null : code;
}
