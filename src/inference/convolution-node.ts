import type { GraphNode, Shape } from "#src/model/onnx/graph.js";

/** Fewer channels, or a number that its blocks do not divide, ONNX Runtime is faster at in three dimensions. */
const LEAST_CHANNELS = 16;
const BLOCK = 8;

/** Along z, y and x. */
type Triple = readonly [number, number, number];

/** A 3-D convolution without groups or dilations. */
export interface Convolution {
  readonly input: string;
  readonly weights: string;
  readonly bias: string | undefined;
  readonly output: string;
  readonly channels: number;
  readonly filters: number;
  readonly size: Triple;
  readonly kernel: Triple;
  readonly strides: Triple;
  /** Padding before and after. */
  readonly before: Triple;
  readonly after: Triple;
}

/** What a node is, where all its lengths are known. */
export function convolutionOf(node: GraphNode, shapes: ReadonlyMap<string, Shape>): Convolution | null {
  const [input = "", weights = "", bias] = node.inputs;
  const [output = ""] = node.outputs;
  const [, inputs, ...size] = shapes.get(input) ?? [];
  const [filters, channels, ...kernel] = shapes.get(weights) ?? [];
  if (node.op !== "Conv" || node.domain !== "" || node.attributes.has("auto_pad")) return null;
  if (!isTriple(size) || !isTriple(kernel) || channels !== inputs || !channels || !filters) return null;
  if (!["dilations", "group"].every((name) => node.numbers.get(name)?.every((n) => n === 1) ?? true)) return null;
  const strides = node.numbers.get("strides") ?? [1, 1, 1];
  const pads = node.numbers.get("pads") ?? [0, 0, 0, 0, 0, 0];
  const [before, after] = [pads.slice(0, 3), pads.slice(3)];
  if (!isTriple(strides) || !isTriple(before) || !isTriple(after)) return null;
  return { input, weights, bias, output, channels, filters, size, kernel, strides, before, after };
}

/** Whether as many rows come out as go in, one for each. */
export function isSame({ kernel, strides, before, after }: Convolution): boolean {
  return strides.every((stride) => stride === 1) && before[1] + after[1] === kernel[1] - 1;
}

/** Whether it is faster as 2-D convolutions, which have several rows. */
export function isPlanar(convolution: Convolution): boolean {
  const { channels, kernel, before, after } = convolution;
  if (!isSame(convolution) || kernel[1] === 1 || channels < LEAST_CHANNELS || channels % BLOCK !== 0) return false;
  // A row of the kernel above a slice's first is reached from the slice above: there must be one, if only of zeros.
  return kernel[0] === 1 ? before[0] + after[0] === 0 : before[0] > 0 && after[0] > 0;
}

function isTriple(values: Shape): values is Triple {
  return values.length === 3 && values.every((value) => value !== null);
}
