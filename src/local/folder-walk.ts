import type { Dirent } from "node:fs";
import { readdir, realpath, stat } from "node:fs/promises";
import { join } from "node:path";
import { PipelineError } from "#src/core/errors.js";
import { systemError } from "#src/core/system-error.js";
import { isInside } from "./is-inside.js";
import { ownApart } from "./own-below.js";

/** What lies below a folder. */
export interface WalkedFolder {
  /** Files as paths below it, with slashes, sorted. Each once, however many links lead to it: where it lies, if it can be. */
  readonly files: readonly string[];
  /** Hidden files and what lies in hidden folders, where they were asked for; links among them are not followed. */
  readonly hidden: readonly string[];
  /** Folders, as paths. */
  readonly folders: readonly string[];
  /** Why there may be more than was found; null where all was. */
  readonly problem: PipelineError | null;
}

export interface WalkOptions {
  /** Whether a link to a folder outside is a problem, and stays closed. @default false */
  readonly isConfined?: boolean;
  /** Whether hidden names are told. @default false */
  readonly withHidden?: boolean;
}

/**
 * Looks through a folder: first through what lies in it, then through what its links lead to, so that a file has the path
 * that it has without the links.
 *
 * @param own what the command writes itself (absolute paths): left out, also where a link leads into it
 * @throws {PipelineError} `StoreMissing` for a folder that went away meanwhile
 */
export async function walkFolder(
  root: string,
  own: readonly string[],
  options: WalkOptions = {},
): Promise<WalkedFolder> {
  const top = await realpath(root).catch(gone);
  const walk: Walk = {
    ...options,
    top,
    root,
    own: await ownApart(root, own),
    taken: new Set(),
    links: [],
    files: [],
    hidden: [],
    folders: [],
    lost: 0,
    back: 0,
    outside: 0,
    denied: null,
  };
  await lookInto(walk, { key: "", path: top });
  while (walk.links.length > 0) {
    const links = walk.links.splice(0).sort((a, b) => (a.key < b.key ? -1 : 1));
    for (const link of links) await follow(walk, link);
  }
  const { files, hidden, folders } = walk;
  return { files: files.sort(), hidden: hidden.sort(), folders, problem: problemOf(walk) };
}

interface Place {
  /** Below the root, as it is reached. */
  readonly key: string;
  /** By its links. */
  readonly path: string;
}

interface Link {
  readonly key: string;
  /** The real folder that it lies in. */
  readonly here: string;
}

interface Walk extends WalkOptions {
  readonly root: string;
  readonly top: string;
  readonly own: readonly string[];
  /** Real paths of files and folders. */
  readonly taken: Set<string>;
  /** That were found and not followed yet. */
  readonly links: Link[];
  readonly files: string[];
  readonly hidden: string[];
  readonly folders: string[];
  /** Links that lead nowhere, to a folder that they lie in, and out of a folder that is confined. */
  lost: number;
  back: number;
  outside: number;
  /** The first refusal of the file system. */
  denied: PipelineError | null;
}

async function lookInto(walk: Walk, folder: Place, isHidden = false): Promise<void> {
  walk.taken.add(folder.path);
  for (const entry of await entriesOf(walk, join(walk.root, folder.key))) {
    const isDotted = entry.name.startsWith(".");
    if (isDotted && walk.withHidden !== true) continue;
    const key = folder.key === "" ? entry.name : `${folder.key}/${entry.name}`;
    const path = join(folder.path, entry.name);
    if (isHidden || isDotted) {
      if (entry.isFile()) walk.hidden.push(key);
      else if (entry.isDirectory()) await lookInto(walk, { key, path }, true);
    } else if (entry.isSymbolicLink()) walk.links.push({ key, here: folder.path });
    else await take(walk, entry, { key, path });
  }
}

async function take(walk: Walk, entry: Pick<Dirent, "isFile" | "isDirectory">, place: Place): Promise<void> {
  if (walk.taken.has(place.path) || walk.own.some((one) => isInside(place.path, one))) return;
  if (entry.isFile()) {
    walk.taken.add(place.path);
    walk.files.push(place.key);
  } else if (entry.isDirectory()) {
    walk.folders.push(place.key);
    await lookInto(walk, place);
  }
}

async function follow(walk: Walk, { key, here }: Link): Promise<void> {
  const link = join(walk.root, key);
  try {
    const [entry, path] = [await stat(link), await realpath(link)];
    if (entry.isDirectory() && isInside(here, path)) walk.back++;
    else if (entry.isDirectory() && walk.isConfined === true && !isInside(path, walk.top)) walk.outside++;
    else await take(walk, entry, { key, path });
  } catch (error) {
    if (error instanceof PipelineError) throw error;
    // What a link names may be behind a file or in a circle: it leads nowhere.
    if (isCode(error, "EACCES")) walk.denied ??= systemError(error);
    else walk.lost++;
  }
}

async function entriesOf(walk: Walk, path: string): Promise<Dirent[]> {
  return readdir(path, { withFileTypes: true }).catch((error: unknown) => {
    if (isCode(error, "ENOENT")) return gone(error);
    const refused = systemError(error);
    if (refused?.code !== "StoreDenied") throw refused ?? error;
    walk.denied ??= refused;
    return [];
  });
}

function problemOf({ lost, back, outside, denied }: Walk): PipelineError | null {
  if (lost > 0) {
    const links = lost === 1 ? "a link that leads" : `${lost} links that lead`;
    return new PipelineError("StoreMissing", `folder holds ${links} nowhere, expected files to be there`);
  }
  if (back > 0) {
    return new PipelineError("InputUnsafe", "folder holds a link to a folder that it lies in, expected none");
  }
  if (outside > 0) return new PipelineError("InputUnsafe", "folder holds a link to a folder outside, expected none");
  return denied;
}

function gone(cause: unknown): never {
  if (!isCode(cause, "ENOENT")) throw systemError(cause) ?? cause;
  throw new PipelineError("StoreMissing", "folder went away while it was listed, expected it to stay", { cause });
}

function isCode(error: unknown, code: string): boolean {
  return error instanceof Error && "code" in error && error.code === code;
}
