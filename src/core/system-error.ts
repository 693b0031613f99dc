import { PipelineError } from "./errors.js";

/** What the file system refuses, and what it lacks: not what is not there, of which only the caller knows what it means. */
const DENIED: ReadonlySet<string> = new Set(["EACCES", "EPERM", "EROFS"]);
const IN_THE_WAY: ReadonlySet<string> = new Set(["EEXIST", "ENOTDIR", "EISDIR"]);
const FULL: ReadonlySet<string> = new Set(["ENOSPC", "EDQUOT", "EMFILE", "ENFILE"]);

/**
 * What the file system reports (its errors name a system call) as one of our errors: `StoreDenied` or `StoreBusy`; null
 * for anything else.
 */
export function systemError(cause: unknown): PipelineError | null {
  if (!(cause instanceof Error && "syscall" in cause && "code" in cause && typeof cause.code === "string")) return null;
  const found = `file system answered ${cause.code}`;
  if (DENIED.has(cause.code)) {
    return new PipelineError("StoreDenied", `${found}, expected this user to be allowed`, { cause });
  }
  if (IN_THE_WAY.has(cause.code)) {
    const message = `${found}, expected a folder where folders are named and a file where files are`;
    return new PipelineError("StoreDenied", message, { cause });
  }
  return FULL.has(cause.code) ? new PipelineError("StoreBusy", `${found}, expected room`, { cause }) : null;
}
