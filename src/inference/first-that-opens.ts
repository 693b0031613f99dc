import { PipelineError } from "#src/core/errors.js";
import type { RunGraph } from "./cpu-graph.js";

/** A network as it was made to be run, and, as long as that was not seen to open, as it came. */
export class FirstThatOpens<T extends { close(): Promise<void> }> {
  readonly #ready: (graph: RunGraph) => T;
  #current: T;
  #before: RunGraph | null;

  /**
   * @param before null where it is run as it came
   * @param ready makes of a graph what can be used
   */
  constructor(made: RunGraph, before: RunGraph | null, ready: (graph: RunGraph) => T) {
    this.#ready = ready;
    this.#current = ready(made);
    this.#before = before;
  }

  get current(): T {
    return this.#current;
  }

  /** @throws what `use` does, but for `ModelInvalid` where there is another one to use */
  async use<Result>(use: (one: T) => Promise<Result>): Promise<Result> {
    const one = this.#current;
    try {
      const result = await use(one);
      if (one === this.#current) this.#before = null;
      return result;
    } catch (error) {
      if (!(error instanceof PipelineError) || error.code !== "ModelInvalid") throw error;
      // Of several uses under way the first that is refused changes it for all.
      if (one === this.#current) {
        if (this.#before === null) throw error;
        this.#current = this.#ready(this.#before);
        this.#before = null;
        await one.close();
      }
      return this.use(use);
    }
  }
}
