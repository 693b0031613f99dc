import type { UploadEntry } from "./scan.js";

/** Reads of remote files under way at once, or done and waiting for their turn. */
export const READS_AHEAD = 24;
/** Bytes of all of them together, but for one that has more by itself. */
const BYTES_AHEAD = 64 * 2 ** 20;

/** What is read of each file. */
interface Reading<T> {
  readonly read: (entry: UploadEntry) => Promise<T>;
  /** Bytes that a read gives. @default the file's size */
  readonly bytesOf?: (entry: UploadEntry) => number;
}

/**
 * Files in their order, each with what gives its bytes. Of remote files (`UploadEntry.isRemote`) the next ones are read
 * while one is looked at; what is found, and which failure comes first, is as if each was read when its turn came. The
 * others are read then.
 *
 * When the caller stops early no more reads are started, and those under way are waited for.
 */
export async function* readAhead<T>(
  entries: readonly UploadEntry[],
  { read, bytesOf = ({ size }) => size }: Reading<T>,
): AsyncGenerator<readonly [UploadEntry, () => Promise<T>]> {
  const started = new Map<UploadEntry, Promise<T>>();
  let [next, bytes] = [0, 0];
  const fill = (): void => {
    for (; next < entries.length && started.size < READS_AHEAD; next++) {
      const entry = entries[next] as UploadEntry;
      if (entry.isRemote !== true) continue;
      if (started.size > 0 && bytes + bytesOf(entry) > BYTES_AHEAD) return;
      const reading = read(entry);
      // It is heard of when its turn comes: until then a failure is nobody's.
      reading.catch(() => {});
      started.set(entry, reading);
      bytes += bytesOf(entry);
    }
  };
  try {
    for (const entry of entries) {
      fill();
      const reading = started.get(entry);
      yield [entry, () => reading ?? read(entry)];
      if (started.delete(entry)) bytes -= bytesOf(entry);
    }
  } finally {
    await Promise.allSettled(started.values());
  }
}

/** Bytes that `readAhead` holds of these files at most, besides the largest of them; 0 of files that are not remote. */
export function bytesAhead(entries: readonly UploadEntry[]): number {
  const sizes = entries.flatMap(({ size, isRemote }) => (isRemote === true ? [size] : []));
  const [largest, all] = [Math.max(0, ...sizes), sizes.reduce((sum, size) => sum + size, 0)];
  return Math.min(all, READS_AHEAD * largest, Math.max(BYTES_AHEAD, largest)) - largest;
}
