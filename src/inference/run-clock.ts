import type { NetworkSession, Tensor } from "./network-session.js";

/** Counts the runs of networks and the seconds in which at least one was under way. */
export class RunClock {
  #runs = 0;
  #seconds = 0;
  #underWay = 0;
  #since = 0;

  get runs(): number {
    return this.#runs;
  }

  get seconds(): number {
    return this.#seconds;
  }

  /** The same session, its runs counted here. */
  timed({ run, beside, ...session }: NetworkSession): NetworkSession {
    const counted = (one: (input: Tensor) => Promise<Tensor>) => (input: Tensor) => this.#count(() => one(input));
    return { ...session, run: counted(run), ...(beside && { beside: { ...beside, run: counted(beside.run) } }) };
  }

  async #count(run: () => Promise<Tensor>): Promise<Tensor> {
    if (this.#underWay++ === 0) this.#since = performance.now();
    try {
      return await run();
    } finally {
      this.#runs++;
      if (--this.#underWay === 0) this.#seconds += (performance.now() - this.#since) / 1000;
    }
  }
}
