import { type CrfThreads, crfThreads } from "./crf-threads.js";
import { KERNEL_WASM } from "./kernel-wasm.js";

/** What kernel/kernel.c gives away. Addresses are bytes in its memory. */
interface Exports {
  readonly __stack_pointer: { value: number };
  reset(): number;
  take(bytes: number): number;
  used(): number;
  jobSize(): number;
  lose(job: number): void;
  setJob(
    job: number,
    points: number,
    labels: number,
    kernels: number,
    iterations: number,
    threads: number,
    tolerance: number,
    given: number,
  ): void;
  setKernel(
    job: number,
    n: number,
    d: number,
    normalisation: number,
    potts: number,
    matrix: number,
    features: number,
  ): void;
  run(job: number, thread: number): void;
  faultOf(job: number): number;
  doneOf(job: number): number;
  changeOf(job: number): number;
  verticesOf(job: number, n: number): number;
}

/** Most pages that a memory may grow to: what 32 bits address, or less where the system does not give so much. */
const MOST_PAGES = [65_536, 32_768, 16_384] as const;
/** Bytes up to which a memory is kept for the next run: beyond that, what is given back counts more than speed. */
const KEPT_BYTES = 512 * 1024 ** 2;
const STACK = 65_536;
const FAULTS = ["", "memory", "range", "thread"] as const;
/** First threads of further ones; a machine of many cores gains nothing more. */
const MOST_THREADS = 8;

/** One memory, the kernel in it and its threads. */
interface Running {
  readonly memory: WebAssembly.Memory;
  readonly kernel: Exports;
  threads: CrfThreads | null;
}

let compiled: WebAssembly.Module | null = null;
let kept: Running | null = null;
/** False after threads did not come up: they are not waited for again. */
let canThread = true;

/** A kernel of the energy, its features and penalties as they go into the memory. */
export interface KernelJob {
  readonly dimensions: number;
  readonly features: Float32Array;
  /** 0 none, 1 before, 2 after, 3 symmetric. */
  readonly normalisation: 0 | 1 | 2 | 3;
  readonly potts: number;
  /** [labels][labels], or null for Potts. */
  readonly matrix: Float32Array | null;
}

export interface Job {
  readonly labels: number;
  /** Probabilities: one array a label, of one length. */
  readonly given: readonly Float32Array[];
  readonly kernels: readonly KernelJob[];
  readonly iterations: number;
  readonly tolerance: number;
  readonly threads: number;
}

export interface JobResult {
  readonly marginals: readonly Float32Array[];
  readonly iterations: number;
  readonly change: number;
  /** Vertices of each lattice. */
  readonly vertices: readonly number[];
  readonly bytes: number;
}

/** Why the kernel could not finish: no memory, features out of range or not finite, a thread lost. */
export class KernelFault extends Error {
  readonly fault: "memory" | "range" | "thread";
  constructor(fault: "memory" | "range" | "thread") {
    super(`dense CRF kernel: ${fault}`);
    this.fault = fault;
  }
}

/**
 * Runs a job on one or several threads; the result does not depend on how many.
 *
 * @throws {KernelFault}
 */
export function runJob(job: Job): JobResult {
  const running = kept ?? open();
  kept = null;
  try {
    const result = runIn(running, job);
    if (running.memory.buffer.byteLength <= KEPT_BYTES) kept = running;
    return result;
  } finally {
    if (kept !== running) running.threads?.close();
  }
}

function runIn(running: Running, job: Job): JobResult {
  const { kernel, memory } = running;
  const points = job.given[0]?.length ?? 0;
  const { labels, iterations, tolerance, kernels } = job;
  // They come up while the memory is filled.
  openThreads(running, Math.min(job.threads, MOST_THREADS) - 1);
  kernel.reset();
  // The threads' stacks lie first, at the same place in every run.
  for (let n = 0; n <= (running.threads?.count ?? 0); n++) kernel.take(STACK);
  const take = (bytes: number): number => {
    const at = kernel.take(bytes) >>> 0;
    if (at === 0) throw new KernelFault("memory");
    return at;
  };
  const put = (values: Float32Array): number => {
    const at = take(values.byteLength);
    new Float32Array(memory.buffer, at, values.length).set(values);
    return at;
  };
  const address = take(kernel.jobSize());
  // Marginals take the place of what was given.
  const given = take(4 * points * labels);
  for (const [n, values] of job.given.entries()) {
    new Float32Array(memory.buffer, given + 4 * n * points, points).set(values);
  }
  const placed = kernels.map(({ matrix, features }) => ({
    matrix: matrix === null ? 0 : put(matrix),
    features: put(features),
  }));
  const others = readyThreads(running, Math.min(job.threads, MOST_THREADS) - 1);
  kernel.setJob(address, points, labels, kernels.length, iterations, others + 1, tolerance, given);
  for (const [n, { dimensions, normalisation, potts }] of kernels.entries()) {
    kernel.setKernel(address, n, dimensions, normalisation, potts, placed[n]?.matrix ?? 0, placed[n]?.features ?? 0);
  }

  if (others > 0) running.threads?.start(address, others);
  try {
    kernel.run(address, 0);
  } catch (cause) {
    kernel.lose(address);
    throw others > 0 ? new KernelFault("thread") : cause;
  } finally {
    if (others > 0) running.threads?.finish();
  }
  const fault = FAULTS[kernel.faultOf(address)];
  if (fault) throw new KernelFault(fault);
  return {
    marginals: job.given.map((_, n) => new Float32Array(memory.buffer, given + 4 * n * points, points).slice()),
    iterations: kernel.doneOf(address),
    change: kernel.changeOf(address),
    vertices: kernels.map((_, n) => kernel.verticesOf(address, n)),
    bytes: kernel.used() >>> 0,
  };
}

function openThreads(running: Running, wanted: number): void {
  if (wanted <= (running.threads?.count ?? 0) || !canThread) return;
  running.threads?.close();
  running.kernel.reset();
  running.kernel.take(STACK);
  running.threads = crfThreads(module(), running.memory, wanted, () => running.kernel.take(STACK) + STACK);
}

/** Threads beside the caller's that are there: as many as wanted, or none where they do not come up. */
function readyThreads(running: Running, wanted: number): number {
  if (running.threads === null || wanted <= 0) return 0;
  if (running.threads.ready()) return Math.min(wanted, running.threads.count);
  running.threads.close();
  running.threads = null;
  canThread = false;
  return 0;
}

function open(): Running {
  const memory = memoryOf();
  // The compiler's names for what is exported stand in `Exports`.
  const kernel = new WebAssembly.Instance(module(), { env: { memory } }).exports as unknown as Exports;
  kernel.reset();
  kernel.__stack_pointer.value = kernel.take(STACK) + STACK;
  return { memory, kernel, threads: null };
}

function memoryOf(): WebAssembly.Memory {
  for (const maximum of MOST_PAGES) {
    try {
      return new WebAssembly.Memory({ initial: 64, maximum, shared: true });
    } catch {}
  }
  throw new KernelFault("memory");
}

function module(): WebAssembly.Module {
  compiled ??= new WebAssembly.Module(Buffer.from(KERNEL_WASM, "base64"));
  return compiled;
}
