import { PipelineError } from "#src/core/errors.js";
import { broken, fieldsOf, inside, numbersOf, textOf } from "./fields.js";

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

/**
 * Reads inputs, outputs and the number of parameters from an ONNX file (onnx.proto: ModelProto 7 graph; GraphProto 5
 * initializer, 11 input, 12 output). Tensors are counted by their dimensions and not decoded.
 *
 * @throws {PipelineError} `ModelInvalid` for bytes that are no ONNX model, and for a network whose weights are in files
 *   beside it: a package has one file for each network
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

/** TensorProto.DataLocation. */
const EXTERNAL = 1;

/** TensorProto: 1 dims, 2 data_type, 8 name, 14 data_location. */
function initializerOf(body: Uint8Array): { readonly name: string; readonly values: number } {
  const [type = 0] = numbersOf(body, 2);
  if (numbersOf(body, 14)[0] === EXTERNAL) {
    const remedy = "expected them inside: onnx.save(onnx.load('in.onnx'), 'out.onnx')";
    throw new PipelineError("ModelInvalid", `the network keeps weights in a file beside it (external data), ${remedy}`);
  }
  const values = numbersOf(body, 1).reduce((product, dim) => product * dim, 1);
  return { name: textOf(inside(body, 8)), values: FLOATS.has(type) ? values : 0 };
}

/** ValueInfoProto: 1 name, 2 type { 1 tensor { 2 shape { 1 dim { 1 number, 2 symbol } } } }. */
export function tensorOf(body: Uint8Array): OnnxTensor {
  const shape = inside(inside(inside(body, 2), 1), 2);
  const dims = [...fieldsOf(shape)].filter(({ field, body: dim }) => field === 1 && dim !== null);
  return {
    name: textOf(inside(body, 1)),
    shape: dims.map(({ body: dim }) => {
      const [known = 0] = numbersOf(dim ?? new Uint8Array(), 1);
      return known > 0 ? known : null;
    }),
  };
}
