import { createHash } from "node:crypto";
import { open } from "node:fs/promises";
import type { ScanStore } from "#src/storage/scan-store.js";

/** What is read while the part before it is hashed. */
const PART_BYTES = 2 ** 23;
/** A file up to this size stays in memory from its digest until Preprocess has it. */
const HELD_BYTES = 2 ** 29;
/** So often a file is read after that: by Inspect and by Preprocess. */
const READS = 2;

/** A file that was read for its digest, and that stages need not read again. */
export class HeldFile {
  readonly key: string;
  #bytes: Uint8Array | null;
  #reads = 0;

  constructor(key: string, bytes: Uint8Array) {
    this.key = key;
    this.#bytes = bytes;
  }

  /** Of an upload that has to wait: it is read again. */
  letGo(): void {
    this.#bytes = null;
  }

  /** The same store; the file's bytes come from here as long as they are held. */
  over(store: ScanStore): ScanStore {
    return {
      ...store,
      get: async (key, range, version) => {
        const bytes = key === this.key ? this.#bytes : null;
        if (bytes === null) return store.get(key, range, version);
        if (range !== undefined) return bytes.slice(range.start, range.end);
        if (++this.#reads === READS) this.#bytes = null;
        return bytes;
      },
    };
  }
}

/**
 * Digest of a file, each part of it hashed while the next one is read.
 *
 * @param mayHold whether its bytes are wanted as well, where there are not too many; they may be read, not changed
 */
export async function digestOfFile(
  path: string,
  mayHold: boolean,
): Promise<{ readonly sha256: string; readonly bytes: Uint8Array | null }> {
  const hash = createHash("sha256");
  const file = await open(path);
  try {
    const { size } = await file.stat();
    const whole = mayHold && size <= HELD_BYTES ? new Uint8Array(size) : null;
    const room = new Uint8Array(whole === null ? 2 * Math.min(PART_BYTES, size) : 0);
    let [at, turn] = [0, 0];
    const next = () => {
      const half = room.length / 2;
      const part = whole?.subarray(at, at + PART_BYTES) ?? room.subarray(turn * half, (turn + 1) * half);
      turn = 1 - turn;
      return file.read(part, { position: at });
    };
    for (let reading = next(); ; ) {
      const { bytesRead, buffer } = await reading;
      if (bytesRead === 0) break;
      at += bytesRead;
      reading = next();
      hash.update(buffer.subarray(0, bytesRead));
    }
    return { sha256: hash.digest("hex"), bytes: whole?.length === at ? whole : null };
  } finally {
    await file.close();
  }
}
