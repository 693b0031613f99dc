import { open, readdir, readFile, stat } from "node:fs/promises";
import { basename, dirname, join, relative, sep } from "node:path";
import { PipelineError } from "#src/core/errors.js";
import type { UploadEntry } from "#src/formats/scan.js";
import { expandUpload } from "#src/formats/upload.js";

/**
 * A file, or all files below a folder, as an upload, archives opened. Nothing is read before an entry is.
 *
 * @throws {PipelineError} `StoreMissing` when nothing is there, `NoImage` for an empty folder, or any code of
 *   `expandUpload`
 */
export async function openPath(path: string): Promise<readonly UploadEntry[]> {
  const { root, files } = await filesOfPath(path);
  const entries = files.map(async (key, ordinal): Promise<UploadEntry> => {
    const file = join(root, key);
    const { size } = await stat(file);
    return { ordinal, name: basename(key), size, read: () => readFile(file), readHead: (n) => readHead(file, n) };
  });
  return expandUpload(await Promise.all(entries));
}

/**
 * What a path given by a user stands for: one file, or all files below a folder, sorted. Hidden ones are left out.
 *
 * @throws {PipelineError} `StoreMissing` when nothing is there, `NoImage` for an empty folder
 */
export async function filesOfPath(path: string): Promise<{ root: string; files: string[] }> {
  const info = await stat(path).catch((cause: unknown) => {
    throw new PipelineError("StoreMissing", "input is not there, expected a file or a folder", { cause });
  });
  const root = info.isDirectory() ? path : dirname(path);
  const files = info.isDirectory() ? await filesBelow(path) : [basename(path)];
  if (files.length === 0) throw new PipelineError("NoImage", "folder holds no files, expected at least one image");
  return { root, files };
}

async function filesBelow(root: string): Promise<string[]> {
  const entries = await readdir(root, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => relative(root, join(entry.parentPath, entry.name)).split(sep).join("/"))
    .filter((key) => !key.split("/").some((part) => part.startsWith(".")))
    .sort();
}

async function readHead(path: string, length: number): Promise<Uint8Array> {
  const file = await open(path);
  try {
    const { buffer, bytesRead } = await file.read({ buffer: new Uint8Array(length), position: 0 });
    return buffer.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}
