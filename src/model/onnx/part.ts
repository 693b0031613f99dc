import { tensorOf } from "./facts.js";
import { fieldsOf, inside, textOf } from "./fields.js";
import type { Graph, GraphNode } from "./graph.js";
import { joined, message, type OnnxValue, valueBytes } from "./write.js";

/** Where a part of a graph begins and ends. */
interface Ends {
  /** Tensors that come in besides the graph's own inputs. */
  readonly inputs: readonly OnnxValue[];
  readonly outputs: readonly OnnxValue[];
}

/**
 * The file with some of its nodes alone, and with those inputs and constants that they need (GraphProto: 1 node, 5
 * initializer, 11 input, 12 output, 13 value_info). Nodes with graphs inside may need others, which are not seen.
 */
export function partOf(
  bytes: Uint8Array,
  { nodes }: Graph,
  kept: ReadonlySet<GraphNode>,
  { inputs, outputs }: Ends,
): Uint8Array {
  const needed = new Set([...kept].flatMap((node) => node.inputs));
  const between = new Set([...kept].flatMap((node) => node.outputs));
  for (const { name } of outputs) between.delete(name);
  let n = 0;
  const graph = [...fieldsOf(inside(bytes, 7))].flatMap(({ field, body, bytes: whole }) => {
    const node = field === 1 ? nodes[n++] : undefined;
    if (node) return kept.has(node) ? [whole] : [];
    if (field === 12 || body === null) return [];
    if (field === 5) return needed.has(textOf(inside(body, 8))) ? [whole] : [];
    if (field === 11) return needed.has(tensorOf(body).name) ? [whole] : [];
    if (field === 13) return between.has(tensorOf(body).name) ? [whole] : [];
    return [whole];
  });
  const added = [
    ...inputs.flatMap((value) => message(11, valueBytes(value))),
    ...outputs.flatMap((value) => message(12, valueBytes(value))),
  ];
  return joined(
    [...fieldsOf(bytes)].flatMap(({ field, bytes: whole }) =>
      field === 7 ? message(7, [...graph, ...added]) : [whole],
    ),
  );
}
