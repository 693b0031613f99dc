/** What is told of tiles: how many are done, and how many seconds those that are left will take. */
export interface TileProgress {
  readonly done: number;
  readonly of: number;
  readonly secondsLeft: number;
}

interface Mark {
  readonly done: number;
  readonly seconds: number;
}

/**
 * Tells how long the tiles of a network will take by those that are done: on a machine of unknown speed, or with other
 * work on it, nothing sooner can. The first batch counts only until there is a second one: it is slower, as the network
 * comes by its memory in it. Of several networks one after the other the seconds are added up.
 */
export class TileClock {
  readonly #now: () => number;
  #begun: number;
  #first: Mark | null = null;
  #isPredicted = false;
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
    this.#first = null;
    this.#isPredicted = false;
  }

  /** After each batch of tiles. */
  tell(done: number, of: number): TileProgress {
    const seconds = this.#now() - this.#begun;
    const from = this.#first ?? { done: 0, seconds: 0 };
    const secondsLeft = ((seconds - from.seconds) / (done - from.done)) * (of - done);
    if (!this.#isPredicted && (this.#first !== null || done === of)) {
      this.#predicted += seconds + secondsLeft;
      this.#isPredicted = true;
    }
    this.#first ??= { done, seconds };
    if (done === of) this.#taken += seconds;
    return { done, of, secondsLeft };
  }

  /** Seconds that all tiles were predicted to take after two batches, and those that they took. */
  get facts(): { readonly tileSecondsPredicted: number; readonly tileSeconds: number } {
    return { tileSecondsPredicted: this.#predicted, tileSeconds: this.#taken };
  }
}
