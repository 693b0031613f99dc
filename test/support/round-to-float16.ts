import { roundHalfEven } from "#src/imaging/rounding.js";

/** Smallest normal number of IEEE 754 half precision, 2^-14. */
const SMALLEST_NORMAL_FLOAT16 = 2 ** -14;
/** Smallest positive number of half precision, 2^-24. */
const SMALLEST_FLOAT16 = 2 ** -24;
const bits = new DataView(new ArrayBuffer(4));

/**
 * The nearest half-precision number (halves to even), by its definition, going through single precision first as PyTorch does when it
 * casts float64 to float16. Numbers beyond 65,504 become infinite.
 */
export function roundToFloat16(value: number): number {
  const single = Math.fround(value);
  const size = Math.abs(single);
  if (!(size < Number.POSITIVE_INFINITY) || size === 0) return single;
  if (size < SMALLEST_NORMAL_FLOAT16) return roundHalfEven(single / SMALLEST_FLOAT16) * SMALLEST_FLOAT16;
  bits.setFloat32(0, size);
  // Ten bits of fraction below the leading one.
  const step = 2 ** ((bits.getUint32(0) >>> 23) - 127 - 10);
  const rounded = roundHalfEven(single / step) * step;
  return Math.abs(rounded) > 65_504 ? rounded * Number.POSITIVE_INFINITY : rounded;
}
