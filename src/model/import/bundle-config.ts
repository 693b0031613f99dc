import { PipelineError } from "#src/core/errors.js";
import { evaluateExpression } from "./bundle-expression.js";

type Json = Readonly<Record<string, unknown>>;

/** References may lead to references this many times; more are a circle. */
const LONGEST_CHAIN = 32;

/**
 * The values of a MONAI bundle's `inference.json`, resolved when they are asked for and not before: what the import
 * does not need (devices, data loaders, handlers) may be any Python.
 *
 * `@a#b` is the value at that path (`#` or `::` between its parts, indices for lists), `$…` an expression as
 * `evaluateExpression` reads it, `%…` a macro, which is refused.
 */
export class BundleConfig {
  readonly #root: Json;

  /** @param changes values that replace those of the file, by path (MONAI's `--preprocessing#transforms#3#mode nearest`) */
  constructor(root: Json, changes: Readonly<Record<string, unknown>> = {}) {
    const copy = structuredClone(root) as Record<string, unknown>;
    for (const [path, value] of Object.entries(changes)) put(copy, path, value);
    this.#root = copy;
  }

  has(path: string): boolean {
    return this.#find(path) !== undefined;
  }

  /**
   * The value at a path, with all that it refers to.
   *
   * @throws {PipelineError} `ModelInvalid` for what is not there, a circle, a macro or an expression that is not read
   */
  get(path: string): unknown {
    return this.#at(path, 0);
  }

  #at(path: string, depth: number): unknown {
    const found = this.#find(path);
    if (found === undefined) throw new PipelineError("ModelInvalid", `the bundle's inference.json has no ${path}`);
    return this.#resolve(found, depth);
  }

  #resolve(value: unknown, depth: number): unknown {
    if (depth > LONGEST_CHAIN) {
      throw new PipelineError("ModelInvalid", "references of the bundle's inference.json lead in a circle");
    }
    if (Array.isArray(value)) return value.map((item) => this.#resolve(item, depth + 1));
    if (typeof value === "object" && value !== null) {
      return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, this.#lazily(key, item, depth)]));
    }
    if (typeof value !== "string") return value;
    if (value.startsWith("%")) {
      throw new PipelineError("ModelInvalid", `the bundle has the macro "${value.slice(0, 60)}", which is not read`);
    }
    if (value.startsWith("@")) return this.#at(value.slice(1), depth + 1);
    if (value.startsWith("$")) {
      return evaluateExpression(value.slice(1), (reference) => this.#at(reference, depth + 1));
    }
    return value;
  }

  /** Arguments that say where or on what something runs, or that point back at the whole, stay as they are written. */
  #lazily(key: string, value: unknown, depth: number): unknown {
    return UNREAD.has(key) ? value : this.#resolve(value, depth + 1);
  }

  #find(path: string): unknown {
    let at: unknown = this.#root;
    for (const part of path.split(/#|::/)) {
      if (typeof at !== "object" || at === null || !Object.hasOwn(at, part)) return undefined;
      at = (at as Json)[part];
    }
    return at;
  }
}

/** Arguments of transforms and inferers without an effect on the values. */
const UNREAD: ReadonlySet<string> = new Set([
  "device",
  "sw_device",
  "transform",
  "output_dir",
  "data_root_dir",
  "output_dtype",
  "dtype",
  "reader",
  "meta_keys",
  "func",
]);

function put(root: Record<string, unknown>, path: string, value: unknown): void {
  const parts = path.split(/#|::/);
  const last = parts.pop() ?? "";
  let at: unknown = root;
  for (const part of parts) at = typeof at === "object" && at !== null ? (at as Json)[part] : undefined;
  if (typeof at !== "object" || at === null) {
    throw new PipelineError("ModelInvalid", `the bundle's inference.json has no ${path}, expected a value to replace`);
  }
  (at as Record<string, unknown>)[last] = value;
}
