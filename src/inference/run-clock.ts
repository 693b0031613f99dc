import type { Answer, NetworkSession, Tensor } from "./network-session.js";

/** Counts the runs of networks, and how long at least one, or a head, was under way: what goes on beside each other counts once. */
export class RunClock {
  #runs = 0;
  #underWay = 0;
  #since = 0;
  #milliseconds = 0;

  get runs(): number {
    return this.#runs;
  }

  /** Seconds in which at least one run, or a head, was under way. */
  get seconds(): number {
    return this.#milliseconds / 1000;
  }

  /** The same session; its runs are counted and timed. */
  timed(session: NetworkSession): NetworkSession {
    const { beside, run, close } = session;
    const timedRun = (one: (input: Tensor) => Promise<Answer>) => async (input: Tensor) => {
      this.#runs++;
      const answer = await this.#time(() => one(input));
      const { head } = answer;
      if (head === undefined) return answer;
      return { ...answer, head: { ...head, run: (part: Tensor) => this.#time(() => head.run(part)) } };
    };
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
      if (--this.#underWay === 0) this.#milliseconds += performance.now() - this.#since;
    }
  }
}
