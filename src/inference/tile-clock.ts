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

const NOTHING: Mark = { done: 0, seconds: 0 };
/** Batches after which the prediction is kept, to be compared. */
const PREDICTED_AFTER = 4;

/**
 * Tells how long the tiles of a network will take by those that are done: on a machine of unknown speed, or with other
 * work on it, nothing sooner can. The first batch counts only until there is a second one: it is slower, as the network
 * comes by its memory in it. From the fourth on those of the later half count: threads may start with the second. Of
 * several networks one after the other the seconds are added up.
 */
export class TileClock {
  readonly #now: () => number;
  #begun: number;
  #marks: Mark[] = [];
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
    this.#marks = [];
    this.#isPredicted = false;
  }

  /** After each batch of tiles. */
  tell(done: number, of: number): TileProgress {
    const seconds = this.#now() - this.#begun;
    this.#marks.push({ done, seconds });
    const batches = this.#marks.length;
    const from = (batches < 4 ? batches > 1 && this.#marks[0] : this.#marks[(batches >> 1) - 1]) || NOTHING;
    const secondsLeft = ((seconds - from.seconds) / (done - from.done)) * (of - done);
    if (!this.#isPredicted && (batches === PREDICTED_AFTER || done === of)) {
      this.#predicted += seconds + secondsLeft;
      this.#isPredicted = true;
    }
    if (done === of) this.#taken += seconds;
    return { done, of, secondsLeft };
  }

  /** Seconds that all tiles were predicted to take after four batches, and those that they took. */
  get facts(): { readonly tileSecondsPredicted: number; readonly tileSeconds: number } {
    return { tileSecondsPredicted: this.#predicted, tileSeconds: this.#taken };
  }
}
