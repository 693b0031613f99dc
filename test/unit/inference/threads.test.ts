import { readFile } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import { sha256 } from "#src/core/ids.js";
import { ortSessions } from "#src/inference/ort-session.js";

const file = new URL("../../../models/hippocampus-unet3d/network.onnx", import.meta.url);
const shape = [1, 1, 40, 56, 40];
/** Values of a linear congruential generator, in [-0.5, 0.5). */
const noise = new Float32Array(40 * 56 * 40);
for (let i = 0, seed = 1; i < noise.length; i++) {
  seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31;
  noise[i] = seed / 2 ** 31 - 0.5;
}

/** Logits of a session that is opened for them. */
async function logits(threads: number): Promise<Float32Array> {
  const bytes = await readFile(file);
  const request = { bytes: async () => bytes, sha256: sha256(bytes), inputName: "image", outputName: "logits" };
  const session = await ortSessions("cpu", { threads })(request);
  try {
    return Float32Array.from((await session.run({ data: noise, shape })).data);
  } finally {
    await session.close();
  }
}

describe("a 3-D network", () => {
  it.each([1, 2, 4])("gives the same bytes in every session of %i threads", async (threads) => {
    const [first, again] = [await logits(threads), await logits(threads)];
    expect(Buffer.from(again.buffer).equals(Buffer.from(first.buffer))).toBe(true);
  });

  it("gives the same logits to 1e-5 with other numbers of threads", async () => {
    const one = await logits(1);
    for (const threads of [2, 4]) {
      const other = await logits(threads);
      const worst = one.reduce((most, value, i) => Math.max(most, Math.abs(value - (other[i] ?? Number.NaN))), 0);
      expect(worst).toBeLessThan(1e-5);
    }
  });
});
