import type { SessionRequest } from "./network-session.js";
import { withPlanarConvolutions } from "./planar-convolutions.js";
import { threadsARun } from "./run-threads.js";
import { splitHead } from "./split-head.js";

/** A network as it is run: whole, or up to its features, with its head as a file of its own. */
export interface RunGraph {
  readonly bytes: Uint8Array;
  /** Of the logits, or of the features. */
  readonly outputName: string;
  /** Threads of each run. */
  readonly threads: number;
  readonly head: { readonly bytes: Uint8Array; readonly outputName: string; readonly classes: number } | null;
}

export type RewriteGraph = (bytes: Uint8Array, request: Omit<SessionRequest, "bytes" | "sha256">) => RunGraph;

/**
 * A network's file as it runs on a CPU: the same function.
 *
 * @param wholeBytes up to this size logits are made whole
 * @throws {PipelineError} `ModelInvalid` for bytes that are no ONNX model
 */
export function cpuGraph(bytes: Uint8Array, request: Parameters<RewriteGraph>[1], wholeBytes?: number): RunGraph {
  const { inputName, outputName, shape = [], takesFeatures = false } = request;
  const split = takesFeatures ? splitHead(bytes, request, shape, wholeBytes) : null;
  return {
    bytes: withPlanarConvolutions(split?.body ?? bytes, inputName, shape),
    outputName: split?.features ?? outputName,
    threads: threadsARun(bytes, inputName, shape),
    head: split && { bytes: split.head, outputName, classes: split.classes },
  };
}
