import { describe, expect, it } from "vitest";
import type { Size3 } from "#src/imaging/affine.js";
import { roundRangeToFloat16 } from "#src/imaging/float16.js";
import { gaussianTileWeights } from "#src/imaging/tiles.js";
import { KERNEL_SOURCE_SHA256 } from "#src/inference/kernel-wasm.js";
import { openKernel } from "#src/inference/logits-kernel.js";
import { wholeTile } from "#src/inference/slab.js";
import { TileFront } from "#src/inference/tile-front.js";
import { describeKernel } from "../../support/describe-kernel.js";

type Precision = "float16" | "float32";

function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

interface Tile {
  readonly start: Size3;
  /** [classes, z, y, x]. */
  readonly logits: Float32Array;
}

/** The whole volume, [classes, z, y, x], one number after the other. */
function blendPlainly(size: Size3, patch: Size3, weights: Float32Array, tiles: readonly Tile[], precision: Precision) {
  const voxels = size[0] * size[1] * size[2];
  const tile = patch[0] * patch[1] * patch[2];
  const classes = (tiles[0]?.logits.length ?? 0) / tile;
  const one = new Float32Array(1);
  const bits = new Uint32Array(one.buffer);
  const rounded = (value: number): number => {
    one[0] = value;
    if (precision === "float16") roundRangeToFloat16(one, bits, 0, 1);
    return one[0] as number;
  };
  const sums = new Float32Array((classes + 1) * voxels);
  for (const { start, logits } of tiles) {
    for (let c = 0; c <= classes; c++) {
      for (let i = 0; i < tile; i++) {
        const [x, y, z] = [i % patch[0], Math.floor(i / patch[0]) % patch[1], Math.floor(i / (patch[0] * patch[1]))];
        const to = c * voxels + start[0] + x + size[0] * (start[1] + y + size[1] * (start[2] + z));
        const weight = weights[i] ?? 0;
        const term = c === classes ? weight : Math.fround((logits[c * tile + i] ?? 0) * weight);
        sums[to] = rounded((sums[to] ?? 0) + term);
      }
    }
  }
  return Float32Array.from({ length: classes * voxels }, (_, i) =>
    rounded((sums[i] ?? 0) / (sums[classes * voxels + (i % voxels)] ?? 0)),
  );
}

function blend(
  size: Size3,
  patch: Size3,
  weights: Float32Array,
  tiles: readonly Tile[],
  precision: Precision,
  windowBytes?: number,
) {
  const area = size[0] * size[1];
  const classes = (tiles[0]?.logits.length ?? 0) / (patch[0] * patch[1] * patch[2]);
  const out = new Float32Array(classes * area * size[2]);
  const onSlice = (z: number, slices: readonly Float32Array[]) => {
    for (const [c, values] of slices.entries()) out.set(values, (c * size[2] + z) * area);
  };
  const front = new TileFront({ size, patch, classes, weights, precision }, onSlice, windowBytes);
  const areFinite = tiles.map(({ start, logits }) => front.add(start, wholeTile(logits, patch, classes)));
  front.finish();
  return { out, areFinite, areMeansFinite: front.areMeansFinite };
}

/** Where two arrays first differ. What rounds to zero from below is -0 in the kernel, as in torch, and 0 in plain loops. */
function firstDifference(a: Float32Array, b: Float32Array): number {
  return a.length === b.length ? a.findIndex((value, i) => !Object.is(value + 0, (b[i] ?? 0) + 0)) : 0;
}

describe("the kernel of tiles", () => {
  // Widths that are no multiple of a vector, and rows that start anywhere.
  const patch: Size3 = [13, 5, 4];
  const size: Size3 = [18, 9, 9];
  const starts = [0, 2, 5].flatMap((z) => [0, 4].flatMap((y) => [0, 3, 5].map((x): Size3 => [x, y, z])));
  /** Logits whose sums, weighted by 10 down to a subnormal number, are of every size that half precision has. */
  const scales = [1e-9, 1e-6, 1e-4, 1, 100, 7000, 1e6];
  const tilesOf = (random: () => number): Tile[] =>
    starts.map((start) => ({
      start,
      logits: Float32Array.from(
        { length: 3 * 13 * 5 * 4 },
        () => (random() - 0.5) * (scales[Math.floor(random() * scales.length)] ?? 1),
      ),
    }));

  it.each(["float16", "float32"] as const)("blends as plain loops do, bit for bit: %s", (precision) => {
    const weights = gaussianTileWeights(patch);
    for (let seed = 1; seed <= 12; seed++) {
      const tiles = tilesOf(randomFrom(seed));
      const expected = blendPlainly(size, patch, weights, tiles, precision);
      const { out, areFinite } = blend(size, patch, weights, tiles, precision);
      expect(firstDifference(out, expected)).toBe(-1);
      expect(areFinite).toEqual(starts.map(() => true));
    }
  });

  it("gives the same bytes in one memory and in several, by classes and by slices", () => {
    const weights = gaussianTileWeights(patch);
    const tiles = tilesOf(randomFrom(5));
    const slice = 2 * size[0] * size[1];
    const whole = blend(size, patch, weights, tiles, "float16");
    expect(whole.areMeansFinite).toBe(false);
    for (const windowBytes of [8 * slice, 4 * slice, 3 * slice, slice, 1]) {
      expect(blend(size, patch, weights, tiles, "float16", windowBytes)).toEqual(whole);
    }
  });

  it("holds a class whose window and weights take more than 4 GiB", () => {
    const options = { size: [2048, 2048, 256], patch: [8, 8, 160], classes: 1, precision: "float32" } as const;
    const weights = new Float32Array(8 * 8 * 160);
    expect(() => new TileFront({ ...options, weights }, () => {})).not.toThrow();
  });

  it("rounds every kind of number to half precision as it is defined", () => {
    // All half-precision numbers, the middles between them, and what lies just beside either; beyond them, too.
    const bits: number[] = [];
    for (let word = 0; word < 0x8000; word += 1) {
      const exponent = word >>> 10;
      if (exponent === 31) continue;
      const value = exponent === 0 ? word * 2 ** -24 : (1024 + (word & 1023)) * 2 ** (exponent - 25);
      const step = 2 ** (Math.max(exponent, 1) - 25);
      const near = new Uint32Array(Float32Array.of(value, value + step / 2).buffer);
      for (const at of near) for (const by of [-1, 0, 1]) if (at + by >= 0) bits.push(at + by, (at + by) | 0x8000_0000);
    }
    for (const value of [65_504, 65_519.996, 65_520, 65_535, 65_536, 1e6, 3.4e38, 1e-38, 1e-44]) {
      bits.push(...new Uint32Array(Float32Array.of(value, -value).buffer));
    }
    while (bits.length % 64 !== 0) bits.push(0);
    const values = new Float32Array(Uint32Array.from(bits, (word) => word >>> 0).buffer);
    const patch: Size3 = [64, values.length / 64, 1];
    const { out } = blend(
      patch,
      patch,
      new Float32Array(values.length).fill(1),
      [{ start: [0, 0, 0], logits: values }],
      "float16",
    );
    const expected = values.slice();
    roundRangeToFloat16(expected, new Uint32Array(expected.buffer), 0, expected.length);
    expect(firstDifference(out, expected)).toBe(-1);
  });

  it("keeps what is infinite, and what of it is no number", () => {
    const patch: Size3 = [2, 1, 1];
    const weights = Float32Array.of(10, 10);
    const tiles = [Float32Array.of(1e5, 3e38), Float32Array.of(-1e5, -3e38)].map((logits) => ({
      start: [0, 0, 0] as const,
      logits,
    }));
    for (const precision of ["float16", "float32"] as const) {
      const expected = blendPlainly(patch, patch, weights, tiles, precision);
      expect([...blend(patch, patch, weights, tiles, precision).out]).toEqual([...expected]);
      expect(expected[1]).toBeNaN();
    }
  });

  it.each([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY])("says so when an answer is %s", (value) => {
    for (const precision of ["float16", "float32"] as const) {
      for (let at = 0; at < 26; at++) {
        const logits = new Float32Array(26);
        logits[at] = value;
        const weights = new Float32Array(26).fill(1);
        expect(blend([13, 2, 1], [13, 2, 1], weights, [{ start: [0, 0, 0], logits }], precision).areFinite).toEqual([
          false,
        ]);
      }
    }
  });

  it("says so when sums of finite answers are beyond the precision, wherever they are", () => {
    const patch: Size3 = [13, 2, 1];
    const most = { float16: 65_504, float32: 3.4e38 };
    for (const precision of ["float16", "float32"] as const) {
      const blended = (logits: Float32Array, weight: number) =>
        blend(patch, patch, new Float32Array(26).fill(weight), [{ start: [0, 0, 0], logits }], precision);
      expect(blended(new Float32Array(26).fill(-most[precision]), 1).areMeansFinite).toBe(true);
      for (let at = 0; at < 26; at++) {
        const logits = new Float32Array(26).fill(3);
        for (const value of [most[precision] / 4, -most[precision] / 4]) {
          logits[at] = value;
          expect(blended(logits, 3)).toMatchObject({ areFinite: [true], areMeansFinite: true });
          expect(blended(logits, 5)).toMatchObject({ areFinite: [true], areMeansFinite: false });
        }
      }
    }
  });

  it("has the exponentials of Math.exp, bit for bit, on every branch of them", () => {
    const steps = Array.from({ length: 6000 }, (_, i) => -(i % 2 ? (i / 6000) * 760 : 1.004 ** (i - 5800)));
    // Beside the borders of the branches: 2^-28, ln 2 / 2, 3 ln 2 / 2, the smallest normal result and the smallest of all.
    const borders = [2 ** -28, Math.LN2 / 2, 1.5 * Math.LN2, 708.4, 745.13, 745.14].flatMap((border) =>
      Array.from({ length: 41 }, (_, i) => -border * (1 + (i - 20) * 2 ** -23)),
    );
    const logits = Float32Array.from([0, ...steps, ...borders]);
    const classes = logits.length;
    const { kernel, memory, places } = openKernel(() => [8 * classes, 8 * classes, 16, 16, 16 * classes]);
    const [given = 0, mean = 0, sum = 0, moment = 0, terms = 0] = places;
    // Two voxels, the same logits.
    new Float32Array(memory, given, 2 * classes).set([...logits].flatMap((value) => [value, value]));
    kernel.addSoftmax(given, classes, 2, mean, sum, moment, terms);
    const found = new Float64Array(memory, terms, 2 * classes);
    const differing = [...logits].filter((value, c) => found[2 * c] !== Math.exp(value));
    expect(differing).toEqual([]);
    expect(found.filter((_, i) => i % 2 === 1)).toEqual(found.filter((_, i) => i % 2 === 0));
  });

  it("refuses what 32 bits do not address", () => {
    expect(() => openKernel(() => [2 ** 33])).toThrow("8193 MiB for logits, or addresses for them, are not to be had");
  });
});

describeKernel("src/inference", KERNEL_SOURCE_SHA256);
