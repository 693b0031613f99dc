import { tensorOf } from "./facts.js";
import { broken, fieldsOf, inside, numbersOf, textOf } from "./fields.js";
import { constantBytes, joined, message, nodeBytes, type OnnxConstant, type OnnxNode } from "./write.js";

/** A dimension by number, or null where it is open. */
export type Shape = readonly (number | null)[];

/** An operator of a graph that was read. */
export interface GraphNode {
  readonly op: string;
  /** "" for ONNX's own operators. */
  readonly domain: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  /** Whole numbers alone: one, or a list. */
  readonly numbers: ReadonlyMap<string, readonly number[]>;
  /** Names of all attributes, also of those that are no whole numbers. */
  readonly attributes: ReadonlySet<string>;
  /** Whether graphs are among them, whose nodes may use any tensor around them. */
  readonly hasGraphs: boolean;
  /** NodeProto. */
  readonly bytes: Uint8Array;
}

/** A graph as far as it must be understood to change some of its nodes. */
export interface Graph {
  /** Version of ONNX's own operators. */
  readonly opset: number;
  readonly nodes: readonly GraphNode[];
  /** Dimensions of the tensors that the file brings, in initializers and in nodes. */
  readonly constants: ReadonlyMap<string, readonly number[]>;
  /** Values of those that are whole numbers (int64). */
  readonly integers: ReadonlyMap<string, readonly number[]>;
  readonly inputs: ReadonlyMap<string, { readonly float32: boolean; readonly shape: Shape }>;
  readonly outputs: ReadonlySet<string>;
  /** All names in the graph, so that a new one can be another. */
  readonly names: ReadonlySet<string>;
}

/** TensorProto.DataType. */
export const FLOAT = 1;
const INT64 = 7;

/**
 * Reads the graph of an ONNX file (onnx.proto: ModelProto 7 graph, 8 opset_import; GraphProto 1 node, 5 initializer,
 * 11 input, 12 output).
 *
 * @throws {PipelineError} `ModelInvalid` for bytes that are no ONNX model
 */
export function readGraph(bytes: Uint8Array): Graph {
  const graph = inside(bytes, 7);
  if (graph.length === 0) throw broken("without a graph");
  const nodes: GraphNode[] = [];
  const constants = new Map<string, readonly number[]>();
  const integers = new Map<string, readonly number[]>();
  const inputs = new Map<string, { readonly float32: boolean; readonly shape: Shape }>();
  const outputs = new Set<string>();
  const know = (name: string, tensor: Uint8Array) => {
    constants.set(name, numbersOf(tensor, 1));
    if (numbersOf(tensor, 2)[0] === INT64) integers.set(name, integersOf(tensor));
  };
  for (const { field, body } of fieldsOf(graph)) {
    if (body === null) continue;
    if (field === 5) know(textOf(inside(body, 8)), body);
    else if (field === 11) {
      const { name, shape } = tensorOf(body);
      const [element] = numbersOf(inside(inside(body, 2), 1), 1);
      inputs.set(name, { float32: element === FLOAT, shape });
    } else if (field === 12) outputs.add(tensorOf(body).name);
    else if (field === 1) {
      const { node, value } = nodeOf(body);
      nodes.push(node);
      const [name] = node.outputs;
      if (node.op === "Constant" && value !== null && name !== undefined) know(name, value);
    }
  }
  const names = new Set([...constants.keys(), ...inputs.keys(), ...nodes.flatMap(({ outputs }) => outputs)]);
  return { opset: opsetOf(bytes), nodes, constants, integers, inputs, outputs, names };
}

/**
 * The file with some nodes in the place of others, and constants that they need; everything else as it was.
 *
 * @param changed by node of `readGraph`, in the order in which they are to run
 */
export function withNodes(
  bytes: Uint8Array,
  { nodes }: Graph,
  changed: ReadonlyMap<GraphNode, readonly (OnnxNode | GraphNode)[]>,
  constants: readonly OnnxConstant[],
): Uint8Array {
  let n = 0;
  const graph = [...fieldsOf(inside(bytes, 7))].flatMap(({ field, bytes: whole }) => {
    const node = field === 1 ? nodes[n++] : undefined;
    const made = node && changed.get(node);
    return made ? made.flatMap((one) => message(1, "bytes" in one ? [one.bytes] : nodeBytes(one))) : [whole];
  });
  const added = constants.flatMap((constant) => message(5, constantBytes(constant)));
  return joined(
    [...fieldsOf(bytes)].flatMap(({ field, bytes: whole }) =>
      field === 7 ? message(7, [...graph, ...added]) : [whole],
    ),
  );
}

/** The same node with other tensors, and with other whole numbers in the place of some attributes. */
export function changedNode(
  { op, bytes }: GraphNode,
  inputs: readonly string[],
  outputs: readonly string[],
  numbers: Readonly<Record<string, readonly number[]>> = {},
): GraphNode {
  const kept = [...fieldsOf(bytes)].filter(
    ({ field, body }) =>
      field > 2 && !(field === 5 && body !== null && Object.hasOwn(numbers, textOf(inside(body, 1)))) && field !== 4,
  );
  const made = nodeBytes({ op, inputs, outputs, attributes: numbers });
  return nodeOf(joined([...made, ...kept.map((one) => one.bytes)])).node;
}

/** NodeProto: 1 input, 2 output, 4 op_type, 5 attribute, 7 domain. AttributeProto: 1 name, 3 i, 4 s, 5 t, 6 g, 8 ints, 11 graphs. */
function nodeOf(bytes: Uint8Array): { readonly node: GraphNode; readonly value: Uint8Array | null } {
  const texts = new Map<number, string[]>([1, 2, 4, 7].map((field) => [field, []]));
  const numbers = new Map<string, readonly number[]>();
  const attributes = new Set<string>();
  let value: Uint8Array | null = null;
  let hasGraphs = false;
  for (const { field, body } of fieldsOf(bytes)) {
    if (body === null) continue;
    texts.get(field)?.push(textOf(body));
    if (field !== 5) continue;
    const name = textOf(inside(body, 1));
    // PyTorch writes it with its default, which is as good as nothing.
    if (name === "auto_pad" && textOf(inside(body, 4)) === "NOTSET") continue;
    attributes.add(name);
    const whole = [...numbersOf(body, 3), ...numbersOf(body, 8)];
    if (whole.length > 0) numbers.set(name, whole);
    if (name === "value") value = inside(body, 5);
    hasGraphs ||= inside(body, 6).length + inside(body, 11).length > 0;
  }
  const [op = ""] = texts.get(4) ?? [];
  const [domain = ""] = texts.get(7) ?? [];
  const [inputs = [], outputs = []] = [texts.get(1), texts.get(2)];
  return { node: { op, domain, inputs, outputs, numbers, attributes, hasGraphs, bytes }, value };
}

/** OperatorSetIdProto: 1 domain, 2 version. */
function opsetOf(bytes: Uint8Array): number {
  const sets = [...fieldsOf(bytes)].flatMap(({ field, body }) => (field === 8 && body !== null ? [body] : []));
  const own = sets.find((set) => ["", "ai.onnx"].includes(textOf(inside(set, 1))));
  return own === undefined ? 0 : (numbersOf(own, 2)[0] ?? 0);
}

/** TensorProto: 7 int64_data, 9 raw_data. */
function integersOf(tensor: Uint8Array): number[] {
  const raw = inside(tensor, 9);
  if (raw.length === 0) return numbersOf(tensor, 7);
  const view = new DataView(raw.buffer, raw.byteOffset, raw.byteLength);
  return Array.from({ length: Math.floor(raw.length / 8) }, (_, n) => Number(view.getBigInt64(8 * n, true)));
}
