import type { Answer, Tensor } from "./network-session.js";
import type { ThreadNetwork } from "./network-thread.js";
import type { NetworkThreads } from "./network-threads.js";
import type { OwnSession } from "./own-session.js";

/** A network that runs in this thread or in others: this one has a session only while its runs do not go to the others. */
export class SharedNetwork {
  readonly #own: OwnSession;
  readonly #network: ThreadNetwork;
  readonly #threads: NetworkThreads;

  constructor(own: OwnSession, network: ThreadNetwork, threads: NetworkThreads) {
    this.#own = own;
    this.#network = network;
    this.#threads = threads;
  }

  /** In this thread. @throws {PipelineError} as `OwnSession.run` */
  run(input: Tensor): Promise<Answer> {
    return this.#own.run(input);
  }

  /** In another one. @throws {PipelineError} as `OwnSession.run` */
  async runBeside(input: Tensor): Promise<Answer> {
    await this.#own.closeNetwork();
    return this.#own.withHead(await this.#threads.run(this.#network, input));
  }

  /** Opens now what the first of so many runs at once would wait for. @throws {PipelineError} as `OwnSession.open` */
  async ready(runs: number): Promise<void> {
    // Threads that are there make single runs too (`atMost`).
    if (runs === 1 && !this.#threads.areStarted) return this.#own.ready();
    await this.#threads.open(this.#network, runs);
    await this.#own.readyHead();
  }

  async close(): Promise<void> {
    await this.#threads.forget(this.#network.key);
    await this.#own.close();
  }
}
