import { PipelineError } from "#src/core/errors.js";

/** A float tensor that goes in or out of a network: dimensions by number, or null where they are open. */
export interface OnnxTensor {
  readonly name: string;
  readonly shape: readonly (number | null)[];
}

/** What an ONNX file says about the network in it. */
export interface OnnxFacts {
  readonly inputs: readonly OnnxTensor[];
  readonly outputs: readonly OnnxTensor[];
  /** Values in all initializers of floating-point type. */
  readonly parameters: number;
}

/** TensorProto.DataType: float, float16, double, bfloat16. */
const FLOATS: ReadonlySet<number> = new Set([1, 10, 11, 16]);
const WIRE = { varint: 0, fixed64: 1, bytes: 2, fixed32: 5 } as const;

/**
 * Reads inputs, outputs and the number of parameters from an ONNX file (onnx.proto: ModelProto 7 graph; GraphProto 5
 * initializer, 11 input, 12 output). Tensors are counted by their dimensions and not decoded.
 *
 * @throws {PipelineError} `ModelInvalid` for bytes that are no ONNX model
 */
export function readOnnxFacts(bytes: Uint8Array): OnnxFacts {
  const graph = [...fieldsOf(bytes)].find(({ field, body }) => field === 7 && body !== null)?.body;
  if (!graph) throw broken("without a graph");
  const inputs: OnnxTensor[] = [];
  const outputs: OnnxTensor[] = [];
  const constants = new Set<string>();
  let parameters = 0;
  for (const { field, body } of fieldsOf(graph)) {
    if (body === null) continue;
    if (field === 5) {
      const { name, values } = initializerOf(body);
      constants.add(name);
      parameters += values;
    } else if (field === 11) inputs.push(tensorOf(body));
    else if (field === 12) outputs.push(tensorOf(body));
  }
  return { inputs: inputs.filter(({ name }) => !constants.has(name)), outputs, parameters };
}

/** TensorProto: 1 dims (packed or not), 2 data_type, 8 name. */
function initializerOf(body: Uint8Array): { readonly name: string; readonly values: number } {
  let name = "";
  let values = 1;
  let type = 0;
  for (const { field, value, body: inner } of fieldsOf(body)) {
    if (field === 1) for (const dim of inner === null ? [value] : packed(inner)) values *= dim;
    else if (field === 2) type = value;
    else if (field === 8 && inner !== null) name = text(inner);
  }
  return { name, values: FLOATS.has(type) ? values : 0 };
}

/** ValueInfoProto: 1 name, 2 type { 1 tensor { 2 shape { 1 dim { 1 number, 2 symbol } } } }. */
function tensorOf(body: Uint8Array): OnnxTensor {
  const name = inside(body, 1);
  const shape = inside(inside(inside(body, 2), 1), 2);
  const dims = [...fieldsOf(shape)].filter(({ field, body: dim }) => field === 1 && dim !== null);
  return {
    name: text(name),
    shape: dims.map(({ body: dim }) => {
      const known = [...fieldsOf(dim ?? new Uint8Array())].find(
        ({ field, body: symbol }) => field === 1 && symbol === null,
      );
      return known && known.value > 0 ? known.value : null;
    }),
  };
}

/** The bytes of a message's field; empty where it is missing. */
function inside(body: Uint8Array, wanted: number): Uint8Array {
  return (
    [...fieldsOf(body)].find(({ field, body: inner }) => field === wanted && inner !== null)?.body ?? new Uint8Array()
  );
}

interface Field {
  readonly field: number;
  readonly value: number;
  /** Null where the field is a number. */
  readonly body: Uint8Array | null;
}

/** Fields of a protobuf message, one after the other. */
function* fieldsOf(bytes: Uint8Array): Generator<Field> {
  const reader = { at: 0 };
  while (reader.at < bytes.length) {
    const tag = varint(bytes, reader);
    const field = Math.floor(tag / 8);
    const wire = tag % 8;
    if (wire === WIRE.varint) yield { field, value: varint(bytes, reader), body: null };
    else {
      const length =
        wire === WIRE.bytes ? varint(bytes, reader) : wire === WIRE.fixed64 ? 8 : wire === WIRE.fixed32 ? 4 : -1;
      if (length < 0 || reader.at + length > bytes.length) throw broken("that ends within a field");
      const body = bytes.subarray(reader.at, reader.at + length);
      reader.at += length;
      yield { field, value: 0, body: wire === WIRE.bytes ? body : new Uint8Array() };
    }
  }
}

function varint(bytes: Uint8Array, reader: { at: number }): number {
  let value = 0;
  for (let shift = 0; shift < 10; shift++) {
    const byte = bytes[reader.at++];
    if (byte === undefined) throw broken("that ends within a number");
    value += (byte & 0x7f) * 2 ** (7 * shift);
    if (byte < 0x80) return value;
  }
  throw broken("with a number of more than ten bytes");
}

function* packed(bytes: Uint8Array): Generator<number> {
  const reader = { at: 0 };
  while (reader.at < bytes.length) yield varint(bytes, reader);
}

const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);

function broken(what: string): PipelineError {
  return new PipelineError("ModelInvalid", `the network is a file ${what}, expected an ONNX model`);
}
