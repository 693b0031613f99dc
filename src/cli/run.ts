import { basename, resolve } from "node:path";
import { exitCodeOf, toPipelineError } from "#src/core/errors.js";
import { localWorker } from "#src/local/local-worker.js";
import { EXIT } from "./exit-codes.js";
import { noProgress, progressOn } from "./progress.js";
import type { RunFlags } from "./run-flags.js";

/**
 * `scanlane run`: uploads through the workflow, one after another, in processes that stay warm. Of several, one that
 * fails does not stop the next, not even one that cannot be taken in.
 *
 * @returns the exit code; of several uploads the highest
 */
export async function run(paths: readonly string[], flags: RunFlags, signal: AbortSignal): Promise<number> {
  const progress = flags.json ? noProgress : progressOn(process.stderr);
  const worker = localWorker(progress.logger, flags);
  // The worker loads its modules while this process loads its own: of a small scan, a tenth of the whole time.
  worker.start();
  try {
    const [{ takeIn }, { limitsOf, placesOf }, { runUpload }] = await Promise.all([
      import("#src/local/take-in.js"),
      import("./run-flags.js"),
      import("./run-upload.js"),
    ]);
    const { places, asked } = placesOf(flags);
    const context = {
      places,
      worker,
      signal,
      progress,
      json: flags.json === true,
      ...limitsOf(flags),
    };
    let highest: number = EXIT.ok;
    for (const path of paths) {
      try {
        const upload = await takeIn(resolve(path), asked);
        highest = Math.max(highest, await runUpload(upload, basename(path), context));
      } catch (thrown) {
        if (paths.length === 1 || signal.aborted) throw thrown;
        const { code, message } = toPipelineError(thrown);
        console.error(`${path}: ${code}: ${message}`);
        // As many documents as uploads, in their order.
        if (context.json) console.log(JSON.stringify({ scanId: null, error: { code, message } }));
        highest = Math.max(highest, exitCodeOf(code));
      }
    }
    return highest;
  } finally {
    worker.close();
  }
}
