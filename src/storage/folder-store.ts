import { randomUUID } from "node:crypto";
import { type FileHandle, link, mkdir, open, readdir, realpath, rename, rm, rmdir, stat } from "node:fs/promises";
import { dirname, join, sep } from "node:path";
import { PipelineError } from "#src/core/errors.js";
import { systemError } from "#src/core/system-error.js";
import { compareKeys } from "./compare-keys.js";
import { assertKey, type ErasableStore } from "./scan-store.js";

/** Ending of a file that is being written: never listed, left behind only by a killed process. */
const PARTIAL = ".partial";

interface FolderStoreOptions {
  /**
   * Whether this user alone may enter folder and files: they are made so, and a folder that others may enter is refused
   * (`StoreDenied`).
   *
   * @default false
   */
  readonly isPrivate?: boolean;
  /**
   * Whether an object that was written is whole after a loss of power too, which costs a wait for the disk each time.
   *
   * @default true
   */
  readonly isSynced?: boolean;
  /**
   * Whether links may lead out of the folder, else they are refused (`InputUnsafe`). Of a folder that is only read.
   *
   * @default false
   */
  readonly followsLinks?: boolean;
}

/**
 * A store in a folder; keys are paths below it. Hidden files (a part that starts with a dot) and unfinished ones are
 * not objects.
 *
 * @param root absolute path; made with the first object
 */
export function folderStore(
  root: string,
  { isPrivate = false, isSynced = true, followsLinks = false }: FolderStoreOptions = {},
): ErasableStore {
  async function pathOf(key: string): Promise<string> {
    assertKey(key);
    const path = join(root, key);
    if (!followsLinks) await failing(() => assertInside(root, path));
    if (isPrivate) await failing(() => assertPrivate(root));
    return path;
  }

  return {
    head: async (key) => {
      const path = await pathOf(key);
      const info = await failing(() => stat(path).catch(nullIfMissing));
      return info?.isFile() ? { key, size: info.size } : null;
    },
    get: async (key, range) => {
      const path = await pathOf(key);
      return failing(async () => {
        const file = await open(path);
        try {
          const { size } = await file.stat();
          const start = Math.min(range?.start ?? 0, size);
          return await readAll(file, start, Math.max(start, Math.min(range?.end ?? size, size)));
        } finally {
          await file.close();
        }
      });
    },
    put: async (key, body, options) => {
      const path = await pathOf(key);
      return failing(async () => {
        await mkdir(dirname(path), { recursive: true, ...(isPrivate && { mode: 0o700 }) });
        // A reader sees the old file or the new one, never half of either; S3 gives the same promise.
        const partial = `${path}.${randomUUID()}${PARTIAL}`;
        try {
          await writeWhole(partial, body, { mode: isPrivate ? 0o600 : 0o666, isSynced });
          if (!options?.ifAbsent) {
            await rename(partial, path);
            return "written";
          }
          // `link` fails when the name is taken, also when another process took it just now; `rename` would replace.
          return await link(partial, path).then(() => "written" as const, existsIfTaken);
        } finally {
          await rm(partial, { force: true });
        }
      });
    },
    async *list(prefix) {
      const folder = prefix.slice(0, prefix.lastIndexOf("/") + 1);
      // No key has such a part, and the file system would follow it.
      if (folder.split("/").some((part) => part === "." || part === "..")) return;
      await failing(() => assertInside(root, join(root, folder)));
      const keys = await failing(() => keysBelow(root, folder));
      for (const key of keys.filter((key) => key.startsWith(prefix)).sort(compareKeys)) {
        const info = await failing(() => stat(join(root, key)).catch(nullIfMissing));
        if (info?.isFile()) yield { key, size: info.size };
      }
    },
    delete: async (key) => {
      const path = await pathOf(key);
      await failing(() => rm(path, { force: true }));
    },
    async *erase(prefix) {
      const folder = prefix.slice(0, prefix.lastIndexOf("/") + 1);
      if (folder.split("/").some((part) => part === "." || part === "..")) return;
      await failing(() => assertInside(root, join(root, folder)));
      // What a killed process left half-written is no object, and goes too.
      const keys = await failing(() => filesBelow(root, folder));
      for (const key of keys.filter((key) => key.startsWith(prefix)).sort(compareKeys)) {
        await failing(() => rm(join(root, key), { force: true }));
        await failing(() => removeEmptyFolders(root, dirname(key)));
        if (!key.endsWith(PARTIAL)) yield key;
      }
    },
  };
}

/** Folders are no objects: what is left of them would still say which scan there was. */
async function removeEmptyFolders(root: string, folder: string): Promise<void> {
  if (folder === ".") return;
  try {
    await rmdir(join(root, folder));
  } catch (error) {
    if (["ENOTEMPTY", "EEXIST", "ENOENT"].includes(codeOf(error) ?? "")) return;
    throw error;
  }
  await removeEmptyFolders(root, dirname(folder));
}

async function readAll(file: FileHandle, start: number, end: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(end - start);
  let at = 0;
  while (at < bytes.length) {
    const { bytesRead } = await file.read(bytes, at, bytes.length - at, start + at);
    if (bytesRead === 0)
      throw new PipelineError("StoreBusy", "object became shorter while it was read, expected it unchanged");
    at += bytesRead;
  }
  return bytes;
}

async function writeWhole(
  path: string,
  body: Uint8Array | AsyncIterable<Uint8Array>,
  { mode, isSynced }: { readonly mode: number; readonly isSynced: boolean },
): Promise<void> {
  const file = await open(path, "wx", mode);
  try {
    if (body instanceof Uint8Array) await file.writeFile(body);
    else for await (const chunk of body) await file.appendFile(chunk);
    // Before the name appears: after a loss of power an object that is there is whole.
    if (isSynced) await file.sync();
  } finally {
    await file.close();
  }
}

/** Keys of all objects in a sub-folder; none when it does not exist. */
async function keysBelow(root: string, folder: string): Promise<string[]> {
  return (await filesBelow(root, folder)).filter((key) => !key.endsWith(PARTIAL));
}

/** The same, with unfinished ones. */
async function filesBelow(root: string, folder: string): Promise<string[]> {
  const entries = await readdir(join(root, folder), { recursive: true, withFileTypes: true }).catch(nullIfMissing);
  return (entries ?? [])
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(join(root, sep).length).split(sep).join("/"))
    .filter((key) => !key.split("/").some((part) => part.startsWith(".")));
}

/**
 * A path that is not there yet counts by its nearest folder that is: a new object must not go through a link either.
 *
 * @throws {PipelineError} `InputUnsafe` when the path, with its links followed, lies outside the root
 */
async function assertInside(root: string, path: string): Promise<void> {
  const realRoot = await realpath(root).catch(nullIfMissing);
  if (realRoot === null) return;
  const real = await realPathOfNearest(path);
  if (real === realRoot || real.startsWith(join(realRoot, sep))) return;
  throw new PipelineError("InputUnsafe", "object is a link that leads out of its folder, expected a file inside it");
}

/** @throws {PipelineError} `StoreDenied` for a folder that others may read or enter */
async function assertPrivate(root: string): Promise<void> {
  const info = await stat(root).catch(nullIfMissing);
  const mode = (info?.mode ?? 0) & 0o777;
  if ((mode & 0o077) === 0) return;
  const found = `folder of secrets has mode ${mode.toString(8).padStart(4, "0")}`;
  throw new PipelineError("StoreDenied", `${found}, expected 0700: others may enter it`);
}

async function realPathOfNearest(path: string): Promise<string> {
  return (await realpath(path).catch(nullIfMissing)) ?? realPathOfNearest(dirname(path));
}

/**
 * Runs file operations; what the file system reports (its errors name a system call) becomes one of our errors. What
 * the source of a body throws is passed on.
 */
async function failing<T>(operate: () => Promise<T>): Promise<T> {
  try {
    return await operate();
  } catch (cause) {
    const code = codeOf(cause);
    if (code === null || !(cause instanceof Error && "syscall" in cause)) throw cause;
    if (code === "ENOENT" || code === "EISDIR" || code === "ENOTDIR") {
      throw new PipelineError("StoreMissing", "object is not in the store, expected it to be there", { cause });
    }
    const known = systemError(cause);
    if (known !== null) throw known;
    throw new PipelineError("StoreBusy", `file system answered ${code}, expected the operation to work`, { cause });
  }
}

function nullIfMissing(error: unknown): null {
  const code = codeOf(error);
  if (code === "ENOENT" || code === "ENOTDIR") return null;
  throw error;
}

function existsIfTaken(error: unknown): "exists" {
  if (codeOf(error) === "EEXIST") return "exists";
  throw error;
}

function codeOf(error: unknown): string | null {
  return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : null;
}
