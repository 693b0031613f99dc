import { lstat, mkdir, rename, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";

/** Writes a file, its folder too: one that is cut short, as by Ctrl-C, is never found under its name. */
export async function writeWhole(path: string, data: Uint8Array | string): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  const found = await lstat(path).catch(() => null);
  // A device, a pipe or a link is written to, not replaced.
  if (found !== null && !found.isFile()) return writeFile(path, data);
  const partial = join(dirname(path), `.${basename(path)}.partial`);
  await writeFile(partial, data);
  await rename(partial, path);
}
