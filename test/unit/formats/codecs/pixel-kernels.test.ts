import { describe, expect, it } from "vitest";
import { rescaleWords, shiftWords, unpackSegments, type WordFormat } from "#src/formats/codecs/pixel-kernels.js";
import { PIXEL_KERNELS } from "#src/formats/codecs/pixel-kernels-wasm.js";
import { buildPixelKernels } from "../../../support/build-pixel-kernels.js";
import { hasClang } from "../../../support/describe-kernel.js";

/** Every word there is, and 13 more, so that neither a step of eight nor a chunk comes out even. */
const WORDS = Uint16Array.from({ length: 65_536 + 13 }, (_, i) => i);
const BYTES = new Uint8Array(WORDS.buffer);

/** The value of a word by the words of the standard: PS3.3 C.7.6.3.1, C.11.1. */
function expected(word: number, { bitsStored, isSigned, slope, intercept }: WordFormat): number {
  const raw = word % 2 ** bitsStored;
  const value = isSigned && raw >= 2 ** (bitsStored - 1) ? raw - 2 ** bitsStored : raw;
  return value * slope + intercept;
}

const plain = { bitsStored: 16, isSigned: false, slope: 1, intercept: 0 };
const FORMATS: readonly WordFormat[] = [
  plain,
  { ...plain, isSigned: true },
  { ...plain, bitsStored: 12, intercept: -1024 },
  { ...plain, bitsStored: 12, isSigned: true, intercept: -1024 },
  { ...plain, bitsStored: 10, isSigned: true, slope: 0.1, intercept: 1 / 3 },
  { ...plain, slope: -3, intercept: 1e9 },
  { ...plain, bitsStored: 1, intercept: 0.5 },
];

/** Bit for bit, without a report of 65,549 numbers. */
function isSame(a: Float32Array | Int16Array, b: Float32Array | Int16Array): boolean {
  return Buffer.from(a.buffer).equals(Buffer.from(b.buffer));
}

describe("rescaleWords", () => {
  it.each(FORMATS)("rounds as JavaScript does: %o", (format) => {
    const target = new Float32Array(WORDS.length);
    rescaleWords(target, BYTES, format);
    expect(
      isSame(
        target,
        Float32Array.from(WORDS, (word) => expected(word, format)),
      ),
    ).toBe(true);
  });

  it("takes words that begin at an odd byte, and refuses too few", () => {
    const odd = new Uint8Array(9);
    odd.set([1, 2, 3, 4], 1);
    const target = new Float32Array(2);
    rescaleWords(target, odd.subarray(1), plain);
    expect([...target]).toEqual([0x0201, 0x0403]);
    expect(() => rescaleWords(target, odd.subarray(0, 3), plain)).toThrow(RangeError);
  });
});

describe("shiftWords", () => {
  it.each(FORMATS)("gives the same values or says that it cannot: %o", (format) => {
    for (const words of [WORDS, WORDS.subarray(0, 40_003)]) {
      const values = Array.from(words, (word) => expected(word, format));
      const target = new Int16Array(words.length);
      const fits = values.every((value) => Number.isInteger(value) && value >= -32_768 && value <= 32_767);
      expect(shiftWords(target, BYTES, format)).toBe(fits);
      if (fits) expect(isSame(target, Int16Array.from(values))).toBe(true);
    }
  });

  it("does not look at words of a frame before", () => {
    expect(shiftWords(new Int16Array(16), new Uint8Array(32).fill(0xff), plain)).toBe(false);
    expect(shiftWords(new Int16Array(9), new Uint8Array(18), plain)).toBe(true);
  });

  it("finds the one value too many, at either end", () => {
    const target = new Int16Array(3);
    const words = new Uint8Array(Uint16Array.of(0, 1, 32_768).buffer);
    expect(shiftWords(target, words, plain)).toBe(false);
    expect(shiftWords(target, words, { ...plain, isSigned: true, intercept: 0 })).toBe(true);
    expect(shiftWords(target, words, { ...plain, isSigned: true, intercept: -1 })).toBe(false);
    expect(shiftWords(target.subarray(0, 2), words, { ...plain, intercept: 32_767 })).toBe(false);
  });
});

describe("unpackSegments", () => {
  it("writes runs and literals at their stride, and stops at the ends", () => {
    const packed = Uint8Array.of(2, 10, 11, 12, 254, 7, 128, 0, 9);
    const segments = [{ from: 0, end: packed.length, first: 1, limit: 16 }];
    const { bytes, written } = unpackSegments(packed, segments, 16, 2);
    expect([...bytes]).toEqual([0, 10, 0, 11, 0, 12, 0, 7, 0, 7, 0, 7, 0, 9, 0, 0]);
    expect(written).toEqual([7]);
    expect(unpackSegments(packed, [{ from: 0, end: 3, first: 0, limit: 16 }], 16, 1).written).toEqual([2]);
    expect(unpackSegments(packed, [{ from: 0, end: 9, first: 0, limit: 4 }], 16, 1).written).toEqual([4]);
  });

  it("gives memory back that one large frame took", () => {
    const packed = Uint8Array.of(129, 5);
    const { bytes } = unpackSegments(packed, [{ from: 0, end: 2, first: 0, limit: 2 ** 25 }], 2 ** 25, 1);
    expect([bytes[127], bytes[128]]).toEqual([5, 0]);
    expect(unpackSegments(packed, [{ from: 0, end: 2, first: 0, limit: 4 }], 4, 1).bytes).toEqual(
      Uint8Array.of(5, 5, 5, 5),
    );
  });
});

describe("the kernels", () => {
  it.skipIf(!hasClang)("are what pixel-kernels.c builds to (needs clang 14 and lld 14)", () => {
    expect(buildPixelKernels().equals(Buffer.from(PIXEL_KERNELS, "base64"))).toBe(true);
  });
});
