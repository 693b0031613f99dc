import type { GraphNode, Shape } from "#src/model/onnx/graph.js";
import type { OnnxNode } from "#src/model/onnx/write.js";
import type { GraphParts } from "./graph-parts.js";

/** A tensor [N, C, Z, Y, X] with rows below each slice, of zeros or of numbers that mean nothing. */
interface Form {
  readonly name: string;
  readonly isZero: boolean;
}

/**
 * The tensors of a graph that there are with rows below each slice, while its nodes are gone through in their order. One
 * that is asked for in a form in which it is not there is made of another one.
 */
export class PaddedRows {
  /** What has to run for the node at hand, it included. */
  made: (OnnxNode | GraphNode)[] = [];
  readonly #parts: GraphParts;
  readonly #gap: number;
  readonly #shapes: ReadonlyMap<string, Shape>;
  readonly #forms = new Map<string, Form>();
  /** Tensors that there are only with rows below. */
  readonly #onlyPadded = new Set<string>();

  /** @param gap rows below each slice */
  constructor(parts: GraphParts, gap: number, shapes: ReadonlyMap<string, Shape>) {
    this.#parts = parts;
    this.#gap = gap;
    this.#shapes = shapes;
  }

  step(
    op: string,
    inputs: readonly string[],
    attributes?: OnnxNode["attributes"],
    output = this.#parts.name(),
  ): string {
    this.made.push({ op, inputs, outputs: [output], ...(attributes && { attributes }) });
    return output;
  }

  /** With rows of whatever below; undefined where there is no such form. */
  padded(tensor: string): Form | undefined {
    return this.#forms.get(tensor);
  }

  /** With rows of zeros below. */
  zeroPadded(tensor: string): string {
    const form = this.#forms.get(tensor);
    if (form?.isZero) return form.name;
    const name = form
      ? this.step("Mul", [form.name, this.mask(tensor)])
      : this.step("Pad", [tensor, this.#parts.integers(0, 0, 0, 0, 0, 0, 0, 0, this.#gap, 0)]);
    this.#forms.set(tensor, { name, isZero: true });
    return name;
  }

  /** Makes the tensor as it was, under its own name, where a node needs it. */
  plain(tensor: string): void {
    const form = this.#forms.get(tensor);
    if (!form || !this.#onlyPadded.delete(tensor)) return;
    this.withoutRows(form.name, tensor);
  }

  /** Cuts the rows off a tensor that has the rows of `tensor`, or lengths of 1 along other axes. */
  withoutRows(padded: string, tensor: string, output = tensor): void {
    const { integers } = this.#parts;
    const cut = [[0], [this.#rows(tensor)], [3]].map((values) => integers.apply(this.#parts, values));
    this.step("Slice", [padded, ...cut], undefined, output);
  }

  /** Says that a tensor is there with rows below alone. */
  set(tensor: string, name: string, isZero: boolean): void {
    this.#forms.set(tensor, { name, isZero });
    this.#onlyPadded.add(tensor);
  }

  /** [1, 1, 1, Y, 1]: zero in the rows below. */
  mask(tensor: string): string {
    return this.#parts.rowMask(this.#rows(tensor) + this.#gap, this.#rows(tensor));
  }

  #rows(tensor: string): number {
    return this.#shapes.get(tensor)?.[3] ?? 0;
  }
}
