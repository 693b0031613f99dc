import { FLOAT16_VALUES, packFloat16, roundRangeToFloat16 } from "#src/imaging/float16.js";

// Networks whose own input or output is in half precision: everything around them is in single.

/** The bits of numbers rounded to half precision; the numbers stay as they are. */
export function toHalf(values: Float32Array): Uint16Array {
  const rounded = values.slice();
  const bits = new Uint32Array(rounded.buffer);
  roundRangeToFloat16(rounded, bits, 0, rounded.length);
  const half = new Uint16Array(rounded.length);
  packFloat16(bits, 0, rounded.length, half, 0);
  return half;
}

/** @param half bits of half-precision numbers, as whole numbers or as the runtime's own kind of array */
export function fromHalf(half: ArrayBufferView): Float32Array {
  const words = new Uint16Array(half.buffer, half.byteOffset, half.byteLength / 2);
  return Float32Array.from(words, (word) => FLOAT16_VALUES[word] ?? 0);
}
