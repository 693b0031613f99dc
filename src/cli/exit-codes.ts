import { ERROR_CLASSES, exitCodeOf, isErrorCode } from "#src/core/errors.js";
import type { RunOutcome } from "#src/local/run-scan.js";

/** Exit codes of every command. What a failure exits with is its class's code (`ERROR_CLASSES`). */
export const EXIT = {
  ok: 0,
  /** Published, and the report has warnings to read. */
  warnings: 3,
  /** The command line was not understood. */
  usage: 64,
  interrupted: 130,
} as const;

/** The worst of what happened to a scan. */
export function exitCodeOfRun(run: RunOutcome): number {
  let code: number = EXIT.ok;
  for (const outcome of run.outcomes) {
    if (outcome.kind === "quarantined") {
      return isErrorCode(outcome.code) ? exitCodeOf(outcome.code) : ERROR_CLASSES.internal.exitCode;
    }
    if (outcome.warnings > 0) code = EXIT.warnings;
  }
  return code;
}
