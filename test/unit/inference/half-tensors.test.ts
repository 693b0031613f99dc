import { describe, expect, it } from "vitest";
import { fromHalf, toHalf } from "#src/inference/half-tensors.js";
import { toNetworkGrid } from "#src/inference/network-grid.js";
import { ortSessions } from "#src/inference/ort-session.js";
import { segmentInput } from "#src/inference/segment-input.js";
import { pointwiseNetwork } from "../../support/onnx-file.js";
import { brightManifest } from "../../support/tiny-models.js";

describe("half-precision tensors", () => {
  it("are rounded to nearest, and what was given is left as it is", () => {
    const given = Float32Array.of(1, -2.5, 0.1, 65_504, 70_000, 2049, 2051, 2 ** -24, 2 ** -26);
    const before = given.slice();
    // 2049 and 2051 lie half-way between multiples of 2: to even ones of these.
    const expected = [1, -2.5, 0.0999755859375, 65_504, Number.POSITIVE_INFINITY, 2048, 2052, 2 ** -24, 0];
    expect(Array.from(fromHalf(toHalf(given)))).toEqual(expected);
    expect(given).toEqual(before);
  });

  it("are read from any place of a buffer", () => {
    const bits = toHalf(Float32Array.of(7, 1, 2));
    expect(Array.from(fromHalf(bits.subarray(1)))).toEqual([1, 2]);
  });
});

describe("a network whose input, weights and output are in half precision", () => {
  const network = pointwiseNetwork(3, [0, 0.1], [0, -100], 1, "float16");
  const manifest = brightManifest(network);

  it("gives logits in single precision, rounded where half precision rounds", async () => {
    const session = await ortSessions("cpu")({ ...manifest.network, bytes: async () => network });
    const shape = [1, 1, 1, 1, 4];
    const { data, shape: given } = await session.run({ data: Float32Array.of(0, 1000, 2049, 3000), shape });
    await session.close();
    expect(given).toEqual([1, 2, 1, 1, 4]);
    // 2049 becomes 2048, 0.1 becomes 0.09998; the sum is off by half of 2^-4 at most.
    const weight = 0.0999755859375;
    const expected = [-100, 1000 * weight - 100, 2048 * weight - 100, 3000 * weight - 100];
    expect(Array.from(data.subarray(0, 4))).toEqual([0, 0, 0, 0]);
    for (const [n, logit] of expected.entries()) expect(Math.abs((data[4 + n] ?? 0) - logit)).toBeLessThan(0.07);
    expect(data[4 + 2]).not.toBeCloseTo(2049 * 0.1 - 100, 2);
  });

  it("labels an image as the same network in single precision does", async () => {
    const single = pointwiseNetwork(3, [0, 0.1], [0, -100]);
    const grid = { size: [9, 8, 7], affineRas: [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0], spacingMm: [1, 1, 1] } as const;
    const image = Float32Array.from({ length: 504 }, (_, i) => (i * 37) % 2000);
    const prepared = toNetworkGrid([image], grid, manifest);
    const labelsBy = async (bytes: Uint8Array) => {
      const session = await ortSessions("cpu")({ ...manifest.network, bytes: async () => bytes });
      const { labels } = await segmentInput(prepared.input, prepared.grid, manifest, [session]);
      await session.close();
      return labels;
    };
    const labels = await labelsBy(network);
    expect(labels).toEqual(await labelsBy(single));
    expect(Array.from(labels).filter((label) => label === 1).length).toBeGreaterThan(200);
  });
});
