import type { Answer, NetworkSession, Tensor } from "./network-session.js";

/** Threads that are not there yet cost about so much to start: programs are loaded, and sessions opened. */
const START_SECONDS = 0.5;
/** Up to this size of an answer one may wait while another is added, so that no thread waits. */
const WAITING_BYTES = 2 ** 26;

/** Whether so many seconds of runs, one after the other, are worth the start of threads. */
export function isWorthThreads(seconds: number): boolean {
  return seconds > START_SECONDS;
}

/** Runs that may be under way at once in so many threads. */
export function runsUnderWay(workers: number, answerBytes: number): number {
  return answerBytes > WAITING_BYTES ? workers : workers + 1;
}

/**
 * Where the runs of a scan are made: in this thread one by one, or beside each other in threads, where there are some and
 * what is left is worth their start. The bytes are the same.
 */
export class RunPlaces {
  readonly #workers: number;
  readonly #answerBytes: number;
  #left: number;
  #isBeside: boolean;

  /**
   * @param runs of all sessions together
   * @param answerBytes of a run
   */
  constructor(sessions: readonly NetworkSession[], runs: number, answerBytes: number) {
    this.#answerBytes = answerBytes;
    this.#workers = Math.min(runs, ...sessions.map(({ beside }) => beside?.workers ?? 1));
    this.#left = runs;
    // A single run too: its network may be open there already.
    this.#isBeside = sessions.every(({ beside }) => beside?.isStarted());
  }

  /** Runs that may be under way at once. */
  get width(): number {
    return this.#isBeside ? runsUnderWay(this.#workers, this.#answerBytes) : 1;
  }

  /** @throws {PipelineError} as a session's `run` */
  async run(session: NetworkSession, input: Tensor): Promise<Answer> {
    if (this.#isBeside) return (session.beside ?? session).run(input);
    const started = performance.now();
    const answer = await session.run(input);
    const seconds = (performance.now() - started) / 1000;
    this.#left--;
    this.#isBeside = this.#workers > 1 && this.#left > 1 && isWorthThreads(this.#left * seconds);
    return answer;
  }
}
