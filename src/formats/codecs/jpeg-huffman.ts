/** Codes of up to 16 bits by their first bits: `symbol | length << 8` for all 65,536 beginnings, 0 where none fits. */
export type HuffmanTable = Uint16Array;

/**
 * A Huffman table from the number of codes of each length and their symbols (ITU-T T.81 annex C).
 *
 * @param counts 16 numbers
 * @returns null when there are more codes than their lengths allow
 */
export function huffmanTable(counts: Uint8Array, symbols: Uint8Array): HuffmanTable | null {
  const table = new Uint16Array(65_536);
  let code = 0;
  let at = 0;
  for (let length = 1; length <= 16; length++) {
    const span = 1 << (16 - length);
    for (let n = counts[length - 1] ?? 0; n > 0; n--) {
      if (code + span > 65_536) return null;
      table.fill((symbols[at++] ?? 0) | (length << 8), code, code + span);
      code += span;
    }
  }
  return table;
}

/**
 * Reads entropy-coded bytes bit by bit: stuffed zeros are passed over, restart markers are found by `restart`. Past
 * the end it gives zeros and counts them, so that a cut file ends in an error and not in a loop.
 */
export class JpegBits {
  readonly #data: Uint8Array;
  #at = 0;
  #buffer = 0;
  #held = 0;
  /** Bytes that were asked for beyond the data. */
  missing = 0;

  constructor(data: Uint8Array) {
    this.#data = data;
  }

  #fill(): void {
    const data = this.#data;
    while (this.#held <= 16) {
      let byte = 0;
      if (this.#at < data.length) {
        byte = data[this.#at] ?? 0;
        if (byte === 0xff) {
          if (data[this.#at + 1] === 0) this.#at += 2;
          else {
            // A marker: nothing is read beyond it before `restart`.
            byte = 0;
            this.missing++;
          }
        } else this.#at++;
      } else this.missing++;
      this.#buffer = ((this.#buffer << 8) | byte) & 0xff_ffff;
      this.#held += 8;
    }
  }

  /** The next symbol; -1 where the bits are no code. */
  symbol(table: HuffmanTable): number {
    if (this.#held < 16) this.#fill();
    const entry = table[(this.#buffer >>> (this.#held - 16)) & 0xffff] ?? 0;
    if (entry === 0) return -1;
    this.#held -= entry >>> 8;
    return entry & 0xff;
  }

  /** The next `count` bits, at most 16, as a number. */
  bits(count: number): number {
    if (count === 0) return 0;
    if (this.#held < count) this.#fill();
    this.#held -= count;
    return (this.#buffer >>> this.#held) & ((1 << count) - 1);
  }

  /** A difference of `size` bits: negative numbers are one's complements (T.81 F.2.2.1, EXTEND). */
  difference(size: number): number {
    const value = this.bits(size);
    return size > 0 && value < 1 << (size - 1) ? value - (1 << size) + 1 : value;
  }

  /** Goes on after the next restart marker; without one, at the end. */
  restart(): void {
    // What was looked at beyond the end of an interval is no loss.
    if (this.missing <= 4) this.missing = 0;
    this.#held = 0;
    this.#buffer = 0;
    const data = this.#data;
    for (; this.#at < data.length; this.#at++) {
      const next = data[this.#at + 1] ?? 0;
      if (data[this.#at] === 0xff && next >= 0xd0 && next <= 0xd7) {
        this.#at += 2;
        return;
      }
    }
  }
}
