import { type FileHandle, lstat, mkdir, open, rename } from "node:fs/promises";
import { basename, dirname, join } from "node:path";

/** Linux writes no more than 2 GiB at a time. */
const MAX_WRITE = 2 ** 30;

/** Writes a file, its folder too: one that is cut short, as by Ctrl-C, is never found under its name. */
export async function writeWhole(path: string, data: Uint8Array | string | readonly Uint8Array[]): Promise<void> {
  const bytes = typeof data === "string" ? new TextEncoder().encode(data) : data;
  const pieces = bytes instanceof Uint8Array ? [bytes] : bytes;
  await mkdir(dirname(path), { recursive: true });
  const found = await lstat(path).catch(() => null);
  // A device, a pipe or a link is written to, not replaced.
  if (found !== null && !found.isFile()) return writePieces(path, pieces);
  const partial = join(dirname(path), `.${basename(path)}.partial`);
  await writePieces(partial, pieces);
  await rename(partial, path);
}

async function writePieces(path: string, pieces: readonly Uint8Array[]): Promise<void> {
  const file = await open(path, "w");
  try {
    for (const piece of pieces) await writeAll(file, piece);
  } finally {
    await file.close();
  }
}

/** `writeFile` goes by half a megabyte, and waits for a thread each time. */
async function writeAll(file: FileHandle, bytes: Uint8Array): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    done += (await file.write(bytes, done, Math.min(bytes.length - done, MAX_WRITE))).bytesWritten;
  }
}
