import type { Answer, NetworkSession, Tensor } from "./network-session.js";

/** Counts the runs of networks, and how long at least one was under way: runs beside each other count once. */
export class RunClock {
  #runs = 0;
  #underWay = 0;
  #since = 0;
  #milliseconds = 0;

  get runs(): number {
    return this.#runs;
  }

  /** Seconds in which at least one run was under way. */
  get seconds(): number {
    return this.#milliseconds / 1000;
  }

  /** The same session; its runs are counted and timed. */
  timed(session: NetworkSession): NetworkSession {
    const { beside, run, close } = session;
    const timedRun = (one: (input: Tensor) => Promise<Answer>) => (input: Tensor) => this.#time(() => one(input));
    return {
      run: timedRun(run.bind(session)),
      close: close.bind(session),
      ...(beside && { beside: { ...beside, run: timedRun(beside.run) } }),
    };
  }

  async #time<T>(run: () => Promise<T>): Promise<T> {
    if (this.#underWay++ === 0) this.#since = performance.now();
    try {
      return await run();
    } finally {
      this.#runs++;
      if (--this.#underWay === 0) this.#milliseconds += performance.now() - this.#since;
    }
  }
}
