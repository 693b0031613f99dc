import { PipelineError } from "#src/core/errors.js";
import { FLOAT16_VALUES } from "#src/imaging/float16.js";

/** A numpy array: its last axis is the fastest. */
export interface NpyArray {
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

const WIDTHS = { "<f2": 2, "<f4": 4, "<f8": 8 } as const;

/**
 * Reads an array as numpy's `save` writes it (versions 1 to 3): little-endian floats, in C order. Memory is bounded by
 * the bytes given.
 *
 * @param subject how messages name the file
 * @throws {PipelineError} InputUnreadable, InputUnsupported
 */
export function readNpy(bytes: Uint8Array, subject: string): NpyArray {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const isNpy = bytes.length >= 12 && view.getUint32(0) === 0x93_4e_55_4d && view.getUint16(4) === 0x50_59;
  if (!isNpy) throw new PipelineError("InputUnreadable", `${subject} is no numpy array`);
  const isShort = bytes[6] === 1;
  const start = isShort ? 10 : 12;
  const dataOffset = start + (isShort ? view.getUint16(8, true) : view.getUint32(8, true));
  const header = Buffer.from(bytes.subarray(start, dataOffset)).toString("latin1");

  const type = /'descr': '([^']*)'/.exec(header)?.[1];
  const shape = /'shape': \(([\d, ]*)\)/.exec(header)?.[1]?.match(/\d+/g)?.map(Number);
  if (type === undefined || shape === undefined) {
    throw new PipelineError("InputUnreadable", `${subject} has a numpy header without type or shape`);
  }
  if (type !== "<f2" && type !== "<f4" && type !== "<f8") {
    throw new PipelineError(
      "InputUnsupported",
      `${subject} holds numpy type ${type.slice(0, 8)}, expected <f2, <f4 or <f8`,
    );
  }
  if (header.includes("'fortran_order': True")) {
    throw new PipelineError("InputUnsupported", `${subject} is in Fortran order, expected C order`);
  }
  const expected = shape.reduce((product, length) => product * length, 1);
  // A copy of our own (a Buffer's slice would be none), so that it starts where any type may start.
  const stored = new Uint8Array(bytes.subarray(dataOffset));
  if (stored.length !== expected * WIDTHS[type]) {
    throw new PipelineError(
      "InputUnreadable",
      `${subject} has ${stored.length} bytes of values, expected ${expected * WIDTHS[type]} for its shape`,
    );
  }
  return { shape, data: floats(stored.buffer, type) };
}

function floats(buffer: ArrayBuffer, type: keyof typeof WIDTHS): Float32Array {
  if (type === "<f4") return new Float32Array(buffer);
  if (type === "<f8") return Float32Array.from(new Float64Array(buffer));
  return Float32Array.from(new Uint16Array(buffer), (bits) => FLOAT16_VALUES[bits] ?? 0);
}
