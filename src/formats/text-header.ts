import { constants, gunzipSync, inflateSync } from "node:zlib";
import { PipelineError } from "#src/core/errors.js";

/** Voxels of one file: also how far its packed data may unpack. */
const MAX_DATA_BYTES = 4 * 1024 ** 3 - 1;

/** Numbers of a header line, separated by blanks; null when any is none. */
export function numbersOf(text: string): number[] | null {
  const numbers = text.trim().split(/\s+/).map(Number);
  return numbers.every(Number.isFinite) ? numbers : null;
}

/** Sizes of a header line: whole numbers of 1 or more whose product any file could hold. */
export function sizesOf(text: string, count: number, subject: string): number[] {
  const sizes = numbersOf(text);
  if (sizes === null || sizes.length !== count || sizes.some((size) => !Number.isInteger(size) || size < 1)) {
    throw new PipelineError("InputUnreadable", `${subject} has sizes that are not ${count} whole numbers of 1 or more`);
  }
  if (!Number.isSafeInteger(sizes.reduce((product, size) => product * size, 8))) {
    throw new PipelineError("InputUnreadable", `${subject} has sizes of more voxels than any file can hold`);
  }
  return sizes;
}

/**
 * Unpacks the voxels of a gzip or zlib stream.
 *
 * @param needed bytes that the header asks for; the stream may hold more, by a little
 * @throws {PipelineError} InputUnreadable, InputUnsafe
 */
export function unpackVoxels(packed: Uint8Array, needed: number, subject: string): Uint8Array {
  if (needed > MAX_DATA_BYTES) {
    throw new PipelineError("InputUnsafe", `${subject} unpacks to ${needed} bytes, expected at most ${MAX_DATA_BYTES}`);
  }
  const unpack = packed[0] === 0x1f && packed[1] === 0x8b ? gunzipSync : inflateSync;
  try {
    return unpack(packed, { maxOutputLength: needed + 65_536, finishFlush: constants.Z_FINISH });
  } catch (cause) {
    if (cause instanceof RangeError) {
      throw new PipelineError("InputUnsafe", `${subject} unpacks to more than the ${needed} bytes of its sizes`, {
        cause,
      });
    }
    const message = `${subject} has packed voxels that are damaged or cut short, expected ${needed} bytes`;
    throw new PipelineError("InputUnreadable", message, { cause });
  }
}

/** @throws {PipelineError} InputUnreadable when the voxels are not all there */
export function voxelBytes(bytes: Uint8Array, start: number, needed: number, subject: string): Uint8Array {
  if (start < 0 || bytes.length - start < needed) {
    const message = `${subject} is cut short: ${Math.max(0, bytes.length - start)} bytes of voxels found, ${needed} expected`;
    throw new PipelineError("InputUnreadable", message);
  }
  return bytes.subarray(start, start + needed);
}
