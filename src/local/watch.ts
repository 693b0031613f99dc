import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { PipelineError } from "#src/core/errors.js";

/** How long an upload must not change before it is taken. */
export const STABLE_SECONDS = 2;
const POLL_SECONDS = 0.25;

/**
 * Uploads of a folder as they become complete: each file, and each sub-folder, is one upload. A file is taken when
 * its size and time of change have been the same for `STABLE_SECONDS`; a folder when that is true of all in it.
 * Hidden names and names that end in `.partial` or `.tmp` are never taken. Polling, because change events are lost on
 * network drives and in containers.
 *
 * @returns paths, each once per state of its content
 * @throws {PipelineError} `StoreMissing` when the folder is not there, at first or any more
 */
export async function* watchFolder(folder: string, signal: AbortSignal): AsyncGenerator<string> {
  const seen = new Map<string, { state: string; since: number; taken: boolean }>();
  while (!signal.aborted) {
    for (const name of (await namesIn(folder)).sort()) {
      if (isUnfinished(name)) continue;
      const path = join(folder, name);
      const state = await stateOf(path);
      if (state === null) continue;
      const before = seen.get(path);
      if (before?.state !== state) {
        seen.set(path, { state, since: performance.now(), taken: false });
      } else if (!before.taken && performance.now() - before.since >= STABLE_SECONDS * 1000) {
        before.taken = true;
        yield path;
      }
    }
    await sleep(POLL_SECONDS * 1000, undefined, { signal }).catch(() => {});
  }
}

async function namesIn(folder: string): Promise<string[]> {
  return readdir(folder).catch((cause: unknown) => {
    throw new PipelineError("StoreMissing", "inbox is not there, expected a folder", { cause });
  });
}

function isUnfinished(name: string): boolean {
  return name.startsWith(".") || name.endsWith(".partial") || name.endsWith(".tmp");
}

/** Sizes and times of change as one text; null while something is unfinished, empty or just went away. */
async function stateOf(path: string): Promise<string | null> {
  try {
    const info = await stat(path);
    if (info.isFile()) return `${info.size} ${info.mtimeMs}`;
    if (!info.isDirectory()) return null;
    const names = (await readdir(path, { recursive: true })).sort();
    if (names.length === 0 || names.some((name) => name.endsWith(".partial") || name.endsWith(".tmp"))) return null;
    const infos = await Promise.all(names.map(async (name) => ({ name, ...(await stat(join(path, name))) })));
    return infos.map(({ name, size, mtimeMs }) => `${name} ${size} ${mtimeMs}`).join("\n");
  } catch {
    return null;
  }
}
