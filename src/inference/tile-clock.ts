/** What is told of tiles: how many are done, and how many seconds those that are left will take. */
export interface TileProgress {
  readonly done: number;
  readonly of: number;
  readonly secondsLeft: number;
}

/**
 * Tells after the first tiles of a network how long all of them will take: on a machine of unknown speed, or with other
 * work on it, nothing sooner can. Of several networks one after the other the seconds are added up.
 */
export class TileClock {
  readonly #now: () => number;
  #begun = 0;
  #isFirst = true;
  #predicted = 0;
  #taken = 0;

  /** @param now seconds of a clock that only goes on */
  constructor(now: () => number = () => performance.now() / 1000) {
    this.#now = now;
    this.#begun = now();
  }

  /** A network is loaded and begins. */
  begin(): void {
    this.#begun = this.#now();
    this.#isFirst = true;
  }

  /** After each batch of tiles. */
  tell(done: number, of: number): TileProgress {
    const seconds = this.#now() - this.#begun;
    if (this.#isFirst) this.#predicted += (seconds / done) * of;
    this.#isFirst = false;
    if (done === of) this.#taken += seconds;
    return { done, of, secondsLeft: (seconds / done) * (of - done) };
  }

  /** Seconds that all tiles were predicted to take after the first ones, and those that they took. */
  get facts(): { readonly tileSecondsByFirst: number; readonly tileSeconds: number } {
    return { tileSecondsByFirst: this.#predicted, tileSeconds: this.#taken };
  }
}
