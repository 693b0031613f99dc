import { closeSync, mkdtempSync, openSync, readSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGunzip } from "node:zlib";
import type { ReadAt } from "./tar.js";

/** Bytes kept on disk rather than in memory. */
export interface ScratchFile {
  readonly size: number;
  readonly readAt: ReadAt;
}

// The file has no name any more: closing it is what frees its disk space, when nothing can read it again.
const closing = new FinalizationRegistry<number>((fd) => closeSync(fd));

/**
 * Unpacks a gzip stream to a file of the scratch folder that has no name, so that none is left behind however the
 * process ends.
 *
 * @throws {RangeError} when it unpacks to more than `limit` bytes; whatever zlib throws for a damaged stream
 */
export async function gunzipToScratch(packed: Uint8Array, limit: number): Promise<ScratchFile> {
  const folder = mkdtempSync(join(tmpdir(), "scanlane-"));
  const path = join(folder, "archive");
  const fd = openSync(path, "wx+", 0o600);
  rmSync(folder, { recursive: true });
  let size = 0;
  try {
    await pipeline(Readable.from([packed]), createGunzip(), async (chunks: AsyncIterable<Uint8Array>) => {
      for await (const chunk of chunks) {
        size += chunk.length;
        if (size > limit) throw new RangeError(`unpacks to more than ${limit} bytes`);
        for (let done = 0; done < chunk.length; ) done += writeSync(fd, chunk, done);
      }
    });
  } catch (error) {
    closeSync(fd);
    // The pipeline may report its own abort in the place of what was thrown inside it.
    if (size > limit) throw new RangeError(`unpacks to more than ${limit} bytes`, { cause: error });
    throw error;
  }
  const file: ScratchFile = {
    size,
    async readAt(start, length) {
      const bytes = new Uint8Array(Math.max(0, Math.min(length, size - start)));
      let done = 0;
      while (done < bytes.length) {
        const read = readSync(fd, bytes, done, bytes.length - done, start + done);
        if (read === 0) break;
        done += read;
      }
      // Names the file, so that it lives as long as anything that may read it.
      return file.size === size ? bytes : bytes.subarray(0, done);
    },
  };
  closing.register(file, fd);
  return file;
}
