import { PipelineError } from "#src/core/errors.js";
import { growTo, type KernelMemory, placeArrays } from "#src/imaging/kernel-memory.js";
import { KERNEL_WASM } from "./kernel-wasm.js";

/** What kernel/kernel.c gives away. Addresses are bytes in its memory, lengths are numbers. */
interface LogitsKernel extends KernelMemory {
  addHalf: AddRows;
  addSingle: AddRows;
  takeHalf: TakeMeans;
  takeSingle: TakeMeans;
  unpackHalf(halves: number, out: number, count: number): void;
  addSoftmax(
    logits: number,
    classes: number,
    count: number,
    mean: number,
    sum: number,
    moment: number,
    terms: number,
  ): void;
  jobSize(): number;
  setAxis(job: number, axis: 0 | 1, below: number, above: number, fraction: number, count: number): void;
  setGrid(job: number, width: number, height: number, stride: number, classes: number, isHalf: number): void;
  setSlice(job: number, n: number, values: number, label: number, largest: number, second: number): void;
  setRow(job: number, decided: number, candidates: number, highest: number, counts: number, high: number): void;
  placeClass(job: number, n: number, c: number, given: number): void;
  rankSlice(job: number, n: number): void;
  labelSlices(job: number, first: number, second: number, fractions: number, depth: number, labels: number): void;
  copyLabels(job: number, n: number, labels: number): void;
}

type AddRows = (sums: number, stride: number, answers: number, weights: number, width: number, rows: number) => number;
type TakeMeans = (sums: number, weights: number, means: number, count: number) => number;

/** The kernel with a memory of its own, which does not grow any more: views of it stay valid. */
export interface OpenKernel {
  readonly kernel: LogitsKernel;
  readonly memory: ArrayBuffer;
  /** Where each of the arrays that were asked for lies; they hold zeros. */
  readonly places: readonly number[];
}

let compiled: WebAssembly.Module | null = null;

/**
 * Opens the kernel with room for arrays of so many bytes each.
 *
 * @param bytesOf given the kernel's own constants
 * @throws {PipelineError} `MemoryInsufficient` when there is not so much memory, or more than 32 bits address
 */
export function openKernel(bytesOf: (kernel: LogitsKernel) => readonly number[]): OpenKernel {
  compiled ??= new WebAssembly.Module(Buffer.from(KERNEL_WASM, "base64"));
  let bytes = 0;
  try {
    // The compiler's names for what is exported stand in `LogitsKernel`.
    const kernel = new WebAssembly.Instance(compiled).exports as unknown as LogitsKernel;
    const { places, end } = placeArrays(kernel, bytesOf(kernel));
    bytes = end;
    growTo(kernel, end);
    return { kernel, memory: kernel.memory.buffer, places };
  } catch (cause) {
    const mib = Math.ceil(bytes / 2 ** 20);
    throw new PipelineError("MemoryInsufficient", `${mib} MiB for logits, or addresses for them, are not to be had`, {
      cause,
    });
  }
}
