// A writer of ONNX files (protobuf, onnx.proto of ONNX 1.12: IR version 8, operators of version 17), as far as the
// graph of the CRF needs it.

type Bytes = readonly number[];

const FLOAT = 1;
const INT64 = 7;
const BOOL = 9;

/** A part of a graph: operator, names of its inputs and outputs, attributes. */
export interface OnnxNode {
  readonly op: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes?: Readonly<Record<string, number | readonly number[] | OnnxGraph>>;
}

/** A named tensor that a graph brings with it: whole numbers or floats. No dimensions for a scalar. */
export interface OnnxConstant {
  readonly name: string;
  readonly dims: readonly number[];
  readonly values: Float32Array | BigInt64Array;
}

/** A tensor that goes into or out of a graph; without dimensions where they are left open. */
interface OnnxValue {
  readonly name: string;
  readonly type: "float" | "int64" | "bool";
  readonly dims?: readonly number[];
}

export interface OnnxGraph {
  readonly nodes: readonly OnnxNode[];
  readonly constants: readonly OnnxConstant[];
  readonly inputs: readonly OnnxValue[];
  readonly outputs: readonly OnnxValue[];
}

/** The bytes of a file with one graph. */
export function onnxFile(graph: OnnxGraph): Uint8Array {
  return Uint8Array.from([...number(1, 8), ...message(7, graphBytes(graph)), ...message(8, number(2, 17))]);
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

function nodeBytes({ op, inputs, outputs, attributes }: OnnxNode): Bytes {
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

function constantBytes({ name, dims, values }: OnnxConstant): Bytes {
  const raw = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  const type = values instanceof Float32Array ? FLOAT : INT64;
  return [...dims.flatMap((dim) => number(1, dim)), ...number(2, type), ...text(8, name), ...message(9, [...raw])];
}

function valueBytes({ name, type, dims }: OnnxValue): Bytes {
  const element = number(1, { float: FLOAT, int64: INT64, bool: BOOL }[type]);
  const shape =
    dims === undefined
      ? []
      : message(
          2,
          dims.flatMap((dim) => message(1, number(1, dim))),
        );
  return [...text(1, name), ...message(2, message(1, [...element, ...shape]))];
}

function varint(value: number): Bytes {
  const out: number[] = [];
  let rest = value;
  while (rest >= 0x80) {
    out.push((rest % 0x80) | 0x80);
    rest = Math.floor(rest / 0x80);
  }
  return [...out, rest];
}

function number(field: number, value: number): Bytes {
  return [...varint(field * 8), ...varint(value)];
}

function message(field: number, body: Bytes): Bytes {
  return [...varint(field * 8 + 2), ...varint(body.length), ...body];
}

function text(field: number, value: string): Bytes {
  return message(field, [...new TextEncoder().encode(value)]);
}
