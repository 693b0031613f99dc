import { describe, expect, it } from "vitest";
import type { Size3 } from "#src/imaging/affine.js";
import { rangeOf, resizeAxesCubic } from "#src/imaging/cubic-resize.js";
import { KERNEL_SOURCE_SHA256 } from "#src/imaging/kernel-wasm.js";
import { type VoxelArray, voxelCount } from "#src/imaging/volume.js";
import { describeKernel } from "../../support/describe-kernel.js";

function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

/** One column, step by step: scipy's `spline_filter1d` and `zoom`. */
function plainColumn(values: readonly number[], newLength: number): number[] {
  const at = (array: readonly number[], i: number) => array[Math.min(array.length - 1, Math.max(0, i))] ?? 0;
  const pole = Math.sqrt(3) - 2;
  const gain = (1 - pole) * (1 - 1 / pole);
  const c = Array.from({ length: values.length + 24 }, (_, k) => at(values, k - 12) * gain);
  const last = c.length - 1;
  const poleN = pole ** c.length;
  let sum = at(c, 0) + poleN * at(c, last);
  let power = pole;
  for (let k = 1; k < c.length && k < 60; k++) {
    sum += power * (at(c, k) + poleN * at(c, last - k));
    power *= pole;
  }
  c[0] = (sum * pole) / (1 - poleN * poleN) + at(c, 0);
  for (let k = 1; k <= last; k++) c[k] = at(c, k) + pole * at(c, k - 1);
  c[last] = at(c, last) * (pole / (pole - 1));
  for (let k = last - 1; k >= 0; k--) c[k] = pole * (at(c, k + 1) - at(c, k));
  return Array.from({ length: newLength }, (_, i) => {
    const position = (i + 0.5) * (values.length / newLength) - 0.5 + 12;
    const start = Math.floor(position) - 1;
    const y = position - Math.floor(position);
    const z = 1 - y;
    const w0 = (z * z * z) / 6;
    const w1 = (y * y * (y - 2) * 3 + 4) / 6;
    const w2 = (z * z * (z - 2) * 3 + 4) / 6;
    const w3 = 1 - w0 - w1 - w2;
    return w0 * at(c, start) + w1 * at(c, start + 1) + w2 * at(c, start + 2) + w3 * at(c, start + 3);
  });
}

function plain(data: VoxelArray, size: Size3, newSize: Size3, axes: readonly (0 | 1 | 2)[]): Float64Array {
  let current = Float64Array.from(data);
  let from: readonly number[] = size;
  for (const axis of axes) {
    const to = from.map((length, n) => (n === axis ? newSize[axis] : length));
    const index = (lengths: readonly number[], position: readonly number[]) =>
      (position[0] ?? 0) + (lengths[0] ?? 1) * ((position[1] ?? 0) + (lengths[1] ?? 1) * (position[2] ?? 0));
    const out = new Float64Array(to.reduce((product, length) => product * length, 1));
    const [a, b] = [0, 1, 2].filter((n) => n !== axis);
    for (let i = 0; i < (from[a ?? 0] ?? 1); i++) {
      for (let j = 0; j < (from[b ?? 0] ?? 1); j++) {
        const place = (k: number) => [0, 1, 2].map((n) => (n === axis ? k : n === a ? i : j));
        const column = Array.from({ length: from[axis] ?? 1 }, (_, k) => current[index(from, place(k))] ?? 0);
        for (const [k, value] of plainColumn(column, newSize[axis]).entries()) out[index(to, place(k))] = value;
      }
    }
    current = out;
    from = to;
  }
  return current;
}

describe("resizeAxesCubic", () => {
  it.each<{ size: Size3; newSize: Size3; axes: readonly (0 | 1 | 2)[] }>([
    { size: [5, 1, 1], newSize: [9, 1, 1], axes: [0] },
    // More rows, and more columns, than the kernel takes at a time, and some left over.
    { size: [70, 19, 3], newSize: [41, 19, 3], axes: [0] },
    { size: [19, 70, 3], newSize: [19, 41, 3], axes: [1] },
    { size: [11, 5, 70], newSize: [11, 5, 83], axes: [2] },
    { size: [12, 13, 14], newSize: [9, 8, 17], axes: [1, 0, 2] },
    { size: [12, 13, 14], newSize: [9, 18, 7], axes: [2, 0, 1] },
    { size: [12, 13, 14], newSize: [7, 18, 11], axes: [0, 2, 1] },
  ])("does what plain loops do, bit for bit: $size to $newSize", ({ size, newSize, axes }) => {
    const random = randomFrom(7);
    const count = voxelCount(size);
    for (const data of [
      Float32Array.from({ length: count }, () => random() * 3000 - 1000),
      Int16Array.from({ length: count }, () => random() * 3000 - 1000),
      Int32Array.from({ length: count }, () => random() * 2e9),
    ]) {
      expect(resizeAxesCubic(data, size, newSize, axes)).toEqual(plain(data, size, newSize, axes));
    }
    const table = Float32Array.from({ length: 65_536 }, random);
    const whole = Int16Array.from({ length: count }, () => random() * 65_536 - 32_768);
    const meant = Float32Array.from(whole, (value) => table[value & 0xffff] ?? 0);
    expect(resizeAxesCubic({ whole, table }, size, newSize, axes)).toEqual(plain(meant, size, newSize, axes));
  });

  it("takes more columns than its memory holds at a time", () => {
    const random = randomFrom(3);
    const size: Size3 = [2000, 1, 70];
    const data = Float32Array.from({ length: voxelCount(size) }, random);
    expect(resizeAxesCubic(data, size, [2000, 1, 61], [2])).toEqual(plain(data, size, [2000, 1, 61], [2]));
  });

  it("clips to a range in single precision", () => {
    const random = randomFrom(5);
    const data = Float32Array.from({ length: 11 * 7 * 5 }, () => Math.round(random() * 3));
    const wanted = plain(data, [11, 7, 5], [19, 3, 5], [1, 0]).map((value) => Math.min(2.5, Math.max(0.25, value)));
    const clipped = resizeAxesCubic(data, [11, 7, 5], [19, 3, 5], [1, 0], [0.25, 2.5]);
    expect(clipped).toEqual(Float32Array.from(wanted));
    expect(new Set(clipped).has(2.5)).toBe(true);
  });
});

describe("rangeOf", () => {
  it("finds the ends wherever they are", () => {
    for (let at = 0; at < 11; at++) {
      const data = new Float32Array(11).fill(3);
      data[at] = -2;
      data[(at + 5) % 11] = 9;
      expect(rangeOf(data)).toEqual([-2, 9]);
      expect(rangeOf(Float64Array.from(data))).toEqual([-2, 9]);
    }
  });

  it("gives the first zero of an end, with its sign", () => {
    // Of four numbers side by side, the one of the later zero comes first.
    expect(rangeOf(Float32Array.of(1, 1, -0, 4, 0, 4, 4, 4))).toEqual([-0, 4]);
    expect(rangeOf(Float32Array.of(-1, -1, 0, -4, -0, -4, -4, -4))).toEqual([-4, 0]);
  });

  it("looks only at what a table gives for the numbers that are there, signs of zeros too", () => {
    const table = new Float32Array(65_536).fill(1000);
    table.set([7, -0, 3, 0]);
    table[0xffff] = 9;
    expect(rangeOf({ whole: Int16Array.of(2, 0, 0), table })).toEqual([3, 7]);
    expect(rangeOf({ whole: Int16Array.of(-1, 0, 3, 1), table })).toEqual([0, 9]);
    expect(rangeOf({ whole: Int16Array.of(-1, 0, 1, 3), table })).toEqual([-0, 9]);
    // Where the table rises the ends tell.
    expect(rangeOf({ whole: Int16Array.of(2, 1, 2), table })).toEqual([-0, 3]);
  });
});

describeKernel("src/imaging", KERNEL_SOURCE_SHA256);
