import { growTo, type KernelMemory, placeArrays } from "./kernel-memory.js";
import { KERNEL_WASM } from "./kernel-wasm.js";

/** What kernel/kernel.c gives away. Addresses are bytes in its memory, lengths are numbers. */
export interface SplineKernel extends KernelMemory {
  columnsAtOnce(): number;
  resizeColumns(
    values: number,
    /** Numbers in single or in double precision, or whole ones of 16 bits that stand for those of the table. */
    kind: 0 | 1 | 2,
    table: number,
    step: number,
    columnStep: number,
    columns: number,
    length: number,
    block: number,
    pole: number,
    gain: number,
    poleN: number,
    starts: number,
    weights: number,
    newLength: number,
    out: number,
    toStep: number,
    toColumnStep: number,
  ): void;
  clip(values: number, count: number, low: number, high: number, out: number): void;
  extend(values: number, count: number, range: number): void;
}

const BASE64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

let compiled: WebAssembly.Module | null = null;

/**
 * Opens the kernel with a memory of its own, which does not grow any more: views of it stay valid.
 *
 * @param bytesOf bytes of the arrays that are needed, given the kernel's own constants
 * @returns where each of them lies
 */
export function openSplineKernel(bytesOf: (kernel: SplineKernel) => readonly number[]): {
  readonly kernel: SplineKernel;
  readonly memory: ArrayBuffer;
  readonly places: readonly number[];
} {
  compiled ??= new WebAssembly.Module(fromBase64(KERNEL_WASM));
  // The compiler's names for what is exported stand in `SplineKernel`.
  const kernel = new WebAssembly.Instance(compiled).exports as unknown as SplineKernel;
  const { places, end } = placeArrays(kernel, bytesOf(kernel));
  growTo(kernel, end);
  return { kernel, memory: kernel.memory.buffer, places };
}

/** Node.js has this, and this floor of the code knows nothing of Node.js. */
function fromBase64(text: string): Uint8Array {
  const digits = text.replace(/=+$/, "");
  const bytes = new Uint8Array(Math.floor((digits.length * 3) / 4));
  let bits = 0;
  let at = 0;
  for (let n = 0; n < digits.length; n++) {
    bits = (bits << 6) | BASE64.indexOf(digits[n]);
    if (n % 4 > 0) bytes[at++] = bits >> (6 - 2 * (n % 4));
  }
  return bytes;
}
