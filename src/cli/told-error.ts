import { type PipelineError, toPipelineError } from "#src/core/errors.js";
import { printable } from "#src/core/printable.js";
import { systemError } from "#src/core/system-error.js";

/** What a command tells of anything thrown: what the file system refuses is no fault of this program. */
export function toldError(thrown: unknown): PipelineError {
  return systemError(thrown) ?? toPipelineError(thrown);
}

/** The path that the file system was asked for, for people at this machine alone; empty where none is known. */
export function pathOf(error: unknown): string {
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    if ("syscall" in cause && "path" in cause && typeof cause.path === "string") return printable(cause.path);
  }
  return "";
}
