import { type Graph, type GraphNode, readGraph, type Shape } from "#src/model/onnx/graph.js";
import { partOf } from "#src/model/onnx/part.js";
import { tensorShapes } from "#src/model/onnx/shapes.js";
import { isMadeInSlabs } from "./head-slabs.js";

/** A network as two files: up to its features, and its head. */
export interface SplitNetwork {
  readonly body: Uint8Array;
  /** What the body gives and the head takes. */
  readonly features: string;
  readonly head: Uint8Array;
  readonly classes: number;
}

interface Names {
  readonly inputName: string;
  readonly outputName: string;
}

/**
 * Cuts a network before its last convolution, where that is of one voxel and makes far more classes than it reads
 * features (docs/decisions/0023-answers-in-slabs.md). Both parts together are the same function: no operator is another.
 *
 * @param shape of the input, [N, C, (Z,) Y, X]; null where it is open
 * @param wholeBytes up to this size logits are made whole
 * @returns null for a network that is better left whole
 * @throws {PipelineError} `ModelInvalid` for bytes that are no ONNX model
 */
export function splitHead(
  bytes: Uint8Array,
  { inputName, outputName }: Names,
  shape: Shape,
  wholeBytes?: number,
): SplitNetwork | null {
  const graph = readGraph(bytes);
  // What computes in half precision casts where the runtime sees fit: a cut would change where.
  if (!graph.inputs.get(inputName)?.float32 || graph.nodes.some(({ hasGraphs }) => hasGraphs)) return null;
  const last = graph.nodes.find(({ outputs }) => outputs.includes(outputName));
  if (last === undefined) return null;
  const [features = "", ...parameters] = last.inputs;
  const shapes = tensorShapes(graph, new Map([[inputName, shape]]));
  const [read, made] = [shapes.get(features), shapes.get(outputName)];
  if (!isHead(last, shapes) || read?.length !== shape.length || !made || !isMadeInSlabs(read, made, wholeBytes))
    return null;
  const [ofFeatures, ofParameters] = [nodesBefore([features], graph), nodesBefore(parameters, graph)];
  // Nothing else may read the logits, and nothing but the file decides the weights.
  if (graph.nodes.some(({ inputs }) => inputs.includes(outputName)) || !areConstant(parameters, ofParameters, graph)) {
    return null;
  }
  const between = { name: features, type: "float" } as const;
  return {
    body: partOf(bytes, graph, ofFeatures, { inputs: [], outputs: [between] }),
    features,
    head: partOf(bytes, graph, new Set([...ofParameters, last]), {
      inputs: [between],
      outputs: [{ name: outputName, type: "float" }],
    }),
    classes: made[1] ?? 0,
  };
}

/** Whether a node is a convolution of one voxel. */
function isHead({ op, domain, inputs, numbers, attributes }: GraphNode, shapes: ReadonlyMap<string, Shape>): boolean {
  const of = (name: string, value: number) => numbers.get(name)?.every((one) => one === value) ?? true;
  return (
    op === "Conv" &&
    domain === "" &&
    !attributes.has("auto_pad") &&
    [of("strides", 1), of("dilations", 1), of("group", 1), of("pads", 0)].every((is) => is) &&
    shapes
      .get(inputs[1] ?? "")
      ?.slice(2)
      .every((length) => length === 1) === true
  );
}

/** All nodes that have to run before there are those tensors. */
function nodesBefore(tensors: readonly string[], { nodes }: Graph): ReadonlySet<GraphNode> {
  const makers = new Map(nodes.flatMap((node) => node.outputs.map((name) => [name, node] as const)));
  const found = new Set<GraphNode>();
  const open = [...tensors];
  for (let name = open.pop(); name !== undefined; name = open.pop()) {
    const node = makers.get(name);
    if (node === undefined || found.has(node)) continue;
    found.add(node);
    open.push(...node.inputs);
  }
  return found;
}

/** Whether tensors, made by those nodes, come of what the file brings alone. */
function areConstant(tensors: readonly string[], made: ReadonlySet<GraphNode>, { constants }: Graph): boolean {
  const outputs = new Set([...made].flatMap((node) => node.outputs));
  const needed = [...tensors, ...[...made].flatMap(({ inputs }) => inputs)];
  return needed.every((name) => name === "" || outputs.has(name) || constants.has(name));
}
