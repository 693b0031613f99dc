import { readGraph, type Shape } from "#src/model/onnx/graph.js";
import { tensorShapes } from "#src/model/onnx/shapes.js";

/** From this size of a run's largest tensor on. */
const LARGE_BYTES = 2 ** 26;

/**
 * Threads of a network's runs on a CPU: one, and two where its tensors, logits aside, are large. Two runs beside each other hold twice the
 * memory, and two threads of such a run lose little. By the file and the tile alone, so that they are as many on every
 * machine: the runtime sums some convolutions in an order that hangs on them.
 *
 * @param shape of the input, [N, C, (Z,) Y, X]; null where it is open, and counted once
 * @throws {PipelineError} `ModelInvalid` for bytes that are no ONNX model
 */
export function threadsARun(bytes: Uint8Array, inputName: string, shape: Shape): number {
  if (shape.length !== 5) return 1;
  const graph = readGraph(bytes);
  const shapes = tensorShapes(graph, new Map([[inputName, shape]]));
  // Logits of many classes are one tensor, and mostly made by slabs.
  const isLarge = [...shapes].some(([name, lengths]) => !graph.outputs.has(name) && bytesOf(lengths) >= LARGE_BYTES);
  return isLarge ? 2 : 1;
}

function bytesOf(lengths: Shape): number {
  return lengths.reduce<number>((product, length) => product * (length ?? 1), 4);
}
