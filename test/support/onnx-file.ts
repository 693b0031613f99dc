import { toHalf } from "#src/inference/half-tensors.js";
import { onnxFile } from "#src/model/onnx/write.js";

/**
 * A network of one 1 x 1 (x 1) convolution: class c gets `biases[c]` and the sum of `weights[c * channels + k] * v[k]`
 * in each voxel.
 *
 * @param axes 2 for [N, channels, Y, X], 3 for [N, channels, Z, Y, X]
 * @param precision of input, weights and output
 * @param fixed batch, if the file fixes one, and with it the lengths of the spatial axes
 */
export function pointwiseNetwork(
  axes: 2 | 3,
  weights: readonly number[],
  biases: readonly number[],
  channels = 1,
  precision: "float32" | "float16" = "float32",
  fixed?: readonly [batch: number, ...spatial: number[]],
): Uint8Array {
  const type = precision === "float16" ? "float16" : "float";
  const [batch, ...lengths] = fixed ?? (["n", ...["z", "y", "x"].slice(3 - axes)] as const);
  const spatial = ["z", "y", "x"].slice(3 - axes);
  const stored = (values: readonly number[]) => {
    const floats = new Float32Array(values);
    return precision === "float16" ? toHalf(floats) : floats;
  };
  return onnxFile({
    nodes: [{ op: "Conv", inputs: ["image", "w", "b"], outputs: ["logits"] }],
    constants: [
      { name: "w", dims: [biases.length, channels, ...spatial.map(() => 1)], values: stored(weights) },
      { name: "b", dims: [biases.length], values: stored(biases) },
    ],
    inputs: [{ name: "image", type, dims: [batch, channels, ...lengths] }],
    outputs: [{ name: "logits", type, dims: [batch, biases.length, ...lengths] }],
  });
}
