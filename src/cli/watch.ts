import { resolve } from "node:path";
import { exitCodeOf } from "#src/core/errors.js";
import { hasEnded } from "#src/local/has-ended.js";
import { localWorker } from "#src/local/local-worker.js";
import { writtenTo } from "#src/local/places.js";
import { takeInFiles } from "#src/local/take-in.js";
import { watchFolder } from "#src/local/watch.js";
import { STABLE_SECONDS } from "#src/local/watched-entries.js";
import { assertFolder } from "./assert-folder.js";
import { EXIT } from "./exit-codes.js";
import { noProgress, progressOn } from "./progress.js";
import { contextOf, type RunFlags } from "./run-flags.js";
import { runUpload } from "./run-upload.js";
import { toldError } from "./told-error.js";

export interface WatchFlags extends RunFlags {
  /** Stop after this many uploads. */
  readonly count?: number;
  /** How long a folder or series must be quiet. @default 2 */
  readonly quietSeconds?: number;
  /** How long is waited for what it is known to lack. @default 60 */
  readonly maxWaitSeconds?: number;
}

/**
 * `scanlane watch`: takes each upload that lands in a folder. One that cannot even be taken in (it vanished, it may not
 * be read) is told on stderr and does not end the watch.
 *
 * @returns the exit code: of the worst scan
 */
export async function watch(folder: string, flags: WatchFlags, signal: AbortSignal): Promise<number> {
  const progress = flags.json ? noProgress : progressOn(process.stderr);
  const rules = { quietSeconds: flags.quietSeconds ?? STABLE_SECONDS, maxWaitSeconds: flags.maxWaitSeconds ?? 60 };
  const worker = localWorker(progress.logger, flags);
  const { context, asked } = contextOf(flags, { worker, signal, progress });
  let worst: number = EXIT.ok;
  let count = 0;
  try {
    await assertFolder(context.places.results, "--out");
    await assertFolder(context.places.work, "--work");
    progress.line(`watching ${folder}, results go to ${context.places.results}; stop with Ctrl-C`);
    for await (const watched of watchFolder(resolve(folder), rules, signal, writtenTo(context.places))) {
      const { name } = watched;
      try {
        const upload = await takeInFiles(watched, asked);
        if (await hasEnded(upload, context.places)) {
          progress.line(`${name}: already done`);
          continue;
        }
        worst = Math.max(worst, await runUpload(upload, name, context));
      } catch (thrown) {
        signal.throwIfAborted();
        const error = toldError(thrown);
        console.error(`${name}: ${error.code}: ${error.message}`);
        worst = Math.max(worst, exitCodeOf(error.code));
      }
      if (++count === flags.count) break;
    }
    return worst;
  } finally {
    worker.close();
  }
}
