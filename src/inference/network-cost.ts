import { PipelineError } from "#src/core/errors.js";

/** One operator of a network as it ran: its kind and the shapes of its inputs (data, weights, ...) and its output. */
export interface OperatorRun {
  readonly kind: string;
  readonly inputs: readonly (readonly number[])[];
  readonly output: readonly number[];
}

/**
 * Floating-point operations of one run of a network: two (a product and a sum) for each weight that meets a value, of
 * convolutions, transposed convolutions and matrix products. Activations, normalisation and resizing are not counted,
 * as in the literature's figures.
 *
 * @throws {PipelineError} `ModelInvalid` when an operator came without the shapes that its kind has
 */
export function flopsOf(operators: readonly OperatorRun[]): number {
  return operators.reduce((sum, operator) => sum + 2 * productsOf(operator), 0);
}

function productsOf({ kind, inputs, output }: OperatorRun): number {
  const [data, weights] = inputs;
  const count = KINDS[kind];
  if (count === undefined) return 0;
  if (data === undefined || weights === undefined) {
    throw new PipelineError(
      "ModelInvalid",
      `network ran ${kind} with ${inputs.length} inputs, expected data and weights`,
    );
  }
  return count(data, weights, output);
}

type Count = (data: readonly number[], weights: readonly number[], output: readonly number[]) => number;

/** Products of each kind. Weights of Conv are [out, in / groups, ...kernel], of ConvTranspose [in, out / groups, ...]. */
const KINDS: Readonly<Record<string, Count>> = {
  Conv: (_, weights, output) => size(output) * size(weights.slice(1)),
  ConvTranspose: (data, weights) => size(data) * size(weights.slice(1)),
  MatMul: (data, _, output) => size(output) * (data.at(-1) ?? 0),
  // Either factor may be transposed: what is summed over is in both, and not in the output.
  Gemm: (data, _, output) => size(data) * (output.at(-1) ?? 0),
};

function size(shape: readonly number[]): number {
  return shape.reduce((product, length) => product * length, 1);
}
