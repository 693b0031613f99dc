import { Worker } from "node:worker_threads";

/** Places in the numbers that threads share: what is counted up to wake them, what they count, what they are to do. */
const [TURN, READY, DONE, JOB, TEAM] = [0, 1, 2, 3, 4];
const CLOSED = -1;
/** Threads that have not come up by then are done without: what is computed is the same. */
const PATIENCE_MS = 3000;

// As text, so that a bundle needs no second file. A thread sleeps until it is its turn, and ends when all are closed.
const SOURCE = `
const { workerData } = require("node:worker_threads");
const { shared, memory, module, stack, thread } = workerData;
const { exports } = new WebAssembly.Instance(module, { env: { memory } });
exports.__stack_pointer.value = stack;
Atomics.add(shared, ${READY}, 1);
Atomics.notify(shared, ${READY});
for (let turn = 0; ; ) {
  Atomics.wait(shared, ${TURN}, turn);
  const now = Atomics.load(shared, ${TURN});
  if (now === turn) continue;
  turn = now;
  if (turn === ${CLOSED}) break;
  if (thread > Atomics.load(shared, ${TEAM})) continue;
  const job = Atomics.load(shared, ${JOB});
  try {
    exports.run(job, thread);
  } catch {
    exports.lose(job);
  }
  Atomics.add(shared, ${DONE}, 1);
  Atomics.notify(shared, ${DONE});
}`;

export interface CrfThreads {
  readonly count: number;
  /** Waits for them. False where they do not come up; they must be closed then. */
  ready(): boolean;
  /** Sets the first `team` of them to work on a job; the caller does its own part then. */
  start(job: number, team: number): void;
  /** Waits until they have done their parts. */
  finish(): void;
  /** Lets them end. */
  close(): void;
}

/**
 * Threads beside the caller's on the kernel's memory. Nothing here is asynchronous: the caller computes as well. They
 * do not keep a process alive.
 *
 * @param takeStack gives the end of a thread's stack in the memory
 */
export function crfThreads(
  module: WebAssembly.Module,
  memory: WebAssembly.Memory,
  count: number,
  takeStack: () => number,
): CrfThreads {
  const shared = new Int32Array(new SharedArrayBuffer(64));
  for (let n = 0; n < count; n++) {
    const worker = new Worker(SOURCE, {
      eval: true,
      workerData: { shared, memory, module, stack: takeStack(), thread: n + 1 },
    });
    // It is missed in `ready`.
    worker.on("error", () => {});
    worker.unref();
  }
  const waitUntil = (place: number, wanted: number, end: number): boolean => {
    for (;;) {
      const now = Atomics.load(shared, place);
      if (now === wanted) return true;
      const left = end - performance.now();
      if (left <= 0) return false;
      Atomics.wait(shared, place, now, left);
    }
  };
  let team = 0;
  return {
    count,
    ready: () => waitUntil(READY, count, performance.now() + PATIENCE_MS),
    start(job, members) {
      team = members;
      Atomics.store(shared, DONE, 0);
      Atomics.store(shared, JOB, job);
      Atomics.store(shared, TEAM, members);
      Atomics.add(shared, TURN, 1);
      Atomics.notify(shared, TURN);
    },
    finish() {
      waitUntil(DONE, team, Number.POSITIVE_INFINITY);
    },
    close() {
      Atomics.store(shared, TURN, CLOSED);
      Atomics.notify(shared, TURN);
    },
  };
}
