import { describe, expect, it } from "vitest";
import { type Flips, mirrorSubsets, mirrorTiles } from "#src/imaging/mirror.js";
import { freeArray } from "#src/inference/free-array.js";
import type { Answer } from "#src/inference/network-session.js";
import { PassMean } from "#src/inference/pass-mean.js";

const PATCH = [70, 60, 3] as const;
const TILE = 70 * 60 * 3;
/** So many that two slices are made at once. */
const CLASSES = 200;
const TILES = 2;

/** Every array that was made, to see which of them were given back. */
function arrays() {
  const made: Float32Array[] = [];
  return {
    make(length: number): { data: Float32Array; free: () => void } {
      const data = new Float32Array(length);
      made.push(data);
      return { data, free: () => freeArray(data) };
    },
    held: () => made.reduce((sum, { length }) => sum + length, 0),
  };
}

const value = (pass: number, i: number) => Math.fround(Math.sin(i * (pass + 1)));

/** Features of a pass over two tiles; class c of its head has feature c modulo their number, times c. */
function featuresOf(pass: number, channels: number, all: ReturnType<typeof arrays>): Answer {
  const features = all.make(TILES * channels * TILE);
  for (let i = 0; i < features.data.length; i++) features.data[i] = value(pass, i);
  const run = async ({ data, shape }: Pick<Answer, "data" | "shape">): Promise<Answer> => {
    const voxels = data.length / channels;
    const logits = all.make(CLASSES * voxels);
    for (let c = 0; c < CLASSES; c++) {
      const from = (c % channels) * voxels;
      for (let i = 0; i < voxels; i++) logits.data[c * voxels + i] = c * (data[from + i] ?? 0);
    }
    return { ...logits, shape: [1, CLASSES, ...shape.slice(2)] };
  };
  return { ...features, shape: [TILES, channels, 3, 60, 70], head: { classes: CLASSES, run } };
}

/** What a head makes of all features. */
async function whole(pass: number, channels: number, all: ReturnType<typeof arrays>): Promise<Answer> {
  const { data, head } = featuresOf(pass, channels, arrays());
  const logits = all.make(TILES * CLASSES * TILE);
  for (let n = 0; n < TILES; n++) {
    const part = data.slice(n * channels * TILE, (n + 1) * channels * TILE);
    const made = await head?.run({ data: part, shape: [1, channels, 3, 60, 70] });
    logits.data.set(made?.data ?? [], n * CLASSES * TILE);
  }
  return { ...logits, shape: [TILES, CLASSES, 3, 60, 70] };
}

async function meanOf(axes: readonly ("x" | "y" | "z")[], answerOf: (pass: number) => Promise<Answer> | Answer) {
  const passes = mirrorSubsets(axes);
  const mean = new PassMean({ count: passes.length, patch: PATCH, tiles: TILES, classes: CLASSES });
  for (const [pass, flipped] of passes.entries()) {
    const flips: Flips = [flipped.includes("x"), flipped.includes("y"), flipped.includes("z")];
    await mean.add(await answerOf(pass), flips);
  }
  const out = new Float32Array(TILES * CLASSES * TILE);
  const slices: number[] = [];
  for await (const { tile, first, slices: count, logits, offset, stride } of mean.slabs()) {
    slices.push(count);
    for (let c = 0; c < CLASSES; c++) {
      const own = logits.subarray(offset + c * stride, offset + c * stride + count * 4200);
      out.set(own, (tile * CLASSES + c) * TILE + first * 4200);
    }
  }
  return { out, slices };
}

describe("PassMean", () => {
  it.each([
    { what: "one pass", axes: [], channels: 3, slices: [2, 1, 2, 1] },
    { what: "passes whose features are kept", axes: ["x", "z"], channels: 3, slices: [2, 1, 2, 1] },
    { what: "passes whose features would be more than logits", axes: ["y", "z"], channels: 60, slices: [3, 3] },
  ] as const)("gives the mean of logits as that of whole answers, and all memory back: $what", async (of) => {
    const [one, other] = [arrays(), arrays()];
    const expected = await meanOf(of.axes, (pass) => whole(pass, of.channels, other));
    const found = await meanOf(of.axes, (pass) => featuresOf(pass, of.channels, one));
    expect(found.slices).toEqual(of.slices);
    expect(Buffer.compare(new Uint8Array(found.out.buffer), new Uint8Array(expected.out.buffer))).toBe(0);
    expect([one.held(), other.held()]).toEqual([0, 0]);
  });

  it("turns passes back", async () => {
    const logits = (await whole(0, 3, arrays())).data;
    const mirrored = mirrorTiles(logits, PATCH, TILES * CLASSES, [false, true, true]);
    const answer = { data: mirrored, shape: [], free: () => {} };
    const zero = () => ({ data: new Float32Array(logits.length), shape: [] });
    const { out } = await meanOf(["y", "z"], (pass) => (pass === 3 ? answer : zero()));
    expect(out.findIndex((mean, i) => mean !== (logits[i] ?? 0) / 4)).toBe(-1);
  });
});
