import { closeSync, fstatSync, openSync, readSync, statSync } from "node:fs";
import { stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { PipelineError } from "#src/core/errors.js";
import type { ReadLoan, UploadEntry } from "#src/formats/scan.js";
import { expandUpload } from "#src/formats/upload.js";
import { filesBelow } from "./files-below.js";

/**
 * A file, or all files below a folder, as an upload, archives opened. Nothing is read before an entry is.
 *
 * @param own as of `filesOfPath`
 * @throws {PipelineError} `StoreMissing` when nothing is there, `NoImage` for an empty folder, or any code of
 *   `expandUpload`
 */
export async function openPath(path: string, own: readonly string[] = []): Promise<readonly UploadEntry[]> {
  const { root, files } = await filesOfPath(path, own);
  const entries = files.map((key, ordinal): UploadEntry => {
    const file = join(root, key);
    const { size } = statSync(file);
    return {
      ordinal,
      name: basename(key),
      size,
      read: async (loan) => readStart(file, Number.POSITIVE_INFINITY, loan),
      readHead: async (length) => readStart(file, length),
    };
  });
  return expandUpload(entries);
}

/**
 * What a path given by a user stands for: one file, or all files below a folder, links followed, sorted. Hidden ones are
 * left out.
 *
 * @param own what the command writes itself (absolute paths): left out of a folder
 * @throws {PipelineError} `StoreMissing` when nothing is there, `NoImage` for an empty folder, and what `filesBelow` throws
 */
export async function filesOfPath(
  path: string,
  own: readonly string[] = [],
): Promise<{ root: string; files: string[] }> {
  const info = await stat(path).catch((cause: unknown) => {
    throw new PipelineError("StoreMissing", "input is not there, expected a file or a folder", { cause });
  });
  const root = info.isDirectory() ? path : dirname(path);
  const files = info.isDirectory() ? await filesBelow(path, own) : [basename(path)];
  if (files.length === 0) throw new PipelineError("NoImage", "folder holds no files, expected at least one image");
  return { root, files };
}

/** Files beyond this get memory of their own: what is lent stays allocated. */
const MAX_LOAN = 64 * 2 ** 20;
/** Node.js reads no more at a time. */
const MAX_READ = 2 ** 30;

/**
 * The first bytes of a file. Not asynchronous: for thousands of files of half a megabyte, waiting for a thread and back
 * takes longer than reading.
 */
function readStart(path: string, length: number, loan?: ReadLoan): Uint8Array {
  const file = openSync(path, "r");
  try {
    const wanted = Math.min(length, fstatSync(file).size);
    const bytes = wanted <= MAX_LOAN && loan !== undefined ? lent(loan, wanted) : new Uint8Array(wanted);
    let done = 0;
    while (done < wanted) {
      const read = readSync(file, bytes, done, Math.min(wanted - done, MAX_READ), done);
      if (read === 0) break;
      done += read;
    }
    return bytes.subarray(0, done);
  } finally {
    closeSync(file);
  }
}

function lent(loan: ReadLoan, length: number): Uint8Array {
  if (loan.room.length < length) loan.room = new Uint8Array(length + length / 8);
  return loan.room.subarray(0, length);
}
