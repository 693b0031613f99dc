import { existsSync } from "node:fs";
import { availableParallelism } from "node:os";
import { fileURLToPath } from "node:url";
import { Worker } from "node:worker_threads";
import { isErrorCode, PipelineError } from "#src/core/errors.js";
import type { DecodedFrame, FrameShape } from "./frame-decoder.js";
import type { FrameAnswer, FrameJob } from "./frame-worker.js";

/** Decodes a compressed frame somewhere. The stream may be written over once the call has returned. */
export type DecodeFrame = (
  transferSyntaxUid: string,
  stream: Uint8Array,
  shape: FrameShape,
  subject: string,
) => Promise<DecodedFrame>;

/** Threads beyond this would wait for the one that reads and places. */
const MAX_THREADS = 8;
/** A thread takes about a tenth of a second to start: what decodes in less is not worth one. */
const PIXELS_A_THREAD = 2 ** 22;

/**
 * Threads that decode frames beside each other, each with decoders of its own. What a frame becomes does not depend on
 * the thread. To be closed: an open pool keeps the process alive.
 */
export class DecoderPool {
  readonly #threads: readonly Worker[];
  readonly #waiting = new Map<
    number,
    { readonly resolve: (frame: DecodedFrame) => void; readonly reject: (error: unknown) => void }
  >();
  #jobs = 0;
  /** Why no thread can be trusted any more. */
  #lost: { readonly error: unknown } | null = null;

  /**
   * A pool for so many pixels; null where they are too few, there is one processor, or the threads' program is not
   * beside this one (a bundle that was made without it).
   */
  static for(pixels: number): DecoderPool | null {
    const threads = Math.min(MAX_THREADS, availableParallelism(), Math.floor(pixels / PIXELS_A_THREAD));
    const path = fileURLToPath(new URL(programFor(import.meta.url), import.meta.url));
    return threads < 2 || !existsSync(path) ? null : new DecoderPool(path, threads);
  }

  private constructor(path: string, threads: number) {
    this.#threads = Array.from({ length: threads }, () => {
      const thread = new Worker(path, { execArgv: [] });
      thread.on("message", (answer: FrameAnswer) => this.#take(answer));
      thread.on("error", (error) => this.#fail(error));
      thread.on("exit", () => this.#fail(new Error("a thread that decodes frames ended")));
      return thread;
    });
  }

  /** Frames that can be under way before one must be waited for. */
  get window(): number {
    return 2 * this.#threads.length;
  }

  /** In turn: the frames of a series take about equally long. @throws {PipelineError} as the decoders do */
  readonly decode: DecodeFrame = (transferSyntaxUid, stream, shape, subject) =>
    new Promise((resolve, reject) => {
      if (this.#lost !== null) {
        reject(this.#lost.error);
        return;
      }
      const id = this.#jobs++;
      this.#waiting.set(id, { resolve, reject });
      const job: FrameJob = { id, transferSyntaxUid, stream: stream.slice(), shape, subject };
      this.#threads[id % this.#threads.length]?.postMessage(job, [job.stream.buffer as ArrayBuffer]);
    });

  async close(): Promise<void> {
    await Promise.all(this.#threads.map((thread) => thread.terminate()));
  }

  #take(answer: FrameAnswer): void {
    const job = this.#waiting.get(answer.id);
    this.#waiting.delete(answer.id);
    if (answer.kind === "frame") job?.resolve(answer.frame);
    else if (answer.kind === "refused" && isErrorCode(answer.code))
      job?.reject(new PipelineError(answer.code, answer.message));
    else job?.reject(answer.kind === "broken" ? answer.error : new Error(answer.message));
  }

  #fail(error: unknown): void {
    this.#lost ??= { error };
    for (const { reject } of this.#waiting.values()) reject(error);
    this.#waiting.clear();
  }
}

/** Where the threads' program is, seen from this one: a source file, a bundle (`functions/bundling.ts`), or compiled. */
function programFor(url: string): string {
  if (url.endsWith(".ts")) return "../../../dist/src/formats/codecs/frame-worker.js";
  return url.endsWith(".mjs") ? "./frame-worker.mjs" : "./frame-worker.js";
}
