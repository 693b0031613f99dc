import { changedNode, type Graph, type GraphNode, readGraph, type Shape, withNodes } from "#src/model/onnx/graph.js";
import { tensorShapes } from "#src/model/onnx/shapes.js";
import type { OnnxNode } from "#src/model/onnx/write.js";
import { type Convolution, convolutionOf, isPlanar, isSame } from "./convolution-node.js";
import { GraphParts } from "./graph-parts.js";
import { PaddedRows } from "./padded-rows.js";

/** `Squeeze` takes its axes as an input since then. */
const OLDEST_OPSET = 13;
/** Operators of one tensor that leave zeros as they are. */
const KEEP_ZEROS: ReadonlySet<string> = new Set(["Identity", "LeakyRelu", "PRelu", "Relu"]);
/** Axes of the rows and of the columns. */
const [Y, X] = [3, 4];

/**
 * A network's file with its 3-D convolutions written as 2-D ones, for which ONNX Runtime on a CPU has kernels that work on
 * blocks of channels (docs/decisions/0022-planar-convolutions.md). The network stays the same function; sums are taken in
 * another order.
 *
 * A volume of D slices of H rows is one image of D * H rows, in which the row below is the next one and the slice below is
 * H rows further: a row of the kernel is a 2-D kernel (z, x), dilated by H along z, and a 3-D convolution is the sum of as
 * many of them as its kernel has rows. Rows of zeros below each slice are the padding along y. They stay there through
 * what comes between two convolutions, as far as that can be done with them.
 *
 * @param shape of the input, [N, C, Z, Y, X]; null where it is open
 * @returns the same bytes where there is nothing to change
 * @throws {PipelineError} `ModelInvalid` for bytes that are no ONNX model
 */
export function withPlanarConvolutions(bytes: Uint8Array, inputName: string, shape: Shape): Uint8Array {
  if (shape.length !== 5) return bytes;
  const graph = readGraph(bytes);
  if (graph.opset < OLDEST_OPSET || !graph.inputs.get(inputName)?.float32) return bytes;
  if (graph.nodes.some(({ hasGraphs }) => hasGraphs) || !areInOrder(graph.nodes)) return bytes;
  const planar = new PlanarGraph(graph, tensorShapes(graph, new Map([[inputName, shape]])));
  const { changed, constants } = planar.write();
  return changed.size === 0 ? bytes : withNodes(bytes, graph, changed, constants);
}

/** Whether each node comes after those that it needs, as ONNX says; the runtime takes others too. */
function areInOrder(nodes: readonly GraphNode[]): boolean {
  const later = new Set(nodes.flatMap(({ outputs }) => outputs));
  // An input that is left out.
  later.delete("");
  return nodes.every(({ inputs, outputs }) => {
    for (const name of outputs) later.delete(name);
    return !inputs.some((name) => later.has(name));
  });
}

class PlanarGraph {
  readonly #graph: Graph;
  readonly #shapes: ReadonlyMap<string, Shape>;
  readonly #parts: GraphParts;
  /** All 3-D convolutions whose lengths are known. */
  readonly #convolutions = new Map<GraphNode, Convolution>();
  readonly #planar: ReadonlySet<GraphNode>;
  readonly #uses = new Map<string, GraphNode[]>();
  readonly #gap: number;
  readonly #rows: PaddedRows;
  /** Tensors of planar convolutions that are not put together: what they are of, and how many channels each has. */
  readonly #joined = new Map<string, readonly { readonly name: string; readonly channels: number }[]>();

  constructor(graph: Graph, shapes: ReadonlyMap<string, Shape>) {
    this.#graph = graph;
    this.#shapes = shapes;
    this.#parts = new GraphParts(graph);
    for (const node of graph.nodes) {
      const convolution = convolutionOf(node, shapes);
      if (convolution !== null) this.#convolutions.set(node, convolution);
      for (const name of new Set(node.inputs)) this.#uses.set(name, [...(this.#uses.get(name) ?? []), node]);
    }
    const planar = [...this.#convolutions].filter(([, one]) => isPlanar(one));
    this.#planar = new Set(planar.map(([node]) => node));
    this.#gap = Math.max(0, ...planar.flatMap(([, { before, after }]) => [before[1], after[1]]));
    this.#rows = new PaddedRows(this.#parts, this.#gap, shapes);
  }

  write() {
    const changed = new Map<GraphNode, readonly (OnnxNode | GraphNode)[]>();
    const { constants } = this.#parts;
    if (this.#planar.size === 0) return { changed, constants };
    for (const node of this.#graph.nodes) {
      this.#rows.made = [];
      if (!this.#withRows(node)) {
        for (const name of node.inputs) this.#rows.plain(name);
        this.#rows.made.push(node);
      }
      for (const name of node.outputs) if (this.#graph.outputs.has(name)) this.#rows.plain(name);
      changed.set(node, this.#rows.made);
    }
    return { changed, constants };
  }

  /** Whether the node was written for tensors with rows below their slices. */
  #withRows(node: GraphNode): boolean {
    if (node.domain !== "" || node.outputs.length !== 1) return false;
    if (this.#planar.has(node)) return this.#planarConvolution(node);
    if (KEEP_ZEROS.has(node.op)) return this.#kept(node);
    switch (node.op) {
      case "Conv":
        return this.#convolution(node);
      case "Concat":
        return this.#concat(node);
      case "ReduceMean":
        return this.#meanOfRows(node);
      case "Add":
      case "Sub":
      case "Mul":
        return this.#arithmetic(node);
      default:
        return false;
    }
  }

  #planarConvolution(node: GraphNode): boolean {
    const convolution = this.#convolutions.get(node) as Convolution;
    const { input, channels, size, bias, output } = convolution;
    const pitch = size[1] + this.#gap;
    let from = 0;
    let sum: string | null = null;
    for (const part of this.#joined.get(input) ?? [{ name: input, channels }]) {
      const image = this.#step("Reshape", this.#rows.zeroPadded(part.name), [0, 0, size[0] * pitch, size[2]]);
      const ofPart = part.channels === channels ? null : ([from, from + part.channels] as const);
      for (const { weights, attributes } of this.#kernels(convolution, pitch, ofPart)) {
        const product: string = this.#rows.step(
          "Conv",
          [image, weights, ...(bias && sum === null ? [bias] : [])],
          attributes,
        );
        sum = sum === null ? product : this.#rows.step("Add", [sum, product]);
      }
      from += part.channels;
    }
    const [slices, columns] = [0, 2].map((axis) => this.#outLength(convolution, axis));
    const volume = this.#step("Reshape", sum ?? "", [0, 0, slices ?? 0, pitch, columns ?? 0]);
    this.#rows.set(output, volume, false);
    return true;
  }

  #outLength({ size, kernel, before, after }: Convolution, axis: number): number {
    return (size[axis] ?? 0) + (before[axis] ?? 0) + (after[axis] ?? 0) - (kernel[axis] ?? 0) + 1;
  }

  /** The 2-D kernels that a 3-D one is the sum of, for all channels or those from one to another. */
  #kernels(convolution: Convolution, pitch: number, channels: readonly [number, number] | null) {
    const { kernel, before, after, weights } = convolution;
    const slice = (from: string): string => {
      if (channels === null) return from;
      const [start, end, axis] = [...channels, 1].map((value) => this.#parts.integers(value));
      return this.#rows.step("Slice", [from, start ?? "", end ?? "", axis ?? ""]);
    };
    if (kernel[0] === 1) {
      // Of one slice: what sets the slices apart is all there is to it.
      const inPlane = this.#rows.step("Squeeze", [weights, this.#parts.integers(2)]);
      const pads = [before[1], before[2], after[1], after[2]];
      return [{ weights: slice(inPlane), attributes: { kernel_shape: [kernel[1], kernel[2]], pads } }];
    }
    return Array.from({ length: kernel[1] }, (_, row) => {
      const ofRow = this.#rows.step("Gather", [weights, this.#parts.integer(row)], { axis: 3 });
      const up = before[1] - row;
      const pads = [before[0] * pitch + up, before[2], after[0] * pitch - up, after[2]];
      return {
        weights: slice(ofRow),
        attributes: { kernel_shape: [kernel[0], kernel[2]], dilations: [pitch, 1], pads },
      };
    });
  }

  /** A convolution that stays one of three dimensions. */
  #convolution(node: GraphNode): boolean {
    const convolution = this.#convolutions.get(node);
    if (!convolution) return false;
    const { input, output, kernel, before, after, channels, filters } = convolution;
    const [, ...others] = node.inputs;
    const padded = this.#rows.padded(input);
    if (isSame(convolution)) {
      // A first convolution reads few channels: rows cost less before it than after it.
      if (!padded && channels * 4 > filters) return false;
      const from = kernel[1] === 1 && padded ? padded.name : this.#rows.zeroPadded(input);
      this.#rows.set(output, this.#changed(node, [from, ...others]), false);
      return true;
    }
    // The rows below take the place of the padding.
    if (!padded || after[1] < this.#gap) return false;
    const pads = [...before, after[0], after[1] - this.#gap, after[2]];
    const from = this.#rows.zeroPadded(input);
    this.#rows.made.push(changedNode(node, [from, ...others], node.outputs, { pads }));
    return true;
  }

  /** Where it is for planar convolutions alone, each of its parts is convolved for itself, without a copy of all. */
  #concat(node: GraphNode): boolean {
    const [output = ""] = node.outputs;
    const uses = this.#uses.get(output) ?? [];
    const axis = node.numbers.get("axis")?.[0];
    const isForPlanar = uses.length > 0 && uses.every((use) => this.#planar.has(use) && use.inputs[0] === output);
    if (axis !== 1 || !isForPlanar || this.#graph.outputs.has(output)) return false;
    const parts = node.inputs.map((name) => ({ name, channels: this.#shapes.get(name)?.[1] ?? 0 }));
    const areLarge = uses.every((use) => {
      const convolution = this.#convolutions.get(use);
      return convolution && parts.every(({ channels }) => isPlanar({ ...convolution, channels }));
    });
    if (areLarge) this.#joined.set(output, parts);
    else {
      const padded = node.inputs.map((name) => this.#rows.zeroPadded(name));
      this.#rows.set(output, this.#changed(node, padded), true);
    }
    return true;
  }

  /** Means of rows are of rows below too, which are cut off: hardly anything is left of the tensor then. */
  #meanOfRows(node: GraphNode): boolean {
    const [input = "", axes = ""] = node.inputs;
    const [output = ""] = node.outputs;
    const along = node.numbers.get("axes") ?? this.#graph.integers.get(axes) ?? [];
    const form = this.#rows.padded(input);
    if (!form || along.length !== 1 || (along[0] !== X && along[0] !== -1) || node.numbers.get("keepdims")?.[0] === 0)
      return false;
    this.#rows.withoutRows(this.#changed(node, [form.name, ...node.inputs.slice(1)]), input, output);
    return true;
  }

  #kept(node: GraphNode): boolean {
    const [input = "", ...others] = node.inputs;
    const form = this.#rows.padded(input);
    if (!form || !others.every((name) => this.#isFlat(name))) return false;
    for (const name of others) this.#rows.plain(name);
    this.#rows.set(node.outputs[0] ?? "", this.#changed(node, [form.name, ...others]), form.isZero);
    return true;
  }

  /** Of two tensors of the same shape, or of one and a number for each channel. */
  #arithmetic(node: GraphNode): boolean {
    const { op, inputs } = node;
    const [output = ""] = node.outputs;
    const forms = inputs.map((name) => this.#rows.padded(name));
    const [a, b] = forms;
    if (a && b) {
      const [one, other] = inputs.map((name) => this.#shapes.get(name)?.[Y]);
      if (one !== other) return false;
      const isZero = op === "Mul" ? a.isZero || b.isZero : a.isZero && b.isZero;
      this.#rows.set(output, this.#changed(node, [a.name, b.name]), isZero);
      return true;
    }
    const large = a ? 0 : 1;
    const [form, tensor = "", flat = ""] = [forms[large], inputs[large], inputs[1 - large]];
    if (!form || !this.#isFlat(flat)) return false;
    // Zeros in the rows below cost nothing where they come with the numbers of the channels.
    const isMasked = op === "Mul" ? !form.isZero && this.#isShiftedNext(output) : form.isZero;
    const other = isMasked ? this.#rows.step("Mul", [flat, this.#rows.mask(tensor)]) : flat;
    const pair = large === 0 ? [form.name, other] : [other, form.name];
    this.#rows.set(output, this.#changed(node, pair), isMasked || (op === "Mul" && form.isZero));
    return true;
  }

  /** Whether nothing is done with a tensor but that numbers for each channel are added, as normalisations end. */
  #isShiftedNext(tensor: string): boolean {
    const uses = this.#uses.get(tensor) ?? [];
    const [next] = uses;
    const other = next?.inputs.find((name) => name !== tensor);
    return uses.length === 1 && next?.op === "Add" && other !== undefined && this.#isFlat(other);
  }

  /** Whether a tensor has the same numbers in all rows of [N, C, Z, Y, X]. */
  #isFlat(name: string): boolean {
    const shape = this.#shapes.get(name);
    return shape !== undefined && shape.length <= 5 && (shape.length < 2 || shape.at(-2) === 1);
  }

  #changed(node: GraphNode, inputs: readonly string[]): string {
    const output = this.#parts.name();
    this.#rows.made.push(changedNode(node, inputs, [output]));
    return output;
  }

  #step(op: string, from: string, values: readonly number[]): string {
    return this.#rows.step(op, [from, this.#parts.integers(...values)]);
  }
}
