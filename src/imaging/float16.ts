/**
 * Half precision (IEEE 754 binary16) in bulk, for arithmetic that must round where PyTorch's `half` tensors do.
 * Rounding is to nearest, halves to even; numbers that round beyond 65,504 become infinite.
 */

/** Bits of 2^-14, the smallest normal number, and of 65,520, from which a number rounds to infinity. */
const SMALLEST_NORMAL = 0x3880_0000;
const TO_INFINITY = 0x477f_f000;
/** Adding and subtracting this rounds a float64 to a multiple of 2^-24, the step of subnormal numbers. */
const SUBNORMAL_ROUNDER = 1.5 * 2 ** 28;

/**
 * Rounds numbers to half precision, in place. They stay float32: every half-precision number is one.
 *
 * @param values float32 numbers and their bits: two views of the same memory
 */
export function roundRangeToFloat16(values: Float32Array, bits: Uint32Array, from: number, to: number): void {
  for (let i = from; i < to; i++) {
    const word = bits[i];
    const size = word & 0x7fff_ffff;
    if (size >= SMALLEST_NORMAL && size < TO_INFINITY) {
      // Thirteen bits go: half of the last one kept less one, plus that bit's own parity, carries where it must.
      bits[i] = (word + 0xfff + ((word >>> 13) & 1)) & 0xffff_e000;
    } else if (size < SMALLEST_NORMAL) {
      values[i] = values[i] + SUBNORMAL_ROUNDER - SUBNORMAL_ROUNDER;
    } else if (size < 0x7f80_0000) {
      bits[i] = (word & 0x8000_0000) | 0x7f80_0000;
    }
  }
}

/**
 * Stores double-precision numbers rounded to half precision, in one step as numpy does: by way of single precision a
 * number just beside the middle of two halves would become that middle, and then be rounded to the even one.
 *
 * @param source `count` numbers from `from` on
 * @param values where they go, from `to` on, as float32 numbers, and their bits: two views of the same memory
 */
export function storeFloat16(
  source: Float64Array,
  from: number,
  count: number,
  values: Float32Array,
  bits: Uint32Array,
  to: number,
): void {
  for (let n = 0; n < count; n++) {
    const value = source[from + n];
    const i = to + n;
    values[i] = value;
    let word = bits[i];
    // A middle of two halves: one bit back towards the number that it was, if it was another one.
    if ((word & 0x1fff) === 0x1000 && values[i] !== value) word += Math.abs(value) > Math.abs(values[i]) ? 1 : -1;
    const size = word & 0x7fff_ffff;
    if (size >= SMALLEST_NORMAL && size < TO_INFINITY) {
      bits[i] = (word + 0xfff + ((word >>> 13) & 1)) & 0xffff_e000;
    } else if (size < SMALLEST_NORMAL) {
      values[i] = value + SUBNORMAL_ROUNDER - SUBNORMAL_ROUNDER;
    } else if (size < 0x7f80_0000) {
      bits[i] = (word & 0x8000_0000) | 0x7f80_0000;
    }
  }
}

/** The bits of half-precision numbers that are kept as float32; other numbers lose their last bits. */
export function packFloat16(bits: Uint32Array, from: number, length: number, target: Uint16Array, to: number): void {
  const values = new Float32Array(bits.buffer, bits.byteOffset, bits.length);
  for (let n = 0; n < length; n++) {
    const word = bits[from + n];
    const size = word & 0x7fff_ffff;
    const sign = (word >>> 16) & 0x8000;
    if (size >= SMALLEST_NORMAL) target[to + n] = sign | Math.min((size - 0x3800_0000) >>> 13, 0x7c00);
    else target[to + n] = sign | Math.round(Math.abs(values[from + n]) * 2 ** 24);
  }
}

/** The number of each of the 65,536 half-precision bit patterns. */
export const FLOAT16_VALUES: Float32Array = Float32Array.from({ length: 65_536 }, (_, word) => {
  const exponent = (word >>> 10) & 31;
  const fraction = word & 0x3ff;
  const sign = word & 0x8000 ? -1 : 1;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return sign * (1024 + fraction) * 2 ** (exponent - 25);
});
