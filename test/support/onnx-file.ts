// A minimal writer of ONNX files (protobuf), for networks whose answer a test can work out by hand.

import { toHalf } from "#src/inference/half-tensors.js";

type Bytes = readonly number[];

function varint(value: number): Bytes {
  const out: number[] = [];
  let rest = value;
  while (rest >= 0x80) {
    out.push((rest % 0x80) | 0x80);
    rest = Math.floor(rest / 0x80);
  }
  return [...out, rest];
}

const number = (field: number, value: number): Bytes => [...varint(field * 8), ...varint(value)];
const message = (field: number, body: Bytes): Bytes => [...varint(field * 8 + 2), ...varint(body.length), ...body];
const text = (field: number, value: string): Bytes => message(field, [...new TextEncoder().encode(value)]);

const FLOAT = 1;
const FLOAT16 = 10;

/** ValueInfoProto of a float tensor; a string is a symbolic dimension. */
function tensorType(name: string, shape: readonly (number | string)[], element = FLOAT): Bytes {
  const dims = shape.flatMap((dim) => message(1, typeof dim === "number" ? number(1, dim) : text(2, dim)));
  return [...text(1, name), ...message(2, message(1, [...number(1, element), ...message(2, dims)]))];
}

function initializer(name: string, dims: readonly number[], values: readonly number[], element = FLOAT): Bytes {
  const stored = element === FLOAT16 ? toHalf(new Float32Array(values)) : new Float32Array(values);
  const raw = [...new Uint8Array(stored.buffer)];
  return [...dims.flatMap((dim) => number(1, dim)), ...number(2, element), ...text(8, name), ...message(9, raw)];
}

/**
 * A network of one 1 x 1 (x 1) convolution: class c gets `biases[c]` and the sum of `weights[c * channels + k] * v[k]`
 * in each voxel.
 *
 * @param axes 2 for [N, channels, Y, X], 3 for [N, channels, Z, Y, X]
 * @param precision of input, weights and output
 */
export function pointwiseNetwork(
  axes: 2 | 3,
  weights: readonly number[],
  biases: readonly number[],
  channels = 1,
  precision: "float32" | "float16" = "float32",
): Uint8Array {
  const element = precision === "float16" ? FLOAT16 : FLOAT;
  const spatial = ["z", "y", "x"].slice(3 - axes);
  const node = [...text(1, "image"), ...text(1, "w"), ...text(1, "b"), ...text(2, "logits"), ...text(4, "Conv")];
  const kernel = [biases.length, channels, ...spatial.map(() => 1)];
  const graph = [
    ...message(1, node),
    ...text(2, "pointwise"),
    ...message(5, initializer("w", kernel, weights, element)),
    ...message(5, initializer("b", [biases.length], biases, element)),
    ...message(11, tensorType("image", ["n", channels, ...spatial], element)),
    ...message(12, tensorType("logits", ["n", biases.length, ...spatial], element)),
  ];
  return Uint8Array.from([...number(1, 8), ...message(7, graph), ...message(8, number(2, 17))]);
}
