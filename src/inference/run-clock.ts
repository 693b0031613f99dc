import type { NetworkSession, Tensor } from "./network-session.js";

/** How long networks ran, whatever their number: runs beside each other count once. */
export class RunClock {
  #underWay = 0;
  #since = 0;
  #milliseconds = 0;

  /** Seconds in which at least one run was under way. */
  get seconds(): number {
    return this.#milliseconds / 1000;
  }

  /** The same session; its runs are timed. */
  timed(session: NetworkSession): NetworkSession {
    const { beside, run, close } = session;
    const timedRun = (one: (input: Tensor) => Promise<Tensor>) => (input: Tensor) => this.#time(() => one(input));
    return {
      run: timedRun(run.bind(session)),
      close: close.bind(session),
      ...(beside && { beside: { workers: beside.workers, run: timedRun(beside.run.bind(beside)) } }),
    };
  }

  async #time<T>(run: () => Promise<T>): Promise<T> {
    if (this.#underWay++ === 0) this.#since = performance.now();
    try {
      return await run();
    } finally {
      if (--this.#underWay === 0) this.#milliseconds += performance.now() - this.#since;
    }
  }
}
