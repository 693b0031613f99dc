import { type Graph, type GraphNode, readGraph, type Shape, withNodes } from "#src/model/onnx/graph.js";
import { tensorShapes } from "#src/model/onnx/shapes.js";
import type { OnnxConstant, OnnxNode } from "#src/model/onnx/write.js";

/** `Squeeze` takes its axes as an input since then. */
const OLDEST_OPSET = 13;
/** Fewer channels, or a number that its blocks do not divide, ONNX Runtime is faster at in three dimensions. */
const LEAST_CHANNELS = 16;
const BLOCK = 8;

/** Along z, y and x. */
type Triple = readonly [number, number, number];

/**
 * A network's file with its 3-D convolutions written as 2-D ones, for which ONNX Runtime on a CPU has kernels that work on
 * blocks of channels (docs/bench/engine.md says what it brings). The network stays the same function; sums are taken in
 * another order.
 *
 * A volume of D slices of H rows is one image of D * H rows, in which the row below is the next one and the slice below is
 * H rows further: a kernel row of the volume is a 2-D kernel (z, x), dilated by H along z, and a 3-D convolution is the sum
 * of as many of them as its kernel has rows. Rows of zeros between slices are the padding along y.
 *
 * @param shape of the input, [N, C, Z, Y, X]; null where it is open
 * @returns the same bytes where there is nothing to change
 * @throws {PipelineError} `ModelInvalid` for bytes that are no ONNX model
 */
export function withPlanarConvolutions(bytes: Uint8Array, inputName: string, shape: Shape): Uint8Array {
  if (shape.length !== 5) return bytes;
  const graph = readGraph(bytes);
  if (graph.opset < OLDEST_OPSET || !graph.inputs.get(inputName)?.float32) return bytes;
  const shapes = tensorShapes(graph, new Map([[inputName, shape]]));
  const parts = new Parts(graph);
  const changed = new Map<GraphNode, readonly OnnxNode[]>();
  for (const node of graph.nodes) {
    const convolution = convolutionOf(node, shapes);
    if (convolution !== null) changed.set(node, planar(convolution, parts));
  }
  return changed.size === 0 ? bytes : withNodes(bytes, graph, changed, parts.constants);
}

/** A 3-D convolution of stride 1 that is faster as 2-D ones. Lengths and kernel along z, y and x. */
interface Convolution {
  readonly input: string;
  readonly weights: string;
  readonly bias: string | undefined;
  readonly output: string;
  readonly size: Triple;
  readonly kernel: Triple;
  readonly before: Triple;
  readonly after: Triple;
}

function convolutionOf(node: GraphNode, shapes: ReadonlyMap<string, Shape>): Convolution | null {
  const [input = "", weights = "", bias] = node.inputs;
  const [output = ""] = node.outputs;
  const [, inputs, ...size] = shapes.get(input) ?? [];
  const [, channels, ...kernel] = shapes.get(weights) ?? [];
  if (node.op !== "Conv" || node.domain !== "" || node.attributes.has("auto_pad")) return null;
  if (!isTriple(size) || !isTriple(kernel) || channels !== inputs || !channels) return null;
  if (channels < LEAST_CHANNELS || channels % BLOCK !== 0 || kernel[1] === 1) return null;
  const ones = ["strides", "dilations", "group"].every((name) => node.numbers.get(name)?.every((n) => n === 1) ?? true);
  const pads = node.numbers.get("pads") ?? [0, 0, 0, 0, 0, 0];
  const before = pads.slice(0, 3);
  const after = pads.slice(3);
  if (!ones || !isTriple(before) || !isTriple(after)) return null;
  // Padding wider than the kernel reaches gives rows of the answer that see nothing but zeros.
  if (Math.max(before[1], after[1]) >= kernel[1]) return null;
  // A kernel row above the slice's first is reached from the slice above: there must be one, if only of zeros.
  const reachesBack = kernel[0] === 1 ? before[0] === 0 && after[0] === 0 : before[0] > 0 && after[0] > 0;
  return reachesBack ? { input, weights, bias, output, size, kernel, before, after } : null;
}

function isTriple(values: Shape): values is Triple {
  return values.length === 3 && values.every((value) => value !== null);
}

function planar(convolution: Convolution, parts: Parts): OnnxNode[] {
  const { input, output, size, kernel, before, after } = convolution;
  const [slices, rows, columns] = size;
  const gap = Math.max(before[1], after[1]);
  const pitch = rows + gap;
  const made: OnnxNode[] = [];
  const step = (op: string, inputs: readonly string[], attributes?: OnnxNode["attributes"]): string => {
    const name = parts.name();
    made.push({ op, inputs, outputs: [name], ...(attributes && { attributes }) });
    return name;
  };
  const apart = gap === 0 ? input : step("Pad", [input, parts.integers([0, 0, 0, 0, 0, 0, 0, 0, gap, 0])]);
  const image = step("Reshape", [apart, parts.integers([0, 0, slices * pitch, columns])]);
  const out = [0, 1, 2].map((n) => (size[n] ?? 0) + (before[n] ?? 0) + (after[n] ?? 0) - (kernel[n] ?? 0) + 1);
  const [outSlices = 0, outRows = 0, outColumns = 0] = out;
  const sum =
    kernel[0] === 1 ? flat(convolution, image, parts, step) : rowByRow(convolution, image, pitch, parts, step);
  // As many rows a slice as there were go in, of which the first are the answer.
  const volume = step("Reshape", [sum, parts.integers([0, 0, outSlices, pitch, outColumns])]);
  const [from, to, axis] = [[0], [outRows], [3]].map((values) => parts.integers(values));
  made.push({ op: "Slice", inputs: [volume, from ?? "", to ?? "", axis ?? ""], outputs: [output] });
  return made;
}

type Step = (op: string, inputs: readonly string[], attributes?: OnnxNode["attributes"]) => string;

/** A kernel of one slice: rows between slices are all that sets them apart. */
function flat({ weights, bias, kernel, before, after }: Convolution, image: string, parts: Parts, step: Step): string {
  const inPlane = step("Squeeze", [weights, parts.integers([2])]);
  return step("Conv", [image, inPlane, ...(bias ? [bias] : [])], {
    kernel_shape: [kernel[1], kernel[2]],
    // So that as many rows come out as go in.
    pads: [before[1], before[2], kernel[1] - 1 - before[1], after[2]],
  });
}

/** The row of the kernel that lies on the voxel's own brings the bias, as the others are added to it. */
function rowByRow(
  { weights, bias, kernel, before, after }: Convolution,
  image: string,
  pitch: number,
  parts: Parts,
  step: Step,
): string {
  const own = before[1];
  const order = [own, ...Array.from({ length: kernel[1] }, (_, row) => row).filter((row) => row !== own)];
  let sum: string | null = null;
  for (const row of order) {
    const kernelRow = step("Gather", [weights, parts.integer(row)], { axis: 3 });
    const product = step("Conv", [image, kernelRow, ...(bias && sum === null ? [bias] : [])], {
      kernel_shape: [kernel[0], kernel[2]],
      dilations: [pitch, 1],
      pads: [before[0] * pitch + own - row, before[2], after[0] * pitch + row - own, after[2]],
    });
    sum = sum === null ? product : step("Add", [sum, product]);
  }
  return sum ?? image;
}

/** Names and constants of what is added to a graph. */
class Parts {
  readonly constants: OnnxConstant[] = [];
  readonly #known = new Map<string, string>();
  readonly #prefix: string;
  #made = 0;

  constructor({ names }: Graph) {
    let prefix = "planar";
    while ([...names].some((name) => name.startsWith(prefix))) prefix += "_";
    this.#prefix = prefix;
  }

  name(): string {
    return `${this.#prefix}${this.#made++}`;
  }

  integers(values: readonly number[]): string {
    return this.#constant([values.length], values);
  }

  integer(value: number): string {
    return this.#constant([], [value]);
  }

  #constant(dims: readonly number[], values: readonly number[]): string {
    const key = `${dims.length}:${values.join()}`;
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const name = this.name();
    this.constants.push({ name, dims, values: BigInt64Array.from(values, BigInt) });
    this.#known.set(key, name);
    return name;
  }
}
