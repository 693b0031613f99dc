import { type OnnxConstant, type OnnxNode, onnxFile } from "#src/model/onnx/write.js";
import { seededRandom } from "../classical/random.js";

export interface UnetShape {
  readonly dimensions: 2 | 3;
  readonly inputs: number;
  readonly classes: number;
  /** Channels of each resolution, the finest first. */
  readonly channels: readonly number[];
  readonly seed: number;
}

/**
 * A U-Net with random weights as nnU-Net builds its plain ones: one convolution a stage, instance norm, leaky ReLU,
 * halved by strides. Background is raised so far that it mostly wins, as it does in a scan of a body.
 *
 * @returns the ONNX file (input `image`, output `logits`), and its number of weights
 */
export function randomUnet({ dimensions, inputs, classes, channels, seed }: UnetShape) {
  const nodes: OnnxNode[] = [];
  const constants: OnnxConstant[] = [];
  const random = seededRandom(seed);
  let parameters = 0;
  const cube = (length: number) => Array.from({ length: dimensions }, () => length);
  const constant = (name: string, dims: readonly number[], values: Float32Array) => {
    constants.push({ name, dims, values });
    parameters += values.length;
    return name;
  };
  const weights = (name: string, dims: readonly number[], fan: number) =>
    constant(
      name,
      dims,
      Float32Array.from({ length: product(dims) }, () => random.normal() * Math.sqrt(2 / fan)),
    );
  const block = (name: string, from: string, [cin, cout]: readonly [number, number], stride: number): string => {
    const kernel = weights(`${name}w`, [cout, cin, ...cube(3)], cin * 3 ** dimensions);
    const attributes = { strides: cube(stride), pads: [...cube(1), ...cube(1)] };
    nodes.push({ op: "Conv", inputs: [from, kernel], outputs: [`${name}c`], attributes });
    const scale = constant(`${name}s`, [cout], new Float32Array(cout).fill(1));
    const shift = constant(`${name}t`, [cout], new Float32Array(cout));
    nodes.push({ op: "InstanceNormalization", inputs: [`${name}c`, scale, shift], outputs: [`${name}n`] });
    nodes.push({ op: "LeakyRelu", inputs: [`${name}n`], outputs: [name] });
    return name;
  };

  let from = "image";
  let count = inputs;
  const skips: string[] = [];
  for (const [level, width] of channels.entries()) {
    from = block(`down${level}`, from, [count, width], level === 0 ? 1 : 2);
    skips.push(from);
    count = width;
  }
  for (let level = channels.length - 2; level >= 0; level--) {
    const width = channels[level] ?? 1;
    const kernel = weights(`rise${level}w`, [count, width, ...cube(2)], count);
    const rise = { op: "ConvTranspose", inputs: [from, kernel], outputs: [`rise${level}`] };
    nodes.push({ ...rise, attributes: { strides: cube(2) } });
    const joined = { op: "Concat", inputs: [`rise${level}`, skips[level] ?? ""], outputs: [`both${level}`] };
    nodes.push({ ...joined, attributes: { axis: 1 } });
    from = block(`up${level}`, `both${level}`, [2 * width, width], 1);
    count = width;
  }
  const kernel = weights("heads", [classes, count, ...cube(1)], 2 * count);
  const bias = new Float32Array(classes);
  bias[0] = 0.5 + Math.sqrt(2 * Math.log(classes));
  nodes.push({ op: "Conv", inputs: [from, kernel, constant("bias", [classes], bias)], outputs: ["logits"] });
  const file = onnxFile({
    ...{ nodes, constants },
    inputs: [{ name: "image", type: "float" }],
    outputs: [{ name: "logits", type: "float" }],
  });
  return { file, parameters };
}

function product(dims: readonly number[]): number {
  return dims.reduce((product, length) => product * length, 1);
}
