import { PIXEL_KERNELS } from "./pixel-kernels-wasm.js";

/** What the bits of a 16-bit word mean, and its value. */
export interface WordFormat {
  /** Lowest bits of the word that count, at most 16. */
  readonly bitsStored: number;
  readonly isSigned: boolean;
  readonly slope: number;
  readonly intercept: number;
}

/** The functions of pixel-kernels.c; places in memory are bytes. */
interface Kernels {
  readonly memory: WebAssembly.Memory;
  heap(): number;
  rescaleFloat(
    from: number,
    to: number,
    count: number,
    mask: number,
    sign: number,
    slope: number,
    intercept: number,
  ): void;
  shiftFloat(from: number, to: number, count: number, mask: number, sign: number, intercept: number): void;
  shiftInteger(from: number, to: number, count: number, mask: number, sign: number, intercept: number): number;
  unpackBits(
    packed: number,
    from: number,
    end: number,
    out: number,
    length: number,
    first: number,
    stride: number,
  ): number;
}

/** Words that are worked on at once: with their results they stay in a core's own cache. */
const CHUNK = 32_768;
/** Room after the last word for a step of eight. */
const SLACK = 64;
/** An instance that had to grow beyond this is let go rather than kept for the next frame. */
const KEPT_BYTES = 16 * 2 ** 20;
/** Beyond this an intercept could overflow 32 bits together with a stored value. */
const MAX_WHOLE = 2 ** 30;

let loaded: Kernels | null = null;

/**
 * Values of 16-bit little-endian words, rounded from double precision as JavaScript rounds: `target.length` of them.
 *
 * @throws {RangeError} for fewer words than that
 */
export function rescaleWords(target: Float32Array, words: Uint8Array, format: WordFormat): void {
  const { slope, intercept } = format;
  const { mask, sign } = bitsOf(format);
  const isShift = slope === 1 && Number.isInteger(intercept) && Math.abs(intercept) < MAX_WHOLE;
  eachChunk(target, words, (kernels, from, to, count) => {
    if (isShift) kernels.shiftFloat(from, to, count, mask, sign, intercept);
    else kernels.rescaleFloat(from, to, count, mask, sign, slope, intercept);
    return true;
  });
}

/**
 * The same as 16-bit integers. False where that would lose something: a slope that is not 1, an intercept that is not
 * whole, a value beyond 16 bits; `target` then holds nothing of use.
 *
 * @throws {RangeError} for fewer words than `target` has room for
 */
export function shiftWords(target: Int16Array, words: Uint8Array, format: WordFormat): boolean {
  const { slope, intercept } = format;
  if (slope !== 1 || !Number.isInteger(intercept) || Math.abs(intercept) > 32_767) return false;
  const { mask, sign } = bitsOf(format);
  return eachChunk(
    target,
    words,
    (kernels, from, to, count) => kernels.shiftInteger(from, to, count, mask, sign, intercept) === 1,
  );
}

/**
 * PackBits segments into every `stride`-th byte of as many bytes as asked for.
 *
 * @param segments where each begins and ends in `packed`, and which byte of `out` is its first
 * @returns the bytes, and how many each segment gave
 */
export function unpackSegments(
  packed: Uint8Array,
  segments: readonly { readonly from: number; readonly end: number; readonly first: number; readonly limit: number }[],
  length: number,
  stride: number,
): { readonly bytes: Uint8Array; readonly written: readonly number[] } {
  const kernels = instance();
  const input = kernels.heap();
  const output = input + packed.length + SLACK;
  reserve(kernels, output + length);
  const memory = new Uint8Array(kernels.memory.buffer);
  memory.set(packed, input);
  memory.fill(0, output, output + length);
  const written = segments.map(({ from, end, first, limit }) =>
    kernels.unpackBits(input, from, end, output, limit, first, stride),
  );
  return { bytes: memory.slice(output, output + length), written };
}

function bitsOf({ bitsStored, isSigned }: WordFormat): { readonly mask: number; readonly sign: number } {
  return { mask: 2 ** bitsStored - 1, sign: isSigned ? 2 ** (bitsStored - 1) : 0 };
}

function eachChunk(
  target: Float32Array | Int16Array,
  words: Uint8Array,
  work: (kernels: Kernels, from: number, to: number, count: number) => boolean,
): boolean {
  if (words.length < 2 * target.length) throw new RangeError(`${words.length} bytes are not ${target.length} words`);
  const kernels = instance();
  const from = kernels.heap();
  const to = from + 2 * CHUNK + SLACK;
  reserve(kernels, to + 4 * CHUNK + SLACK);
  const { buffer } = kernels.memory;
  const input = new Uint8Array(buffer, from, 2 * CHUNK + SLACK);
  const output =
    target instanceof Float32Array ? new Float32Array(buffer, to, CHUNK) : new Int16Array(buffer, to, CHUNK);
  for (let start = 0; start < target.length; start += CHUNK) {
    const count = Math.min(CHUNK, target.length - start);
    input.set(words.subarray(2 * start, 2 * (start + count)));
    // What stood there before is no word of this frame; 0 fits into anything.
    if (count < CHUNK) input.fill(0, 2 * count, 2 * count + SLACK);
    if (!work(kernels, from, to, count)) return false;
    target.set(count === CHUNK ? output : output.subarray(0, count), start);
  }
  return true;
}

function instance(): Kernels {
  if (loaded !== null && loaded.memory.buffer.byteLength <= KEPT_BYTES) return loaded;
  const module = new WebAssembly.Module(Buffer.from(PIXEL_KERNELS, "base64"));
  // The exports are those of pixel-kernels.c, which a test builds again.
  loaded = new WebAssembly.Instance(module).exports as unknown as Kernels;
  return loaded;
}

function reserve({ memory }: Kernels, bytes: number): void {
  const missing = bytes - memory.buffer.byteLength;
  if (missing > 0) memory.grow(Math.ceil(missing / 65_536));
}
