import type { Graph } from "#src/model/onnx/graph.js";
import type { OnnxConstant } from "#src/model/onnx/write.js";

/** Names and constants of what is added to a graph. */
export class GraphParts {
  readonly constants: OnnxConstant[] = [];
  readonly #known = new Map<string, string>();
  readonly #prefix: string;
  #made = 0;

  constructor({ names }: Graph) {
    let prefix = "planar";
    while ([...names].some((name) => name.startsWith(prefix))) prefix += "_";
    this.#prefix = prefix;
  }

  /** A name that nothing else has. */
  name(): string {
    return `${this.#prefix}${this.#made++}`;
  }

  integers(...values: readonly number[]): string {
    return this.#constant([values.length], BigInt64Array.from(values, BigInt));
  }

  integer(value: number): string {
    return this.#constant([], BigInt64Array.of(BigInt(value)));
  }

  /** [1, 1, 1, rows, 1]: ones, and zeros from a row on. */
  rowMask(rows: number, zeroFrom: number): string {
    return this.#constant([1, 1, 1, rows, 1], new Float32Array(rows).fill(1, 0, zeroFrom));
  }

  #constant(dims: readonly number[], values: BigInt64Array | Float32Array): string {
    const key = `${dims.length}:${values.constructor.name}:${values.join()}`;
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const name = this.name();
    this.constants.push({ name, dims, values });
    this.#known.set(key, name);
    return name;
  }
}
