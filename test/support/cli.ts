import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";

/** The compiled command, as a user starts it. `npm test` builds it first. */
export const CLI = fileURLToPath(new URL("../../dist/src/cli/main.js", import.meta.url));

export interface CliResult {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * Runs `scanlane` in a process group of its own.
 *
 * @param killWhen kills the whole group (SIGKILL) as soon as stderr contains this text
 * @param killAfterMs kills it after this time
 */
export function scanlane(
  args: readonly string[],
  options: { readonly killWhen?: string; readonly killAfterMs?: number } = {},
): Promise<CliResult> {
  const child = spawn(process.execPath, [CLI, ...args], { stdio: ["ignore", "pipe", "pipe"], detached: true });
  let stdout = "";
  let stderr = "";
  const kill = () => {
    // The worker is in the same group: both vanish at once, as when a machine is lost.
    if (child.pid !== undefined && child.exitCode === null) process.kill(-child.pid, "SIGKILL");
  };
  const timer = options.killAfterMs === undefined ? undefined : setTimeout(kill, options.killAfterMs);
  child.stdout.on("data", (chunk) => {
    stdout += chunk;
  });
  child.stderr.on("data", (chunk) => {
    stderr += chunk;
    if (options.killWhen !== undefined && stderr.includes(options.killWhen)) kill();
  });
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code, signal) => {
      clearTimeout(timer);
      resolve({ code, signal, stdout, stderr });
    });
  });
}

/** Every file below a folder with its SHA-256; files that no comparison covers are left out. */
export async function digestsBelow(root: string, leaveOut: RegExp): Promise<Record<string, string>> {
  const entries = await readdir(root, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  const digests: Record<string, string> = {};
  for (const file of files.sort()) {
    const name = relative(root, file);
    if (!leaveOut.test(name))
      digests[name] = createHash("sha256")
        .update(await readFile(file))
        .digest("hex");
  }
  return digests;
}
