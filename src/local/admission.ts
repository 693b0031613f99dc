import type { ResultId } from "#src/core/ids.js";

/** A stage of one task, as it asks to run in this process. */
export interface AskedStage {
  /** What it works for: two uploads may hold the same images. */
  readonly identity: ResultId;
  /** What it is predicted to hold at its peak. */
  readonly memoryMiB: number;
  /** What its task is predicted to hold in the worker process, which may segment another one meanwhile. */
  readonly besideMiB: number;
}

interface Waiting {
  readonly asked: AskedStage;
  readonly begin: () => void;
}

/**
 * Which stages run beside each other in this process, of all scans that are under way: as many as the memory takes, but
 * always one; and of one result only one, so that what a stage has made for one upload is found, and not made again
 * beside it, by that of another with the same images.
 */
export class Admission {
  readonly #memoryMiB: number;
  readonly #running = new Set<AskedStage>();
  readonly #waiting = new Set<Waiting>();
  /** What is held between stages. */
  readonly #aside = new Set<AskedStage>();

  /** @param memoryMiB of both processes of a run */
  constructor(memoryMiB: number) {
    this.#memoryMiB = memoryMiB;
  }

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

  /**
   * Sets memory aside for what will be held until a stage of this result begins.
   *
   * @returns gives it back; null where what runs leaves too little
   */
  setAside(asked: AskedStage): (() => void) | null {
    if (this.#memoryWith(asked) > this.#memoryMiB) return null;
    this.#aside.add(asked);
    return () => {
      this.#aside.delete(asked);
      this.#admit();
    };
  }

  /** Those that may begin, in the order in which they came: one that needs much is not passed by, or it would never run. */
  #admit(): void {
    for (const one of this.#waiting) {
      if ([...this.#running].some(({ identity }) => identity === one.asked.identity)) continue;
      if (!this.#fits(one.asked)) return;
      this.#waiting.delete(one);
      this.#running.add(one.asked);
      one.begin();
    }
  }

  #fits(asked: AskedStage): boolean {
    if (this.#running.size + this.#aside.size === 0) return true;
    return this.#memoryWith(asked) <= this.#memoryMiB;
  }

  /** Of both processes, in MiB. */
  #memoryWith(asked: AskedStage): number {
    const together = [...this.#running, ...this.#aside, asked];
    const here = together.reduce((sum, { memoryMiB }) => sum + memoryMiB, 0);
    return here + Math.max(...together.map(({ besideMiB }) => besideMiB));
  }
}
