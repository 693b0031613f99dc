import type { Dirent } from "node:fs";
import { readdir, realpath, stat } from "node:fs/promises";
import { join } from "node:path";
import { PipelineError } from "#src/core/errors.js";
import { isInside } from "./is-inside.js";
import { ownApart } from "./own-below.js";

/**
 * All files below a folder as paths below it, with slashes, sorted. Links are followed, to files and to folders. Hidden
 * names are left out, and what is neither file nor folder.
 *
 * @param own what the command writes itself (absolute paths): left out, also where a link leads into it
 * @throws {PipelineError} `StoreMissing` for a link that leads nowhere, or a folder that went away; `InputUnsafe` for a
 *   link to a folder that it lies in; `StoreDenied` for a folder that may not be read
 */
export async function filesBelow(root: string, own: readonly string[]): Promise<string[]> {
  const walk: Walk = { root, own: await ownApart(root, own), files: [], lost: 0 };
  await look(walk, "", [await realpath(root)]);
  if (walk.lost > 0) {
    const links = walk.lost === 1 ? "a link that leads" : `${walk.lost} links that lead`;
    throw new PipelineError("StoreMissing", `folder holds ${links} nowhere, expected files to be there`);
  }
  return walk.files.sort();
}

interface Walk {
  readonly root: string;
  /** By their links. */
  readonly own: readonly string[];
  readonly files: string[];
  /** Links that lead nowhere. */
  lost: number;
}

/** @param around real paths of the folders that this one lies in, and its own last */
async function look(walk: Walk, folder: string, around: readonly string[]): Promise<void> {
  const here = around.at(-1) ?? walk.root;
  for (const entry of await entriesOf(join(walk.root, folder))) {
    if (entry.name.startsWith(".")) continue;
    const key = folder === "" ? entry.name : `${folder}/${entry.name}`;
    const target = entry.isSymbolicLink() ? await targetOf(join(walk.root, key)) : aim(entry, join(here, entry.name));
    if (target === null) walk.lost++;
    else if (walk.own.some((one) => isInside(target.path, one))) continue;
    else if (target.kind === "file") walk.files.push(key);
    else if (target.kind === "folder") {
      if (around.includes(target.path)) {
        throw new PipelineError("InputUnsafe", "folder holds a link to a folder that it lies in, expected none");
      }
      await look(walk, key, [...around, target.path]);
    }
  }
}

interface Target {
  readonly kind: "file" | "folder" | "other";
  readonly path: string;
}

/** Null for a link that leads nowhere. */
async function targetOf(link: string): Promise<Target | null> {
  try {
    return aim(await stat(link), await realpath(link));
  } catch {
    return null;
  }
}

function aim(of: Pick<Dirent, "isFile" | "isDirectory">, path: string): Target {
  return { kind: of.isFile() ? "file" : of.isDirectory() ? "folder" : "other", path };
}

async function entriesOf(path: string): Promise<Dirent[]> {
  return readdir(path, { withFileTypes: true }).catch((cause: unknown) => {
    if (!(cause instanceof Error && "code" in cause && cause.code === "ENOENT")) throw cause;
    throw new PipelineError("StoreMissing", "folder went away while it was listed, expected it to stay", { cause });
  });
}
