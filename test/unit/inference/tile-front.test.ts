import { describe, expect, it } from "vitest";
import type { Size3 } from "#src/imaging/affine.js";
import { constantTileWeights } from "#src/imaging/tiles.js";
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
    front.add([0, 0, 0], logits, 0);
    expect(seen).toEqual([]);
    front.add([0, 0, 1], logits, 0);
    expect(seen).toEqual([0]);
    front.add([0, 0, 3], logits, 0);
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
    front.add([0, 0, 0], new Float32Array(8).fill(4), 0);
    front.add([0, 0, 1], new Float32Array(8).fill(8), 0);
    front.finish();
    expect(slices).toEqual([new Array(4).fill(4), new Array(4).fill((3 * 4 + 8) / 4), new Array(4).fill(8)]);
  });

  it("rounds to half precision only when told to", () => {
    const blend = (precision: "float16" | "float32") => {
      let found = 0;
      const front = new TileFront({ size: patch, patch, classes: 1, weights, precision }, (_, [values]) => {
        found = values?.[0] ?? 0;
      });
      front.add([0, 0, 0], new Float32Array(8).fill(1 / 3), 0);
      front.finish();
      return found;
    };
    expect(blend("float32")).toBe(Math.fround(1 / 3));
    // 1/3 in half precision (11 bits): 1365 / 4096.
    expect(blend("float16")).toBe(1365 / 4096);
  });

  it("refuses a tile behind the front", () => {
    const front = new TileFront({ size: [2, 2, 4], patch, classes: 1, weights, precision: "float32" }, () => {});
    front.add([0, 0, 2], new Float32Array(8), 0);
    expect(() => front.add([0, 0, 1], new Float32Array(8), 0)).toThrow("tile starts at slice 1, the front is 2");
  });
});
