import { constants } from "node:fs";
import { access, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { systemError } from "#src/core/system-error.js";
import { usageError } from "./usage.js";

/**
 * Before anything is begun: a folder is there, or can be made, and may be written to. Nothing is made.
 *
 * @param path absolute
 * @param option that names it
 * @throws {PipelineError} `StoreDenied`; a usage error where something else lies in the way
 */
export async function assertFolder(path: string, option: string): Promise<void> {
  try {
    const info = await stat(path);
    if (!info.isDirectory()) usageError(`${option} or what it lies in is a file, expected a folder`);
    await access(path, constants.W_OK | constants.X_OK);
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : null;
    if ((code !== "ENOENT" && code !== "ENOTDIR") || dirname(path) === path) throw systemError(error) ?? error;
    await assertFolder(dirname(path), option);
  }
}
