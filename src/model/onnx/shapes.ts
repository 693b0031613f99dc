import { FLOAT, type Graph, type GraphNode, type Shape } from "./graph.js";

/** Operators whose answer has the shape of their first input. */
const SAME: ReadonlySet<string> = new Set([
  ..."BatchNormalization Clip Dropout Elu Erf Exp HardSigmoid HardSwish Identity InstanceNormalization".split(" "),
  ..."LeakyRelu Log LogSoftmax Mish Neg PRelu Reciprocal Relu Selu Sigmoid Softmax Softplus Sqrt Tanh".split(" "),
]);
/** Operators whose inputs are stretched to each other, as NumPy does. */
const STRETCHED: ReadonlySet<string> = new Set(["Add", "Div", "Max", "Min", "Mul", "Pow", "Sub"]);

/**
 * Shapes of the tensors of a graph, for those of its operators whose answers' shapes need no values but those of
 * constants. A tensor whose shape is not known is missing, and so is what comes of it; also what is cast to other numbers
 * than floats of 32 bits.
 *
 * @param inputs shapes of the graph's inputs
 */
export function tensorShapes(graph: Graph, inputs: ReadonlyMap<string, Shape>): ReadonlyMap<string, Shape> {
  const shapes = new Map<string, Shape>([...graph.constants, ...inputs]);
  for (const node of graph.nodes) {
    const [name] = node.outputs;
    if (node.domain !== "" || name === undefined || shapes.has(name)) continue;
    const shape = shapeOf(node, graph, shapes);
    if (shape !== null) shapes.set(name, shape);
  }
  return shapes;
}

function shapeOf(node: GraphNode, graph: Graph, shapes: ReadonlyMap<string, Shape>): Shape | null {
  const known = node.inputs.map((name) => shapes.get(name));
  const [first, second] = known;
  if (!first) return null;
  if (SAME.has(node.op)) return first;
  if (STRETCHED.has(node.op)) return known.reduce<Shape | null>((a, b) => (a && b ? stretched(a, b) : null), first);
  switch (node.op) {
    case "Cast":
      return node.numbers.get("to")?.[0] === FLOAT ? first : null;
    case "Conv":
      return second ? windowed(node, first, second.slice(2), second[0] ?? null) : null;
    case "MaxPool":
    case "AveragePool":
      return windowed(node, first, node.numbers.get("kernel_shape") ?? [], first[1] ?? null);
    case "ConvTranspose":
      return second ? transposed(node, first, second) : null;
    case "Concat":
      return joinedAlong(node.numbers.get("axis")?.[0] ?? 0, known);
    case "Unsqueeze":
      return unsqueezed(first, axesOf(node, graph));
    default:
      return node.op.startsWith("Reduce") ? reduced(node, first, axesOf(node, graph)) : null;
  }
}

function stretched(a: Shape, b: Shape): Shape {
  const rank = Math.max(a.length, b.length);
  const at = (shape: Shape, n: number) => (n < rank - shape.length ? 1 : (shape[n - rank + shape.length] ?? null));
  return Array.from({ length: rank }, (_, n) => {
    const [one, other] = [at(a, n), at(b, n)];
    return one === 1 ? other : other === 1 || one !== null ? one : other;
  });
}

/** Length along each axis of kernel, stride, dilation and padding before and after; null where the file leaves it open. */
function windowsOf({ numbers, attributes }: GraphNode, kernel: Shape) {
  // Padding that is worked out by the runtime, and lengths that are rounded up.
  if (attributes.has("auto_pad") || attributes.has("output_shape") || numbers.get("ceil_mode")?.[0]) return null;
  const list = (name: string, missing: number) => numbers.get(name) ?? kernel.map(() => missing);
  const pads = numbers.get("pads") ?? [...kernel, ...kernel].map(() => 0);
  const output = list("output_padding", 0);
  return kernel.map((length, n) => ({
    kernel: length,
    stride: list("strides", 1)[n] ?? 1,
    dilation: list("dilations", 1)[n] ?? 1,
    pads: (pads[n] ?? 0) + (pads[n + kernel.length] ?? 0),
    more: output[n] ?? 0,
  }));
}

function windowed(node: GraphNode, input: Shape, kernel: Shape, channels: number | null): Shape | null {
  const windows = windowsOf(node, kernel);
  if (windows === null || windows.length !== input.length - 2) return null;
  const lengths = windows.map(({ kernel: length, stride, dilation, pads }, n) => {
    const from = input[n + 2] ?? null;
    return from === null || length === null
      ? null
      : Math.floor((from + pads - dilation * (length - 1) - 1) / stride) + 1;
  });
  return [input[0] ?? null, channels, ...lengths];
}

function transposed(node: GraphNode, input: Shape, weights: Shape): Shape | null {
  const windows = windowsOf(node, weights.slice(2));
  if (windows === null || windows.length !== input.length - 2) return null;
  const [, channels = null] = weights;
  const groups = node.numbers.get("group")?.[0] ?? 1;
  const lengths = windows.map(({ kernel: length, stride, dilation, pads, more }, n) => {
    const from = input[n + 2] ?? null;
    return from === null || length === null ? null : (from - 1) * stride + more + dilation * (length - 1) + 1 - pads;
  });
  return [input[0] ?? null, channels === null ? null : channels * groups, ...lengths];
}

function joinedAlong(axis: number, shapes: readonly (Shape | undefined)[]): Shape | null {
  const [first] = shapes;
  if (!first || axis < 0) return null;
  const lengths = shapes.map((shape) => shape?.[axis] ?? null);
  const sum = lengths.reduce<number | null>((all, one) => (all === null || one === null ? null : all + one), 0);
  return first.map((length, n) => (n === axis ? sum : length));
}

/** Axes of a reduction or of `Unsqueeze`: an attribute once, an input today. */
function axesOf({ numbers, inputs }: GraphNode, graph: Graph): readonly number[] | null {
  return numbers.get("axes") ?? graph.integers.get(inputs[1] ?? "") ?? null;
}

function unsqueezed(input: Shape, axes: readonly number[] | null): Shape | null {
  if (axes === null || axes.some((axis) => axis < 0)) return null;
  const out = [...input];
  for (const axis of [...axes].sort((a, b) => a - b)) out.splice(axis, 0, 1);
  return out;
}

function reduced({ numbers }: GraphNode, input: Shape, axes: readonly number[] | null): Shape | null {
  // No axes are all of them, or none: there is an attribute for it.
  if (!axes?.length || numbers.get("keepdims")?.[0] === 0) return null;
  const along = new Set(axes.map((axis) => (axis < 0 ? axis + input.length : axis)));
  return input.map((length, n) => (along.has(n) ? 1 : length));
}
