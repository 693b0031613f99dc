// A writer of ONNX files (protobuf, onnx.proto of ONNX 1.12: IR version 8, operators of version 17), as far as graphs
// that are made here need it.

/** Bytes in pieces, so that weights are not copied for every message around them. */
export type Bytes = readonly Uint8Array[];

/** TensorProto.DataType. */
const ELEMENT = { float: 1, int64: 7, bool: 9, float16: 10 } as const;

/** A part of a graph: operator, names of its inputs and outputs, attributes. */
export interface OnnxNode {
  readonly op: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes?: Readonly<Record<string, number | readonly number[] | OnnxGraph>>;
}

/** A named tensor that a graph brings with it: whole numbers, floats, or the bits of half floats. A scalar has no dimensions. */
export interface OnnxConstant {
  readonly name: string;
  readonly dims: readonly number[];
  readonly values: Float32Array | BigInt64Array | Uint16Array;
}

/** A tensor that goes into or out of a graph; without dimensions where they are left open, with a name for an open one. */
export interface OnnxValue {
  readonly name: string;
  readonly type: keyof typeof ELEMENT;
  readonly dims?: readonly (number | string)[];
}

export interface OnnxGraph {
  readonly nodes: readonly OnnxNode[];
  readonly constants: readonly OnnxConstant[];
  readonly inputs: readonly OnnxValue[];
  readonly outputs: readonly OnnxValue[];
}

/** The bytes of a file with one graph. */
export function onnxFile(graph: OnnxGraph): Uint8Array {
  return joined([...number(1, 8), ...message(7, graphBytes(graph)), ...message(8, number(2, 17))]);
}

function graphBytes({ nodes, constants, inputs, outputs }: OnnxGraph): Bytes {
  return [
    ...nodes.flatMap((node) => message(1, nodeBytes(node))),
    ...text(2, "graph"),
    ...constants.flatMap((constant) => message(5, constantBytes(constant))),
    ...inputs.flatMap((value) => message(11, valueBytes(value))),
    ...outputs.flatMap((value) => message(12, valueBytes(value))),
  ];
}

/** NodeProto. */
export function nodeBytes({ op, inputs, outputs, attributes }: OnnxNode): Bytes {
  return [
    ...inputs.flatMap((name) => text(1, name)),
    ...outputs.flatMap((name) => text(2, name)),
    ...text(4, op),
    ...Object.entries(attributes ?? {}).flatMap(([name, value]) => message(5, attributeBytes(name, value))),
  ];
}

function attributeBytes(name: string, value: number | readonly number[] | OnnxGraph): Bytes {
  if (typeof value === "number") return [...text(1, name), ...number(3, value), ...number(20, 2)];
  if ("nodes" in value) return [...text(1, name), ...message(6, graphBytes(value)), ...number(20, 5)];
  return [...text(1, name), ...value.flatMap((one) => number(8, one)), ...number(20, 7)];
}

/** TensorProto. */
export function constantBytes({ name, dims, values }: OnnxConstant): Bytes {
  const raw = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  const kind = values instanceof Float32Array ? "float" : values instanceof Uint16Array ? "float16" : "int64";
  return [
    ...dims.flatMap((dim) => number(1, dim)),
    ...number(2, ELEMENT[kind]),
    ...text(8, name),
    ...message(9, [raw]),
  ];
}

/** ValueInfoProto. */
export function valueBytes({ name, type, dims }: OnnxValue): Bytes {
  const element = number(1, ELEMENT[type]);
  const shape =
    dims === undefined
      ? []
      : message(
          2,
          dims.flatMap((dim) => message(1, typeof dim === "number" ? number(1, dim) : text(2, dim))),
        );
  return [...text(1, name), ...message(2, message(1, [...element, ...shape]))];
}

export function joined(parts: Bytes): Uint8Array {
  const out = new Uint8Array(lengthOf(parts));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

const lengthOf = (parts: Bytes): number => parts.reduce((sum, { length }) => sum + length, 0);

/** A negative number is written as 2^64 more. */
function varint(value: number): number[] {
  const out: number[] = [];
  let rest = BigInt.asUintN(64, BigInt(value));
  while (rest >= 0x80n) {
    out.push(Number(rest & 0x7fn) | 0x80);
    rest >>= 7n;
  }
  return [...out, Number(rest)];
}

function number(field: number, value: number): Bytes {
  return [Uint8Array.from([...varint(field * 8), ...varint(value)])];
}

/** A field that is a message, a text or bytes. */
export function message(field: number, body: Bytes): Bytes {
  return [Uint8Array.from([...varint(field * 8 + 2), ...varint(lengthOf(body))]), ...body];
}

function text(field: number, value: string): Bytes {
  return message(field, [new TextEncoder().encode(value)]);
}
