import { PipelineError } from "#src/core/errors.js";

// The wire format of protobuf, as far as ONNX files need it.

const WIRE = { varint: 0, fixed64: 1, bytes: 2, fixed32: 5 } as const;

/** A field of a protobuf message. */
export interface Field {
  readonly field: number;
  /** 0 where the field is not a varint. */
  readonly value: number;
  /** Null where the field is a varint; empty for a fixed number. */
  readonly body: Uint8Array | null;
  /** The field as it lies in the message, its tag included. */
  readonly bytes: Uint8Array;
}

/** Fields of a message, one after the other. @throws {PipelineError} `ModelInvalid` where it ends too early */
export function* fieldsOf(bytes: Uint8Array): Generator<Field> {
  const reader = { at: 0 };
  while (reader.at < bytes.length) {
    const start = reader.at;
    const tag = varint(bytes, reader);
    const field = Math.floor(tag / 8);
    const wire = tag % 8;
    if (wire === WIRE.varint) {
      const value = varint(bytes, reader);
      yield { field, value, body: null, bytes: bytes.subarray(start, reader.at) };
      continue;
    }
    const length =
      wire === WIRE.bytes ? varint(bytes, reader) : wire === WIRE.fixed64 ? 8 : wire === WIRE.fixed32 ? 4 : -1;
    if (length < 0 || reader.at + length > bytes.length) throw broken("that ends within a field");
    const body = bytes.subarray(reader.at, reader.at + length);
    reader.at += length;
    const inner = wire === WIRE.bytes ? body : new Uint8Array();
    yield { field, value: 0, body: inner, bytes: bytes.subarray(start, reader.at) };
  }
}

/** The bytes of a message's field; empty where it is missing. */
export function inside(body: Uint8Array, wanted: number): Uint8Array {
  return (
    [...fieldsOf(body)].find(({ field, body: inner }) => field === wanted && inner !== null)?.body ?? new Uint8Array()
  );
}

/** Numbers of a field that may be repeated, packed into one field or not. */
export function numbersOf(body: Uint8Array, wanted: number): number[] {
  return [...fieldsOf(body)]
    .filter(({ field }) => field === wanted)
    .flatMap(({ value, body: inner }) => (inner === null ? [value] : [...packed(inner)]));
}

export const textOf = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);

export function broken(what: string): PipelineError {
  return new PipelineError("ModelInvalid", `the network is a file ${what}, expected an ONNX model`);
}

function* packed(bytes: Uint8Array): Generator<number> {
  const reader = { at: 0 };
  while (reader.at < bytes.length) yield varint(bytes, reader);
}

/** A whole number; a negative one (int64) lies there as 2^64 more. */
function varint(bytes: Uint8Array, reader: { at: number }): number {
  let low = 0;
  let high = 0n;
  for (let shift = 0; shift < 10; shift++) {
    const byte = bytes[reader.at++];
    if (byte === undefined) throw broken("that ends within a number");
    // Seven bytes are exact in a number; beyond them the sign may be.
    if (shift < 7) low += (byte & 0x7f) * 2 ** (7 * shift);
    else high |= BigInt(byte & 0x7f) << BigInt(7 * shift);
    if (byte < 0x80) return high === 0n ? low : Number(BigInt.asIntN(64, high | BigInt(low)));
  }
  throw broken("with a number of more than ten bytes");
}
