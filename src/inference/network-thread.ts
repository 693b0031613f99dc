import { isMainThread, parentPort } from "node:worker_threads";
import { type ErrorCode, toPipelineError } from "#src/core/errors.js";
import type { NetworkSession, Tensor } from "./network-session.js";
import { ortSessions } from "./ort-session.js";

/** A network as threads are told of it. */
export interface ThreadNetwork {
  /** One a session, in one process. */
  readonly key: number;
  /** The file, in memory that all threads see. */
  readonly bytes: Uint8Array;
  readonly inputName: string;
  readonly outputName: string;
  /** Of each run. */
  readonly threads: number;
}

/** For a thread: run a network, which it opens the first time, open one ahead, or close one that it may have open. */
export type ThreadJob =
  | { readonly kind: "run"; readonly id: number; readonly network: ThreadNetwork; readonly input: Tensor }
  | { readonly kind: "open"; readonly id: number; readonly network: ThreadNetwork }
  | { readonly kind: "close"; readonly id: number; readonly key: number };

/** What became of it. A `PipelineError` is sent in parts: threads do not share classes. */
export type ThreadAnswer =
  | { readonly kind: "output"; readonly id: number; readonly output: Tensor }
  | { readonly kind: "opened" | "closed"; readonly id: number }
  | { readonly kind: "failed"; readonly id: number; readonly code: ErrorCode; readonly message: string };

// The entry of the threads that NetworkThreads starts.
if (!isMainThread && parentPort !== null) serve(parentPort);

function serve(port: NonNullable<typeof parentPort>): void {
  const sessions = new Map<number, NetworkSession>();
  let last: Promise<void> = Promise.resolve();

  async function sessionOf({ key, bytes, threads, ...names }: ThreadNetwork): Promise<NetworkSession> {
    const known = sessions.get(key);
    if (known !== undefined) return known;
    // The digest was compared when the file was read.
    const open = ortSessions("cpu", { threads });
    const session = await open({ ...names, sha256: "", bytes: async () => bytes });
    sessions.set(key, session);
    return session;
  }

  async function answerTo(job: ThreadJob): Promise<ThreadAnswer> {
    const { id } = job;
    try {
      if (job.kind === "run") {
        const { data, shape } = await (await sessionOf(job.network)).run(job.input);
        return { kind: "output", id, output: { data, shape } };
      }
      if (job.kind === "open") {
        await sessionOf(job.network);
        return { kind: "opened", id };
      }
      await sessions.get(job.key)?.close();
      sessions.delete(job.key);
      return { kind: "closed", id };
    } catch (thrown) {
      const { code, message } = toPipelineError(thrown);
      return { kind: "failed", id, code, message };
    }
  }

  port.on("message", (job: ThreadJob) => {
    last = last.then(async () => {
      const answer = await answerTo(job);
      port.postMessage(answer, answer.kind === "output" ? [answer.output.data.buffer as ArrayBuffer] : []);
    });
  });
}
