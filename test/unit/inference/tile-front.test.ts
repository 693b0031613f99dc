import { describe, expect, it } from "vitest";
import type { Size3 } from "#src/imaging/affine.js";
import { constantTileWeights } from "#src/imaging/tiles.js";
import { wholeTile } from "#src/inference/slab.js";
import { TileFront } from "#src/inference/tile-front.js";

const patch: Size3 = [2, 2, 2];
const weights = constantTileWeights(patch);

describe("TileFront", () => {
  it("gives each slice away once, in order, as soon as no later tile can touch it", () => {
    const seen: number[] = [];
    const front = new TileFront(
      { size: [2, 2, 5], patch, classes: 1, weights, precision: "float32" },
      (z, [values]) => {
        seen.push(z);
        expect(values).toHaveLength(4);
      },
    );
    const logits = new Float32Array(8).fill(3);
    front.add([0, 0, 0], wholeTile(logits, patch, 1));
    expect(seen).toEqual([]);
    front.add([0, 0, 1], wholeTile(logits, patch, 1));
    expect(seen).toEqual([0]);
    front.add([0, 0, 3], wholeTile(logits, patch, 1));
    expect(seen).toEqual([0, 1, 2]);
    front.finish();
    expect(seen).toEqual([0, 1, 2, 3, 4]);
  });

  it("averages by weight where tiles overlap", () => {
    const slices: number[][] = [];
    const options = { size: [2, 2, 3] as const, patch, classes: 1, precision: "float32" as const };
    const front = new TileFront({ ...options, weights: Float32Array.of(1, 1, 1, 1, 3, 3, 3, 3) }, (_, [values]) =>
      slices.push([...(values ?? [])]),
    );
    front.add([0, 0, 0], wholeTile(new Float32Array(8).fill(4), patch, 1));
    front.add([0, 0, 1], wholeTile(new Float32Array(8).fill(8), patch, 1));
    front.finish();
    expect(slices).toEqual([new Array(4).fill(4), new Array(4).fill((3 * 4 + 8) / 4), new Array(4).fill(8)]);
  });

  it("takes a tile slab by slab, in any order", () => {
    const all = (slabs: readonly (readonly [first: number, slices: number])[]) => {
      const seen: number[] = [];
      const options = {
        size: [3, 2, 4] as const,
        patch: [2, 2, 3] as const,
        classes: 2,
        precision: "float16" as const,
      };
      const ramp = Float32Array.from({ length: 12 }, (_, i) => 1 + i / 7);
      // Memory for two slices: sums of a tile are in several places.
      const front = new TileFront(
        { ...options, weights: ramp },
        (_, values) => seen.push(...values.flatMap((one) => [...one])),
        24,
      );
      for (const [n, start] of (
        [
          [0, 0, 0],
          [1, 0, 0],
          [0, 0, 1],
        ] as const
      ).entries()) {
        const tile = Float32Array.from({ length: 24 }, (_, i) => Math.sin(i + 24 * n));
        for (const [first, slices] of slabs) {
          const logits = new Float32Array(
            [0, 12].flatMap((c) => [...tile.subarray(c + 4 * first, c + 4 * (first + slices))]),
          );
          expect(front.add(start, { first, slices, logits, offset: 0, stride: 4 * slices })).toBe(true);
        }
      }
      front.finish();
      return seen;
    };
    const whole = all([[0, 3]]);
    expect(new Set(whole).size).toBeGreaterThan(20);
    expect(
      all([
        [2, 1],
        [0, 2],
      ]),
    ).toEqual(whole);
  });

  it("rounds to half precision only when told to", () => {
    const blend = (precision: "float16" | "float32") => {
      let found = 0;
      const front = new TileFront({ size: patch, patch, classes: 1, weights, precision }, (_, [values]) => {
        found = values?.[0] ?? 0;
      });
      front.add([0, 0, 0], wholeTile(new Float32Array(8).fill(1 / 3), patch, 1));
      front.finish();
      return found;
    };
    expect(blend("float32")).toBe(Math.fround(1 / 3));
    // 1/3 in half precision (11 bits): 1365 / 4096.
    expect(blend("float16")).toBe(1365 / 4096);
  });

  it("refuses a tile behind the front", () => {
    const front = new TileFront({ size: [2, 2, 4], patch, classes: 1, weights, precision: "float32" }, () => {});
    front.add([0, 0, 2], wholeTile(new Float32Array(8), patch, 1));
    expect(() => front.add([0, 0, 1], wholeTile(new Float32Array(8), patch, 1))).toThrow(
      "tile starts at slice 1, the front is 2",
    );
  });
});
