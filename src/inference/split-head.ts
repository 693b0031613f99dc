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
  if (last === undefined || !isHead(last, graph)) return null;
  const [features = "", ...parameters] = last.inputs;
  const shapes = tensorShapes(graph, new Map([[inputName, shape]]));
  const [read, made] = [shapes.get(features), shapes.get(outputName)];
  if (read?.length !== shape.length || !made || !isMadeInSlabs(read, made, wholeBytes)) return null;

  const constants = graph.nodes.filter(({ outputs }) => outputs.some((name) => parameters.includes(name)));
  const ofFeatures = { name: features, type: "float" } as const;
  return {
    body: partOf(bytes, graph, new Set(graph.nodes.filter((node) => node !== last)), {
      inputs: [],
      outputs: [ofFeatures],
    }),
    features,
    head: partOf(bytes, graph, new Set([...constants, last]), {
      inputs: [ofFeatures],
      outputs: [{ name: outputName, type: "float" }],
    }),
    classes: made[1] ?? 0,
  };
}

/** Whether a node is a convolution of one voxel, whose answer nothing else reads. */
function isHead({ op, domain, inputs, outputs, numbers, attributes }: GraphNode, { nodes, constants }: Graph): boolean {
  const [features = "", ...parameters] = inputs;
  const [weights = ""] = parameters;
  const of = (name: string, value: number) => numbers.get(name)?.every((one) => one === value) ?? true;
  return (
    op === "Conv" &&
    domain === "" &&
    !attributes.has("auto_pad") &&
    [of("strides", 1), of("dilations", 1), of("group", 1), of("pads", 0)].every((is) => is) &&
    !constants.has(features) &&
    parameters.every((name) => constants.has(name)) &&
    constants
      .get(weights)
      ?.slice(2)
      .every((length) => length === 1) === true &&
    !nodes.some((node) => node.inputs.some((name) => outputs.includes(name)))
  );
}
