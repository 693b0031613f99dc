import { describe, expect, it } from "vitest";
import { ortSessions } from "#src/inference/ort-session.js";
import { withPlanarConvolutions } from "#src/inference/planar-convolutions.js";
import { type GraphNode, readGraph, withNodes } from "#src/model/onnx/graph.js";
import { joined, message, type OnnxConstant, type OnnxGraph, type OnnxNode, onnxFile } from "#src/model/onnx/write.js";
import { seededNumbers } from "../../support/fuzz/mutate.js";

const SIZE = [5, 7, 9];
/** TensorProto.DataType. */
const [FLOAT, BOOL, HALF] = [1, 9, 10];

interface Layer {
  readonly channels?: number;
  readonly kernel?: readonly number[];
  readonly pads?: readonly number[];
  readonly strides?: readonly number[];
  readonly bias?: boolean;
  readonly group?: number;
}

/** A convolution to 6 channels. */
function convolution({
  channels = 16,
  kernel = [3, 3, 3],
  pads = [1, 1, 1, 1, 1, 1],
  bias = true,
  ...rest
}: Layer = {}) {
  const group = rest.group ?? 1;
  const inputs = ["x", "w", ...(bias ? ["b"] : [])];
  const attributes = { kernel_shape: kernel, pads, strides: rest.strides ?? [1, 1, 1], group };
  return network(
    channels,
    [{ op: "Conv", inputs, outputs: ["y"], attributes }],
    [noise("w", [6, channels / group, ...kernel]), ...(bias ? [noise("b", [6])] : [])],
  );
}

/** Of 3 x 3 x 3, padded. */
function conv(from: string, to: string, weights = "w", strides: readonly number[] = [1, 1, 1]): OnnxNode {
  const attributes = { kernel_shape: [3, 3, 3], pads: [1, 1, 1, 1, 1, 1], strides };
  return { op: "Conv", inputs: [from, weights], outputs: [to], attributes };
}

function network(channels: number, nodes: readonly OnnxNode[], constants: readonly OnnxConstant[], shape = SIZE) {
  return onnxFile({
    nodes,
    constants,
    inputs: [{ name: "x", type: "float", dims: ["n", channels, ...shape] }],
    outputs: [{ name: "y", type: "float", dims: ["n", "c", "z", "y", "x"] }],
  });
}

/** A graph of one operator on the tensor "a" of the graph around it. */
function branch(op: string): OnnxGraph {
  const output = `of${op}`;
  return {
    nodes: [{ op, inputs: ["a"], outputs: [output] }],
    constants: [],
    inputs: [],
    outputs: [{ name: output, type: "float" }],
  };
}

function noise(name: string, dims: readonly number[]): OnnxConstant {
  return { name, dims, values: random(dims, name.length + dims.length) };
}

function random(dims: readonly number[], seed: number): Float32Array {
  const next = seededNumbers(seed);
  return Float32Array.from({ length: dims.reduce((a, b) => a * b, 1) }, () => next(1000) / 1000 - 0.5);
}

const planar = (bytes: Uint8Array, channels = 16) => withPlanarConvolutions(bytes, "x", [null, channels, ...SIZE]);

/** Convolutions in a file by the number of axes they go along. */
function kernels(bytes: Uint8Array): number[] {
  return readGraph(bytes)
    .nodes.filter(({ op }) => op === "Conv")
    .map(({ numbers }) => numbers.get("kernel_shape")?.length ?? 0);
}

async function answer(bytes: Uint8Array, channels = 16) {
  const session = await ortSessions("cpu")({ bytes: async () => bytes, sha256: "", inputName: "x", outputName: "y" });
  const shape = [2, channels, ...SIZE];
  const { data, shape: given } = await session.run({ data: random(shape, 3), shape });
  const copy = { data: data.slice(), shape: given };
  await session.close();
  return copy;
}

async function expectSameAnswer(bytes: Uint8Array, channels = 16) {
  const [one, other] = [await answer(bytes, channels), await answer(planar(bytes, channels), channels)];
  expect(other.shape).toEqual(one.shape);
  const largest = one.data.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  for (const [n, value] of one.data.entries()) {
    // Sums of so many terms in another order.
    if (!(Math.abs((other.data[n] as number) - value) <= 2e-6 * largest)) {
      expect.fail(`value ${n} is ${other.data[n]} instead of ${value}`);
    }
  }
}

describe("planar convolutions", () => {
  it.each([
    ["a row of the kernel each", {}, 3],
    ["without a bias", { bias: false }, 3],
    ["of five rows", { kernel: [3, 5, 3], pads: [1, 2, 1, 1, 2, 1] }, 5],
    ["of five slices", { kernel: [5, 3, 3], pads: [2, 1, 1, 2, 1, 1] }, 3],
    ["padded on one side more", { kernel: [3, 3, 3], pads: [2, 0, 1, 1, 2, 0] }, 3],
    ["not padded along x", { pads: [1, 1, 0, 1, 1, 0] }, 3],
    ["of one column", { kernel: [3, 3, 1], pads: [1, 1, 0, 1, 1, 0] }, 3],
    ["of an even number of rows", { kernel: [3, 2, 2], pads: [1, 0, 1, 1, 1, 0] }, 2],
    ["of one slice", { kernel: [1, 3, 3], pads: [0, 1, 1, 0, 1, 1] }, 1],
    ["of one slice, without a bias, padded before", { kernel: [1, 3, 3], pads: [0, 2, 1, 0, 0, 1], bias: false }, 1],
    ["padded by more slices than the kernel reaches", { pads: [3, 1, 1, 2, 1, 1] }, 3],
    ["of 24 channels", { channels: 24 }, 3],
  ] as const)("compute the same, %s", async (_, layer, convolutions) => {
    const { channels = 16 } = layer as Layer;
    const bytes = convolution(layer);
    expect(kernels(planar(bytes, channels))).toEqual(Array(convolutions).fill(2));
    await expectSameAnswer(bytes, channels);
  });

  it.each([
    ["few channels", { channels: 8 }],
    ["channels that blocks do not divide", { channels: 20 }],
    ["steps", { strides: [2, 2, 2] }],
    ["groups", { group: 2 }],
    ["no padding along z", { pads: [0, 1, 1, 0, 1, 1] }],
    ["a kernel of one row", { kernel: [3, 1, 3], pads: [1, 0, 1, 1, 0, 1] }],
    ["other rows than go in", { pads: [1, 0, 0, 1, 0, 0] }],
    ["more padding than the kernel reaches", { pads: [1, 3, 1, 1, 1, 1] }],
  ] as const)("are not made of one with %s", (_, layer) => {
    const { channels = 16 } = layer as Layer;
    const bytes = convolution(layer);
    expect(planar(bytes, channels)).toBe(bytes);
  });

  it("are not made where lengths are open, the network has other axes, or other numbers go in", () => {
    const bytes = convolution();
    expect(withPlanarConvolutions(bytes, "x", [null, 16, 5, null, 9])).toBe(bytes);
    expect(withPlanarConvolutions(bytes, "x", [null, 16, 7, 9])).toBe(bytes);
    expect(withPlanarConvolutions(bytes, "other", [null, 16, ...SIZE])).toBe(bytes);
    const half = onnxFile({
      nodes: [conv("x", "y")],
      constants: [{ name: "w", dims: [6, 16, 3, 3, 3], values: new Uint16Array(6 * 16 * 27) }],
      inputs: [{ name: "x", type: "float16", dims: [1, 16, ...SIZE] }],
      outputs: [{ name: "y", type: "float16", dims: [1, 6, ...SIZE] }],
    });
    expect(planar(half)).toBe(half);
  });

  it("are found behind other operators, through a U-Net's way down and up", async () => {
    const whole = (name: string, ...values: number[]): OnnxConstant => ({
      name,
      dims: [values.length],
      values: BigInt64Array.from(values, BigInt),
    });
    const bytes = network(
      16,
      [
        conv("x", "a", "w1"),
        { op: "ReduceMean", inputs: ["a"], outputs: ["mean"], attributes: { axes: [-3, -2, -1], keepdims: 1 } },
        { op: "Sub", inputs: ["a", "mean"], outputs: ["centred"] },
        { op: "Unsqueeze", inputs: ["scale", "spread"], outputs: ["factor"] },
        { op: "Mul", inputs: ["centred", "factor"], outputs: ["scaled"] },
        { op: "LeakyRelu", inputs: ["scaled"], outputs: ["b"] },
        conv("b", "c", "w2", [2, 2, 2]),
        { op: "PRelu", inputs: ["c", "slope"], outputs: ["c2"] },
        conv("c2", "d", "w3"),
        {
          op: "ConvTranspose",
          inputs: ["d", "up"],
          outputs: ["e"],
          attributes: { kernel_shape: [2, 2, 2], strides: [2, 2, 2], pads: [1, 1, 1, 0, 0, 0] },
        },
        { op: "Concat", inputs: ["e", "b"], outputs: ["f"], attributes: { axis: 1 } },
        conv("f", "g", "w4"),
        { op: "MaxPool", inputs: ["g"], outputs: ["h"], attributes: { kernel_shape: [1, 3, 1], strides: [1, 2, 1] } },
        conv("h", "y", "w1"),
      ],
      [
        noise("w1", [16, 16, 3, 3, 3]),
        noise("w2", [32, 16, 3, 3, 3]),
        noise("w3", [32, 32, 3, 3, 3]),
        noise("up", [32, 16, 2, 2, 2]),
        noise("w4", [16, 32, 3, 3, 3]),
        noise("scale", [16]),
        noise("slope", [1]),
        whole("spread", 1, 2, 3),
      ],
    );
    // All but the one of two steps; that of two tensors is one of each.
    expect(kernels(planar(bytes))).toEqual([2, 2, 2, 3, ...Array(12).fill(2)]);
    await expectSameAnswer(bytes);
  });

  it("are made of what PyTorch writes, which says that no padding is to be worked out", async () => {
    const bytes = convolution();
    const graph = readGraph(bytes);
    const [node] = graph.nodes as [GraphNode];
    const name = new TextEncoder().encode("auto_pad");
    const attribute = [...message(1, [name]), ...message(4, [new TextEncoder().encode("NOTSET")])];
    // AttributeProto: 20 type, a text.
    const type = Uint8Array.of(0xa0, 1, 3);
    const told = { ...node, bytes: joined([node.bytes, ...message(5, [...attribute, type])]) };
    const file = withNodes(bytes, graph, new Map([[node, [told]]]), []);
    expect(kernels(planar(file))).toEqual([2, 2, 2]);
    await expectSameAnswer(file);
  });

  it("leave the rest of a graph alone where an operator is not known, and take no name that is there", async () => {
    const bytes = network(
      16,
      [
        { op: "Conv", inputs: ["x", "w"], outputs: ["planar0"], attributes: { pads: [1, 1, 1, 1, 1, 1] } },
        { op: "Transpose", inputs: ["planar0"], outputs: ["turned"], attributes: { perm: [0, 1, 2, 4, 3] } },
        { op: "Conv", inputs: ["turned", "w"], outputs: ["y"], attributes: { kernel_shape: [3, 3, 3] } },
      ],
      [noise("w", [16, 16, 3, 3, 3])],
    );
    expect(kernels(planar(bytes))).toEqual([2, 2, 2, 3]);
    await expectSameAnswer(bytes);
  });

  it.each<[string, readonly OnnxNode[], readonly OnnxConstant[], number]>([
    [
      "tensors of other rows are added to each other",
      [
        conv("x", "a"),
        { op: "ReduceMean", inputs: ["a"], outputs: ["mean"], attributes: { axes: [2, 3, 4] } },
        conv("mean", "b"),
        { op: "Add", inputs: ["a", "b"], outputs: ["c"] },
        conv("c", "y"),
      ],
      [],
      9,
    ],
    [
      "half floats go through the network",
      [
        { op: "Cast", inputs: ["x"], outputs: ["half"], attributes: { to: HALF } },
        { op: "Cast", inputs: ["w"], outputs: ["halfW"], attributes: { to: HALF } },
        conv("half", "a", "halfW"),
        conv("a", "b", "halfW"),
        { op: "Cast", inputs: ["b"], outputs: ["y"], attributes: { to: FLOAT } },
      ],
      [],
      0,
    ],
    [
      "nodes are not in the order in which they run",
      [{ op: "Sigmoid", inputs: ["a"], outputs: ["y"] }, conv("x", "a")],
      [],
      0,
    ],
    [
      "numbers for each channel have an axis more",
      [
        conv("x", "a"),
        { op: "Add", inputs: ["a", "shift"], outputs: ["b"] },
        { op: "Squeeze", inputs: ["b", "first"], outputs: ["y"] },
      ],
      [noise("shift", [1, 1, 16, 1, 1, 1]), { name: "first", dims: [1], values: BigInt64Array.of(0n) }],
      3,
    ],
    [
      "no axes stand for all of them",
      [
        { op: "ReduceSum", inputs: ["x", "none"], outputs: ["sum"] },
        { op: "Mul", inputs: ["sum", "scale"], outputs: ["a"] },
        conv("a", "y"),
      ],
      [{ name: "none", dims: [0], values: new BigInt64Array() }, noise("scale", [1, 16, 1, 1, 1])],
      0,
    ],
    [
      "slopes come of a convolution",
      [
        conv("x", "a"),
        { op: "ReduceMean", inputs: ["a"], outputs: ["mean"], attributes: { axes: [0, 2, 3, 4] } },
        conv("mean", "slope"),
        { op: "PRelu", inputs: ["a", "slope"], outputs: ["y"] },
      ],
      [],
      6,
    ],
    [
      "means go along columns and rows",
      [
        conv("x", "a"),
        { op: "ReduceMean", inputs: ["a"], outputs: ["mean"], attributes: { axes: [4, 3] } },
        { op: "Sub", inputs: ["a", "mean"], outputs: ["y"] },
      ],
      [],
      3,
    ],
    [
      "lengths are rounded up",
      [
        {
          op: "MaxPool",
          inputs: ["x"],
          outputs: ["a"],
          attributes: { kernel_shape: [1, 2, 2], strides: [1, 2, 2], ceil_mode: 1 },
        },
        conv("a", "y"),
      ],
      [],
      0,
    ],
    [
      "a transposed convolution says what is to come out",
      [
        {
          op: "ConvTranspose",
          inputs: ["x", "up"],
          outputs: ["a"],
          attributes: { strides: [2, 2, 2], output_shape: [10, 13, 17] },
        },
        conv("a", "y"),
      ],
      [noise("up", [16, 16, 2, 2, 2])],
      0,
    ],
    [
      "a transposed convolution has groups",
      [{ op: "ConvTranspose", inputs: ["x", "up"], outputs: ["a"], attributes: { group: 2 } }, conv("a", "y")],
      [noise("up", [16, 8, 1, 1, 1])],
      3,
    ],
    [
      "a graph within the graph uses its tensors",
      [
        conv("x", "a"),
        { op: "Cast", inputs: ["one"], outputs: ["yes"], attributes: { to: BOOL } },
        {
          op: "If",
          inputs: ["yes"],
          outputs: ["y"],
          attributes: { then_branch: branch("Sigmoid"), else_branch: branch("Identity") },
        },
      ],
      [{ name: "one", dims: [1], values: BigInt64Array.of(1n) }],
      0,
    ],
  ])("compute the same where %s", async (_, nodes, constants, convolutions) => {
    const bytes = network(16, nodes, [noise("w", [16, 16, 3, 3, 3]), ...constants]);
    expect(kernels(planar(bytes)).filter((axes) => axes === 2)).toHaveLength(convolutions);
    await expectSameAnswer(bytes);
  });

  it("run in every session of a network whose tensors' shape is known, on threads too", async () => {
    const bytes = convolution();
    const request = { bytes: async () => bytes, sha256: "", inputName: "x", outputName: "y" };
    const shape = [2, 16, ...SIZE];
    const input = { data: random(shape, 3), shape };
    const session = await ortSessions("cpu", { workers: 2 })({ ...request, shape: [null, 16, ...SIZE] });
    const expected = await answer(planar(bytes));
    expect((await session.run(input)).data).toEqual(expected.data);
    expect((await session.beside?.run({ ...input, data: input.data.slice() }))?.data).toEqual(expected.data);
    await session.close();
  });

  it("refuse bytes that are no network", () => {
    expect(() => withPlanarConvolutions(new Uint8Array([1, 2, 3]), "x", [1, 16, ...SIZE])).toThrow(/ONNX model/);
  });
});
