import { realpath } from "node:fs/promises";
import { basename, dirname, join, relative, sep } from "node:path";
import { PipelineError } from "#src/core/errors.js";
import { isInside } from "./is-inside.js";

/**
 * What a command writes itself, of what lies below a folder: as paths below that, with slashes. Nothing of it is input.
 * Not what the folder itself lies in: whoever names a part of the results wants that.
 *
 * @param own absolute paths of folders and files that the command writes; they need not be there
 */
export async function ownBelow(folder: string, own: readonly string[]): Promise<string[]> {
  if (own.length === 0) return [];
  const root = await followed(folder);
  const paths = await Promise.all(own.map(followed));
  return paths
    .filter((path) => path !== root && isInside(path, root))
    .map((path) => relative(root, path).split(sep).join("/"));
}

/** The same as real paths, with what lies elsewhere: a link in the folder may lead there. */
export async function ownApart(folder: string, own: readonly string[]): Promise<string[]> {
  if (own.length === 0) return [];
  const root = await followed(folder);
  return (await Promise.all(own.map(followed))).filter((path) => !isInside(root, path));
}

/** @throws {PipelineError} `InputMismatch` for an input that the command writes to itself, at the top of its folder */
export async function assertApart(folder: string, own: readonly string[]): Promise<void> {
  const root = await followed(folder);
  const paths = await Promise.all(own.map(followed));
  if (!paths.includes(root)) return;
  throw new PipelineError(
    "InputMismatch",
    "input is where the command writes its results or intermediate files too, expected another folder for those",
  );
}

/** Whether a file that is written is a file or lies in a folder that is read, by the links of both. */
export async function isSameOrInside(written: string, read: string): Promise<boolean> {
  const folder = await followed(dirname(written));
  return isInside(await realpath(written).catch(() => join(folder, basename(written))), await followed(read));
}

/** By its links; as it is named where it is not there yet. */
async function followed(path: string): Promise<string> {
  return realpath(path).catch(() => path);
}
