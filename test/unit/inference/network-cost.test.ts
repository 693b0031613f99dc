import { describe, expect, it } from "vitest";
import { PipelineError } from "#src/core/errors.js";
import { flopsOf } from "#src/inference/network-cost.js";
import { profileOperators } from "#src/inference/ort-session.js";
import { pointwiseNetwork } from "../../support/onnx-file.js";

const conv = { kind: "Conv", inputs: [[1, 3, 8, 8], [16, 3, 3, 3], [16]], output: [1, 16, 8, 8] };

describe("flopsOf", () => {
  it.each([
    // Every output value: 3 x 3 x 3 products, two operations each.
    ["a convolution", conv, 2 * 16 * 64 * 27],
    [
      "a convolution of groups",
      {
        ...conv,
        inputs: [
          [1, 16, 8, 8],
          [16, 1, 3, 3],
        ],
      },
      2 * 16 * 64 * 9,
    ],
    // Every input value meets each output channel's 2 x 2 weights.
    [
      "a transposed convolution",
      {
        kind: "ConvTranspose",
        inputs: [
          [1, 8, 4, 4],
          [8, 5, 2, 2],
        ],
        output: [1, 5, 8, 8],
      },
      2 * 128 * 20,
    ],
    [
      "a product of matrices",
      {
        kind: "MatMul",
        inputs: [
          [2, 7, 32],
          [32, 10],
        ],
        output: [2, 7, 10],
      },
      2 * 140 * 32,
    ],
    ["a dense layer", { kind: "Gemm", inputs: [[4, 32], [10, 32], [10]], output: [4, 10] }, 2 * 40 * 32],
    ["an activation", { kind: "Relu", inputs: [[1, 16, 8, 8]], output: [1, 16, 8, 8] }, 0],
  ])("counts two operations a product of %s", (_, operator, flops) => {
    expect(flopsOf([operator])).toBe(flops);
    expect(flopsOf([operator, conv])).toBe(flops + 2 * 16 * 64 * 27);
  });

  it("refuses a convolution without weights", () => {
    expect(() => flopsOf([{ ...conv, inputs: [[1, 3, 8, 8]] }])).toThrow(PipelineError);
  });

  it("knows the shapes of a network that ran", async () => {
    const network = pointwiseNetwork(3, [0, 1], [0, -100]);
    const operators = await profileOperators(network, "image", [1, 1, 4, 5, 6]);
    expect(flopsOf(operators)).toBe(2 * 2 * 120);
    await expect(profileOperators(new Uint8Array(9), "image", [1])).rejects.toMatchObject({ code: "ModelInvalid" });
    await expect(profileOperators(network, "image", [1, 2, 4, 5, 6])).rejects.toMatchObject({
      code: "InferenceFailed",
    });
  });
});
