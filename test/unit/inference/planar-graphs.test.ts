import { describe, expect, it } from "vitest";
import type { NetworkSession } from "#src/inference/network-session.js";
import { ortSessions } from "#src/inference/ort-session.js";
import { type OnnxConstant, type OnnxNode, onnxFile } from "#src/model/onnx/write.js";
import { seededNumbers } from "../../support/fuzz/mutate.js";

// Graphs that are put together at random, with and without planar convolutions: what one layer leaves below its slices
// must harm no layer after it, in whatever order they come.

const GRAPHS = 120;
const SIZE = [2, 16, 3, 4, 5];

interface Value {
  readonly name: string;
  /** [N, C, Z, Y, X]. */
  readonly shape: readonly number[];
}

/** A graph of some ten layers, and names of what it gives: the last tensor and some of those between. */
function randomGraph(seed: number) {
  const below = seededNumbers(seed);
  const oneOf = <T>(values: readonly T[]): T => values[below(values.length)] as T;
  const nodes: OnnxNode[] = [];
  const constants: OnnxConstant[] = [];
  const values: Value[] = [{ name: "x", shape: SIZE }];

  function noise(...dims: number[]): string {
    const length = dims.reduce((a, b) => a * b, 1);
    const name = `c${constants.length}`;
    // Sums of so many stay about as large as what goes in.
    const scale = dims.length > 4 ? 3 / Math.sqrt(length / (dims[0] ?? 1)) : 2;
    constants.push({ name, dims, values: Float32Array.from({ length }, () => scale * (below(1000) / 1000 - 0.5)) });
    return name;
  }
  function add(op: string, inputs: readonly string[], shape: readonly number[], attributes?: OnnxNode["attributes"]) {
    const value = { name: `t${nodes.length}`, shape };
    nodes.push({ op, inputs, outputs: [value.name], ...(attributes && { attributes }) });
    values.push(value);
    return value;
  }

  function convolution({ name, shape }: Value): void {
    const [n = 0, channels = 0, ...size] = shape;
    const filters = oneOf([16, 16, 24, 8, 48]);
    const [kernel, before, after] = oneOf([
      ...Array(4).fill([
        [3, 3, 3],
        [1, 1, 1],
        [1, 1, 1],
      ]),
      [
        [1, 3, 3],
        [0, 1, 1],
        [0, 1, 1],
      ],
      [
        [3, 5, 1],
        [1, 2, 0],
        [1, 2, 0],
      ],
      [
        [3, 3, 3],
        [1, 2, 1],
        [1, 0, 1],
      ],
      [
        [1, 1, 1],
        [0, 0, 0],
        [0, 0, 0],
      ],
      [
        [3, 1, 3],
        [1, 0, 1],
        [1, 0, 1],
      ],
      [
        [3, 3, 3],
        [1, 1, 1],
        [1, 0, 1],
      ],
      [
        [1, 2, 1],
        [0, 1, 0],
        [0, 1, 0],
      ],
    ]);
    const strides = oneOf([...Array(5).fill([1, 1, 1]), [1, 2, 2], [2, 2, 2]]);
    const lengths = size.map(
      (length, n) => Math.floor((length + before[n] + after[n] - kernel[n]) / (strides[n] as number)) + 1,
    );
    if (lengths.some((length) => length < 1)) return;
    const weights = noise(filters, channels, ...kernel);
    const bias = below(2) === 0 ? [noise(filters)] : [];
    const attributes = { kernel_shape: kernel, pads: [...before, ...after], strides };
    add("Conv", [name, weights, ...bias], [n, filters, ...lengths], attributes);
  }

  const inAnyOrder = (one: string, other: string) => (below(2) === 0 ? [one, other] : [other, one]);
  const layers: ((value: Value) => void)[] = [
    ...Array(6).fill(convolution),
    ({ name, shape }) => void add(oneOf(["Relu", "LeakyRelu", "Identity", "Sigmoid"]), [name], shape),
    ({ name, shape }) => void add("PRelu", [name, noise(...oneOf([[1], [shape[1] ?? 1, 1, 1, 1]]))], shape),
    ({ name, shape }) => {
      const [, c = 1, z = 1, y = 1, x = 1] = shape;
      const dims = oneOf([[1], [c, 1, 1, 1], [1, c, 1, 1, 1], [z, 1, x], [y, 1]]);
      add(oneOf(["Add", "Sub", "Mul"]), inAnyOrder(name, noise(...dims)), shape);
    },
    // As a normalisation ends.
    ({ name, shape }) => {
      const scaled = add("Mul", [name, noise(shape[1] ?? 1, 1, 1, 1)], shape);
      add("Add", [scaled.name, noise(shape[1] ?? 1, 1, 1, 1)], shape);
    },
    ({ name, shape }) => {
      const same = values.filter((other) => other.shape.join() === shape.join());
      add(oneOf(["Add", "Sub", "Mul"]), [name, oneOf(same).name], shape);
    },
    ({ shape }) => {
      const fitting = values.filter((other) =>
        other.shape.every((length, axis) => axis === 1 || length === shape[axis]),
      );
      const parts = Array.from({ length: 2 + below(2) }, () => oneOf(fitting));
      const channels = parts.reduce((sum, part) => sum + (part.shape[1] ?? 0), 0);
      const whole = parts.map(({ name }) => name);
      const [n = 0, , ...size] = shape;
      if (channels <= 96) convolution(add("Concat", whole, [n, channels, ...size], { axis: 1 }));
    },
    ({ name, shape }) => {
      const axes = oneOf([[4], [-1], [3], [2, 3, 4], [3, 4]]);
      const along = new Set(axes.map((axis) => (axis + 5) % 5));
      const mean = shape.map((length, axis) => (along.has(axis) ? 1 : length));
      add("Sub", [name, add("ReduceMean", [name], mean, { axes }).name], shape);
    },
    ({ name, shape: [n = 0, c = 0, z = 0, y = 0, x = 0] }) => {
      if (y < 2 || x < 2) return;
      const attributes = { kernel_shape: [1, 2, 2], strides: [1, 2, 2] };
      add("MaxPool", [name], [n, c, z, Math.floor(y / 2), Math.floor(x / 2)], attributes);
    },
  ];
  const layersOfThis = 6 + below(8);
  for (let layer = 0; layer < layersOfThis; layer++) {
    oneOf(layers)(below(4) > 0 ? (values.at(-1) as Value) : oneOf(values));
  }
  const [last] = values.slice(-1) as [Value];
  const given = [...new Set([last, ...values.slice(1).filter(() => below(6) === 0)])].filter(
    ({ name }) => name !== "x",
  );
  return { nodes, constants, given };
}

async function answers(session: NetworkSession, shape: readonly number[]) {
  const next = seededNumbers(7);
  const data = Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => next(1000) / 500 - 1);
  const answer = await session.run({ data, shape });
  await session.close();
  return answer;
}

describe("graphs of random layers", () => {
  it("give the same with planar convolutions, each of their tensors", async () => {
    for (let seed = 1; seed <= GRAPHS; seed++) {
      const { nodes, constants, given } = randomGraph(seed);
      const bytes = onnxFile({
        nodes,
        constants,
        inputs: [{ name: "x", type: "float", dims: SIZE }],
        outputs: given.map(({ name, shape }) => ({ name, type: "float", dims: shape })),
      });
      for (const { name } of given) {
        const request = { bytes: async () => bytes, sha256: "", inputName: "x", outputName: name };
        const plain = await answers(await ortSessions("cpu")(request), SIZE);
        const planar = await answers(await ortSessions("cpu")({ ...request, shape: SIZE }), SIZE);
        expect(planar.shape).toEqual(plain.shape);
        const largest = plain.data.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
        const off = plain.data.findIndex((value, n) => !(Math.abs(value - (planar.data[n] ?? 0)) <= 1e-5 * largest));
        // Sums in another order, in each of its layers.
        if (off >= 0) {
          expect.fail(`graph ${seed}, ${name}: value ${off} is ${planar.data[off]} instead of ${plain.data[off]}`);
        }
      }
    }
  }, 60_000);
});
