import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { Worker } from "node:worker_threads";
import { PipelineError } from "#src/core/errors.js";
import { freeArray } from "./free-array.js";
import type { Answer, Tensor } from "./network-session.js";
import type { ThreadAnswer, ThreadJob, ThreadNetwork } from "./network-thread.js";

/** Of sources, of `dist`, and of a bundle. */
const PROGRAMS = import.meta.url.endsWith(".ts")
  ? ["../../dist/src/inference/network-thread.js"]
  : ["./network-thread.js", "./network-thread.mjs"];

interface Waiting {
  readonly thread: Worker;
  readonly resolve: (answer: ThreadAnswer) => void;
  readonly reject: (error: unknown) => void;
}

/** Without its number. */
type Asked = ThreadJob extends infer Job ? (Job extends ThreadJob ? Omit<Job, "id"> : never) : never;

/**
 * Threads that run networks beside each other, each with sessions of its own, so that what a tile becomes does not
 * hang on the thread. They start with the first run, and keep a process alive only while there is something to do.
 */
export class NetworkThreads {
  readonly #program: string;
  readonly #workers: number;
  readonly #all: Worker[] = [];
  readonly #free: Worker[] = [];
  /** Runs for which no thread was free, the oldest first. */
  readonly #queue: ((thread: Worker) => void)[] = [];
  readonly #waiting = new Map<number, Waiting>();
  #jobs = 0;

  /** So many threads; null for one, which the caller is itself, and where their program is not beside this one. */
  static for(workers: number): NetworkThreads | null {
    const files = PROGRAMS.map((file) => fileURLToPath(new URL(file, import.meta.url)));
    const program = files.find((file) => existsSync(file));
    return workers < 2 || program === undefined ? null : new NetworkThreads(program, workers);
  }

  private constructor(program: string, workers: number) {
    this.#program = program;
    this.#workers = workers;
  }

  get workers(): number {
    return this.#workers;
  }

  get areStarted(): boolean {
    return this.#all.length > 0;
  }

  /** Runs a network in the first thread that is free. @throws {PipelineError} as a session's `run` */
  async run(network: ThreadNetwork, input: Tensor): Promise<Answer> {
    const thread = await this.#take();
    try {
      const answer = await this.#ask(thread, { kind: "run", network, input });
      if (answer.kind !== "output") throw new TypeError(`a thread answered "${answer.kind}" to a run`);
      const { output } = answer;
      return { ...output, free: () => freeArray(output.data) };
    } finally {
      this.#give(thread);
    }
  }

  /** Starts so many threads, as far as there may be, and opens a network in each. @throws {PipelineError} as `run` */
  async open(network: ThreadNetwork, threads: number): Promise<void> {
    const openIn = async (thread: Worker): Promise<void> => {
      try {
        await this.#ask(thread, { kind: "open", network });
      } finally {
        this.#give(thread);
      }
    };
    const taken = Array.from({ length: Math.min(threads, this.#workers) }, () => this.#take());
    await Promise.all(taken.map(async (thread) => openIn(await thread)));
  }

  /** Frees what the threads hold of a network; none of its runs may be under way. */
  async forget(key: number): Promise<void> {
    await Promise.all(this.#all.map((thread) => this.#ask(thread, { kind: "close", key })));
  }

  #take(): Promise<Worker> {
    const free = this.#free.pop();
    if (free !== undefined) return Promise.resolve(free);
    if (this.#all.length < this.#workers) return Promise.resolve(this.#start());
    return new Promise((resolve) => this.#queue.push(resolve));
  }

  /** Takes a thread back. One that was lost makes room for another. */
  #give(thread: Worker): void {
    const isLost = !this.#all.includes(thread);
    const next = this.#queue.shift();
    if (next !== undefined) next(isLost ? this.#start() : thread);
    else if (!isLost) this.#free.push(thread);
  }

  #start(): Worker {
    const thread = new Worker(this.#program, { execArgv: [] });
    thread.on("message", (answer: ThreadAnswer) => this.#answered(thread, answer));
    thread.on("error", (error) => this.#lose(thread, error));
    thread.on("exit", () => this.#lose(thread, new Error("a thread that runs networks ended")));
    this.#all.push(thread);
    return thread;
  }

  #ask(thread: Worker, job: Asked): Promise<ThreadAnswer> {
    return new Promise((resolve, reject) => {
      const id = this.#jobs++;
      this.#waiting.set(id, { thread, resolve, reject });
      thread.ref();
      thread.postMessage({ ...job, id } satisfies ThreadJob);
    });
  }

  #answered(thread: Worker, answer: ThreadAnswer): void {
    const job = this.#waiting.get(answer.id);
    this.#waiting.delete(answer.id);
    if (![...this.#waiting.values()].some((waiting) => waiting.thread === thread)) thread.unref();
    if (answer.kind === "failed") job?.reject(new PipelineError(answer.code, answer.message));
    else job?.resolve(answer);
  }

  /** What it was to do fails; the other threads go on. */
  #lose(thread: Worker, cause: unknown): void {
    for (const threads of [this.#all, this.#free]) {
      const at = threads.indexOf(thread);
      if (at >= 0) threads.splice(at, 1);
    }
    const lost = new PipelineError("InferenceFailed", "a thread that runs networks was lost", { cause });
    for (const [id, waiting] of this.#waiting) {
      if (waiting.thread !== thread) continue;
      this.#waiting.delete(id);
      waiting.reject(lost);
    }
  }
}
