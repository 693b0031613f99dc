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

/** Entropy-coded bytes of a scan without stuffed zeros and markers, and where each restart interval of them ends. */
export interface EntropyBytes {
  readonly bytes: Uint8Array;
  readonly ends: readonly number[];
}

/** A difference of `size` bits: negative numbers are one's complements (T.81 F.2.2.1, EXTEND). */
export function extended(value: number, size: number): number {
  return size > 0 && value < 1 << (size - 1) ? value - (1 << size) + 1 : value;
}

/** Takes stuffed zeros, fill bytes and restart markers out (ITU-T T.81 B.1.1.5). */
export function entropyBytes(data: Uint8Array): EntropyBytes {
  const bytes = new Uint8Array(data.length);
  const ends: number[] = [];
  let to = 0;
  for (let at = 0; at < data.length; at++) {
    const byte = data[at] as number;
    if (byte !== 0xff) {
      bytes[to++] = byte;
      continue;
    }
    const next = data[at + 1] ?? 0xff;
    if (next === 0xff) continue;
    if (next === 0) bytes[to++] = 0xff;
    else ends.push(to);
    at++;
  }
  ends.push(to);
  return { bytes: bytes.subarray(0, to), ends };
}

/**
 * Reads entropy-coded bytes bit by bit. Past the end of a restart interval it gives zeros and counts them, so that a
 * cut file ends in an error and not in a loop.
 */
export class JpegBits {
  readonly #bytes: Uint8Array;
  readonly #ends: readonly number[];
  #interval = 0;
  #end: number;
  #at = 0;
  #buffer = 0;
  #held = 0;
  #missingBefore = 0;

  constructor(data: Uint8Array) {
    const { bytes, ends } = entropyBytes(data);
    this.#bytes = bytes;
    this.#ends = ends;
    this.#end = ends[0] ?? 0;
  }

  /** Bytes that were used beyond the data. */
  get missing(): number {
    return this.#missingBefore + Math.max(0, this.#at - (this.#held >> 3) - this.#end);
  }

  #fill(): void {
    while (this.#held <= 16) {
      const byte = this.#at < this.#end ? (this.#bytes[this.#at] as number) : 0;
      this.#at++;
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

  /** The next `size` bits as a difference. */
  difference(size: number): number {
    return extended(this.bits(size), size);
  }

  /** Goes on after the next restart marker; without one, at the end. */
  restart(): void {
    this.#missingBefore = this.missing;
    this.#held = 0;
    this.#buffer = 0;
    this.#at = this.#end;
    this.#interval++;
    this.#end = this.#ends[this.#interval] ?? this.#end;
  }
}
