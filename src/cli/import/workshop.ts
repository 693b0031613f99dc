import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { PipelineError } from "#src/core/errors.js";

/**
 * Runs a program of `models/workshop`: the only place where Python opens a checkpoint.
 *
 * @param signal ends the program too
 * @throws {PipelineError} `ModelInvalid` when the workshop is not installed, or with the program's last line
 */
export async function runWorkshop(
  python: string,
  script: string,
  args: readonly string[],
  signal: AbortSignal,
): Promise<void> {
  const path = scriptPath(script);
  await promisify(execFile)(python, [path, ...args], { maxBuffer: 2 ** 26, signal }).catch(
    (cause: Error & { stderr?: string }) => {
      signal.throwIfAborted();
      const last = cause.stderr?.trim().split("\n").at(-1) ?? cause.message;
      throw new PipelineError("ModelInvalid", `the export in Python failed: ${last}`, { cause });
    },
  );
}

/** From dist/src/cli/import and from src/cli/import alike, the workshop of the nearest package. */
function scriptPath(script: string): string {
  for (const above of ["../../../", "../../../../"]) {
    const path = fileURLToPath(new URL(`${above}models/workshop/${script}`, import.meta.url));
    if (existsSync(path)) return path;
  }
  throw new PipelineError(
    "ModelInvalid",
    `the workshop is not part of this installation, expected --exported <folder> that ${script} was run into`,
  );
}
