import { execFile } from "node:child_process";
import { basename, dirname, extname } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const PROGRAM = fileURLToPath(new URL(`../main${extname(import.meta.url)}`, import.meta.url));

/**
 * Writes what a run of a package's network costs into it, so that its first scan is planned by numbers and not by a
 * guess. In a process of its own: memory is measured by what a process holds. A package that cannot be measured is as
 * good without, and the user is told.
 *
 * @param program what reads the command line
 * @throws what `execFile` says of a process that was interrupted, as this one then was, too
 */
export async function measurePackage(folder: string, signal: AbortSignal, program = PROGRAM): Promise<void> {
  const args = ["verify", basename(folder), "--models", dirname(folder), "--measure", "--no-golden"];
  await promisify(execFile)(process.execPath, [...process.execArgv, program, ...args], { signal }).catch((error) => {
    signal.throwIfAborted();
    if (error.signal === "SIGINT" || error.signal === "SIGTERM") throw error;
    console.log("what a run of its network costs could not be measured: memory is guessed, and time not predicted");
  });
}
