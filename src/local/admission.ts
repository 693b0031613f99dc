import type { ResultId } from "#src/core/ids.js";

/** A stage of one task, as it asks to run in this process. */
export interface AskedStage {
  /** What it works for: two uploads may hold the same images. */
  readonly identity: ResultId;
}

interface Waiting {
  readonly asked: AskedStage;
  readonly begin: () => void;
}

/**
 * Which stages run beside each other in this process, of all scans that are under way: of one result only one, so that
 * what a stage has made for one upload is found, and not made again beside it, by that of another with the same images.
 */
export class Admission {
  readonly #running = new Set<AskedStage>();
  readonly #waiting = new Set<Waiting>();

  /** Runs `work` once it may. Resolves and rejects as it does. */
  async run<T>(asked: AskedStage, work: () => Promise<T>): Promise<T> {
    await new Promise<void>((resolve) => {
      this.#waiting.add({ asked, begin: resolve });
      this.#admit();
    });
    try {
      return await work();
    } finally {
      this.#running.delete(asked);
      this.#admit();
    }
  }

  /** Those that may begin, in the order in which they came. */
  #admit(): void {
    for (const one of this.#waiting) {
      if ([...this.#running].some(({ identity }) => identity === one.asked.identity)) continue;
      this.#waiting.delete(one);
      this.#running.add(one.asked);
      one.begin();
    }
  }
}
