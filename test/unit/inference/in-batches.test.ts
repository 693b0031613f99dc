import { describe, expect, it } from "vitest";
import { inBatches } from "#src/inference/in-batches.js";
import type { NetworkSession, Tensor } from "#src/inference/network-session.js";

/** Two classes of each tile of two voxels: the tile itself, and its negative. */
function negating(seen: number[]): NetworkSession {
  const run = async ({ data, shape: [count = 0, , ...rest] }: Tensor): Promise<Tensor> => {
    seen.push(count);
    const tiles = Array.from({ length: count }, (_, n) => [...data.subarray(2 * n, 2 * n + 2)]);
    return {
      data: Float32Array.from(tiles.flatMap((tile) => [...tile, ...tile.map((value) => -value)])),
      shape: [count, 2, ...rest],
    };
  };
  return { run, beside: { workers: 2, isStarted: () => true, run }, close: async () => {} };
}
const input = { data: Float32Array.from({ length: 10 }, (_, n) => n), shape: [5, 1, 1, 2] };

describe("inBatches", () => {
  it("gives the answer of the whole batch by runs of at most so many tiles, beside each other too", async () => {
    const whole = await negating([]).run(input);
    for (const of of ["run", "beside"] as const) {
      const seen: number[] = [];
      const session = inBatches(negating(seen), 2);
      expect(await (of === "run" ? session.run(input) : session.beside?.run(input))).toMatchObject(whole);
      expect(seen).toEqual([2, 2, 1]);
    }
  });

  it("gives the head of a batch's features", async () => {
    const { run, ...session } = negating([]);
    const head = { classes: 7, run };
    const split = inBatches({ ...session, run: async (part) => ({ ...(await run(part)), head }) }, 2);
    expect((await split.run(input)).head).toBe(head);
  });

  it("leaves a batch alone that is small enough", async () => {
    const seen: number[] = [];
    await inBatches(negating(seen), 5).run(input);
    expect(seen).toEqual([5]);
  });
});
