import { describe, expect, it } from "vitest";
import { FLOAT16_VALUES, packFloat16, roundRangeToFloat16, storeFloat16 } from "#src/imaging/float16.js";
import { roundHalfEven } from "#src/imaging/rounding.js";
import { roundToFloat16 } from "../../support/round-to-float16.js";

const rounded = (values: readonly number[]) => {
  const out = Float32Array.from(values);
  roundRangeToFloat16(out, new Uint32Array(out.buffer), 0, out.length);
  return out;
};

describe("roundRangeToFloat16", () => {
  it.each([
    [0.1, 0.0999755859375],
    [-0.1, -0.0999755859375],
    [2049, 2048],
    [2051, 2052],
    [10, 10],
    [65_504, 65_504],
    [65_520, Number.POSITIVE_INFINITY],
    [-1e9, Number.NEGATIVE_INFINITY],
    // Below the normal numbers: multiples of 2^-24, the tie goes to zero.
    [6e-8, 2 ** -24],
    [2 ** -25, 0],
    [0, 0],
  ])("makes %d half precision %d", (value, expected) => {
    expect([...rounded([value])]).toEqual([expected]);
  });

  it("rounds as half precision is defined, over the whole range and at every kind of edge", () => {
    const values = [0, -0, 65_504, 65_519.99, 65_520, 1e9, 2 ** -24, 2 ** -25, 3 * 2 ** -25, 2 ** -14, 2 ** -15 * 1.3];
    for (let i = 0; i < 20_000; i++) values.push((i % 2 ? -1 : 1) * 1.000_37 ** (i - 13_000) * 3);
    for (let i = 0; i < 2048; i++) values.push((1024 + i) / 2 + 0.25, (i + 0.5) * 2 ** -24);
    const found = rounded(values);
    const differing = values.filter((value, i) => found[i] !== roundToFloat16(value));
    expect(differing).toEqual([]);
  });

  it("keeps what is not a number and leaves values outside the range alone", () => {
    expect([...rounded([Number.NaN, Number.POSITIVE_INFINITY])]).toEqual([Number.NaN, Number.POSITIVE_INFINITY]);
    const values = Float32Array.of(1 / 3, 1 / 3, 1 / 3);
    roundRangeToFloat16(values, new Uint32Array(values.buffer), 1, 2);
    expect([...values]).toEqual([Math.fround(1 / 3), 1365 / 4096, Math.fround(1 / 3)]);
  });
});

describe("storeFloat16", () => {
  const stored = (values: readonly number[]) => {
    const out = new Float32Array(values.length);
    storeFloat16(Float64Array.from(values), 0, values.length, out, new Uint32Array(out.buffer), 0);
    return [...out];
  };

  it("decides beside the middle of two halves by the double, which single precision takes for the middle", () => {
    const middle = 1 + 2 ** -11;
    const tiny = 2 ** -30;
    expect(stored([middle - tiny, middle, middle + tiny])).toEqual([1, 1, 1 + 2 ** -10]);
    expect(stored([-middle + tiny, -middle, -middle - tiny])).toEqual([-1, -1, -1 - 2 ** -10]);
    expect(rounded([middle + tiny])).toEqual(Float32Array.of(1));
  });

  it("rounds once over the whole range, at and beside every kind of edge", () => {
    const edges = [65_504, 65_520, 65_519.999_999_99, 2 ** -24, 2 ** -25, 3 * 2 ** -25, 2 ** -14, 2 ** -15, 0];
    for (let i = 0; i < 4096; i++) edges.push((1024 + i / 2) * 2 ** ((i % 27) - 24), (i / 2) * 2 ** -24);
    const values = edges.flatMap((edge) => [edge, edge * (1 + 1e-12), edge * (1 - 1e-12)]).flatMap((v) => [v, -v]);
    for (let i = 0; i < 20_000; i++) values.push((i % 2 ? -1 : 1) * 1.000_37 ** (i - 13_000) * 3);
    const found = stored(values);
    expect(values.filter((value, i) => found[i] !== once(value))).toEqual([]);
  });

  it("keeps what is not a number", () => {
    expect(stored([Number.NaN, Number.NEGATIVE_INFINITY])).toEqual([Number.NaN, Number.NEGATIVE_INFINITY]);
  });
});

/** The definition: to a multiple of the step of half precision there, halves to even. Powers of two divide exactly. */
function once(value: number): number {
  const size = Math.abs(value);
  let step = 2 ** -24;
  while (step * 2048 <= size) step *= 2;
  const nearest = roundHalfEven(size / step) * step;
  return Math.sign(value) * (nearest > 65_504 ? Number.POSITIVE_INFINITY : nearest);
}

describe("packFloat16", () => {
  it("gives every half-precision number its own bits back", () => {
    const values = FLOAT16_VALUES.slice();
    const packed = new Uint16Array(values.length);
    packFloat16(new Uint32Array(values.buffer), 0, values.length, packed, 0);
    const wrong = [...packed.keys()].filter((i) => packed[i] !== i && !Number.isNaN(values[i]));
    expect(wrong).toEqual([]);
  });
});
