import { inflateSync } from "node:zlib";

/**
 * Bytes of a strip or tile in LZW (TIFF 6.0, section 13): codes of 9 to 12 bits, most significant bit first. It ends
 * with its end code or with the bytes.
 *
 * @param limit most bytes that it may unpack to
 * @throws {RangeError} for a code that stands for nothing yet, or more bytes than the limit
 */
export function unpackLzw(packed: Uint8Array, limit: number): Uint8Array {
  const out = new Output(limit);
  const before = new Uint16Array(4096);
  const last = new Uint8Array(4096);
  const lengths = new Uint16Array(4096).fill(1, 0, 256);
  for (let byte = 0; byte < 256; byte++) last[byte] = byte;
  let [next, width, previous] = [258, 9, -1];
  for (let bit = 0; bit + width <= 8 * packed.length; ) {
    const code = bitsAt(packed, bit, width);
    bit += width;
    if (code === 257) break;
    if (code === 256) {
      [next, width, previous] = [258, 9, -1];
      continue;
    }
    if (code >= (previous < 0 ? 256 : Math.min(4096, next + 1)))
      throw new RangeError(`LZW code ${code} has no meaning`);
    if (previous >= 0 && next < 4096) {
      // A code that is its own entry begins as the one before it does.
      let first = code === next ? previous : code;
      while (first > 255) first = before[first] as number;
      before[next] = previous;
      last[next] = first;
      lengths[next] = (lengths[previous] as number) + 1;
      next++;
    }
    const length = lengths[code] as number;
    const bytes = out.take(length);
    for (let i = length - 1, at = code; i >= 0; i--) {
      bytes[i] = last[at] as number;
      at = before[at] as number;
    }
    previous = code;
    // One code early, as the encoders of the first hour did.
    if (next >= (1 << width) - 1 && width < 12) width++;
  }
  return out.bytes();
}

/**
 * Bytes of a strip or tile in PackBits (TIFF 6.0, section 9).
 *
 * @param limit most bytes that it may unpack to
 * @throws {RangeError} for more bytes than the limit
 */
export function unpackPackBits(packed: Uint8Array, limit: number): Uint8Array {
  const out = new Output(limit);
  for (let at = 0; at < packed.length; ) {
    const head = packed[at++] as number;
    if (head === 128) continue;
    if (head > 128) out.take(257 - head).fill(packed[at++] ?? 0);
    else {
      const bytes = packed.subarray(at, at + head + 1);
      out.take(bytes.length).set(bytes);
      at += bytes.length;
    }
  }
  return out.bytes();
}

/**
 * Bytes of a strip or tile in deflate, with the frame of zlib.
 *
 * @param limit most bytes that it may unpack to
 * @throws {Error} for damage, or more bytes than the limit
 */
export function unpackDeflate(packed: Uint8Array, limit: number): Uint8Array {
  // A copy, as a Buffer's own slice is none.
  return new Uint8Array(inflateSync(packed, { maxOutputLength: Math.max(1, limit) }));
}

/** Bits of a stream as a number, most significant first. */
function bitsAt(bytes: Uint8Array, bit: number, width: number): number {
  const at = bit >> 3;
  const three = ((bytes[at] ?? 0) << 16) | ((bytes[at + 1] ?? 0) << 8) | (bytes[at + 2] ?? 0);
  return (three >> (24 - (bit & 7) - width)) & ((1 << width) - 1);
}

/** Memory that grows with what is written, up to a limit. */
class Output {
  readonly #limit: number;
  #room = new Uint8Array(4096);
  #used = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  take(length: number): Uint8Array {
    const from = this.#used;
    this.#used += length;
    if (this.#used > this.#limit) throw new RangeError(`packed data of more than ${this.#limit} bytes`);
    if (this.#used > this.#room.length) {
      const room = new Uint8Array(2 * this.#room.length + length);
      room.set(this.#room);
      this.#room = room;
    }
    return this.#room.subarray(from, this.#used);
  }

  bytes(): Uint8Array {
    return this.#room.slice(0, this.#used);
  }
}
