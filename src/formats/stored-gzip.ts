import { crc32 } from "node:zlib";

// Gzip files that are not compressed (RFC 1952, and RFC 1951, 3.2.4): blocks of deflate that are stored. Zlib would copy
// such a file piece by piece, and look at each byte for its checksum besides.

/** Deflate, no name, no time, no system (RFC 1952). */
const GZIP_HEADER = Uint8Array.of(0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255);
/** The most that a stored block holds. */
const STORED_BYTES = 65_535;
const BLOCK_HEADER = 5;
/** Checksum and length. */
const TRAILER = 8;

/** A gzip file of pieces that follow each other, not compressed: one copy of them and a checksum. */
export function gzipStored(pieces: readonly Uint8Array[]): Uint8Array {
  const length = pieces.reduce((sum, piece) => sum + piece.length, 0);
  const blocks = Math.max(1, Math.ceil(length / STORED_BYTES));
  const file = new Uint8Array(GZIP_HEADER.length + BLOCK_HEADER * blocks + length + TRAILER);
  const view = new DataView(file.buffer);
  file.set(GZIP_HEADER);
  let to = GZIP_HEADER.length;
  let left = length;
  let room = 0;
  const begin = (): void => {
    room = Math.min(left, STORED_BYTES);
    left -= room;
    file[to] = left === 0 ? 1 : 0;
    view.setUint16(to + 1, room, true);
    view.setUint16(to + 3, ~room, true);
    to += BLOCK_HEADER;
  };
  begin();
  let checksum = 0;
  for (const piece of pieces) {
    checksum = crc32(piece, checksum);
    for (let from = 0; from < piece.length; ) {
      if (room === 0) begin();
      const part = piece.subarray(from, from + room);
      file.set(part, to);
      to += part.length;
      room -= part.length;
      from += part.length;
    }
  }
  view.setUint32(to, checksum, true);
  view.setUint32(to + 4, length, true);
  return file;
}

/**
 * What a gzip file of stored blocks holds, in one piece.
 *
 * @param inPlace whether the file's own memory may be used for it: no other is asked for then, which takes longer than
 *   the copy
 * @returns null for a file that zlib has to look at: one that is compressed, of several parts, damaged, with a name in its
 *   header or of more bytes than the limit
 */
export function unpackStored(file: Uint8Array, limit: number, inPlace = false): Uint8Array | null {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const blocks = storedBlocks(file, view);
  const end = file.length - TRAILER;
  if (blocks === null || view.getUint32(end + 4, true) > limit) return null;
  const [checksum, length] = [view.getUint32(end, true), view.getUint32(end + 4, true)];
  const contents = inPlace ? file.subarray(0, length) : new Uint8Array(length);
  let to = 0;
  for (const [at, size] of blocks) {
    if (inPlace) file.copyWithin(to, at, at + size);
    else contents.set(file.subarray(at, at + size), to);
    to += size;
  }
  return crc32(contents) === checksum ? contents : null;
}

/** Where the blocks of such a file lie, and how long they are; null where it is not one from its beginning to its end. */
function storedBlocks(file: Uint8Array, view: DataView): [at: number, size: number][] | null {
  const end = file.length - TRAILER;
  // Its flags say what else would follow the header.
  if (end < GZIP_HEADER.length || !GZIP_HEADER.subarray(0, 4).every((byte, n) => byte === file[n])) return null;
  const blocks: [at: number, size: number][] = [];
  let length = 0;
  let isLast = false;
  let at = GZIP_HEADER.length;
  while (!isLast && at + BLOCK_HEADER <= end) {
    const size = view.getUint16(at + 1, true);
    if ((file[at] ?? 0) > 1 || view.getUint16(at + 3, true) !== (~size & 0xffff)) return null;
    isLast = file[at] === 1;
    blocks.push([at + BLOCK_HEADER, size]);
    length += size;
    at += BLOCK_HEADER + size;
  }
  return isLast && at === end && length === view.getUint32(end + 4, true) ? blocks : null;
}
