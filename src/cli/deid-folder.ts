import { homedir } from "node:os";
import { join, resolve } from "node:path";
import { isInside } from "#src/local/is-inside.js";

/**
 * Where the secret and the UID maps of de-identified results are: the folder named, or the user's own, so that results
 * in other folders have the same UIDs.
 */
export function deidFolder(named: string | undefined): string {
  if (named !== undefined) return resolve(named);
  // XDG Base Directory Specification: relative paths are to be ignored.
  const data = process.env.XDG_DATA_HOME ?? "";
  return join(data.startsWith("/") ? data : join(homedir(), ".local", "share"), "scanlane", "deid");
}

/** Whether it lies neither inside one of these folders nor around it: who is given the one would be given the other. */
export function isApart(deid: string, folders: readonly string[]): boolean {
  return folders.every((folder) => !isInside(deid, folder) && !isInside(folder, deid));
}
