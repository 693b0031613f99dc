import type { Answer, NetworkSession, Tensor } from "./network-session.js";

/** Threads that are not there yet cost about so much to start: programs are loaded, and sessions opened. */
const START_SECONDS = 0.5;

/**
 * Where the runs of a scan are made: in this thread one by one, or beside each other in threads, where there are some and
 * what is left is worth their start. The bytes are the same.
 */
export class RunPlaces {
  readonly #workers: number;
  #left: number;
  #isBeside: boolean;

  /** @param runs of all sessions together */
  constructor(sessions: readonly NetworkSession[], runs: number) {
    this.#workers = Math.min(runs, ...sessions.map(({ beside }) => beside?.workers ?? 1));
    this.#left = runs;
    // A single run too: its network may be open there already.
    this.#isBeside = sessions.every(({ beside }) => beside?.isStarted());
  }

  /** Runs that may be under way at once: one more than there are threads, so that none waits while an answer is added. */
  get width(): number {
    return this.#isBeside ? this.#workers + 1 : 1;
  }

  /** @throws {PipelineError} as a session's `run` */
  async run(session: NetworkSession, input: Tensor): Promise<Answer> {
    if (this.#isBeside) return (session.beside ?? session).run(input);
    const started = performance.now();
    const answer = await session.run(input);
    const seconds = (performance.now() - started) / 1000;
    this.#left--;
    this.#isBeside = this.#workers > 1 && this.#left > 1 && this.#left * seconds > START_SECONDS;
    return answer;
  }
}
