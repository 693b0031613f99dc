import { open } from "node:fs/promises";
import { join } from "node:path";

const PACKED = /\.(?:zip|tar|tgz|tar\.gz)$/i;

/**
 * Bytes of an upload once unpacked, as far as that is said: of a gzip file by its trailer (RFC 1952, ISIZE), of others
 * those that it has. Infinite for archives, whose files would have to be looked for.
 */
export async function unpackedBytes(root: string, objects: readonly { key: string; size: number }[]): Promise<number> {
  let sum = 0;
  for (const { key, size } of objects) {
    if (PACKED.test(key)) return Number.POSITIVE_INFINITY;
    sum += /\.gz$/i.test(key) ? Math.max(size, await trailerOf(join(root, key), size)) : size;
  }
  return sum;
}

/** Length modulo 2^32 that a gzip file ends with. */
async function trailerOf(path: string, size: number): Promise<number> {
  const file = await open(path);
  try {
    const { bytesRead, buffer } = await file.read({ buffer: Buffer.alloc(4), position: Math.max(0, size - 4) });
    return bytesRead === 4 ? buffer.readUInt32LE(0) : 0;
  } finally {
    await file.close();
  }
}
