import { basename, resolve } from "node:path";
import { localWorker } from "#src/local/local-worker.js";
import { noProgress, progressOn } from "./progress.js";
import type { RunFlags } from "./run-flags.js";

/** `scanlane run`: one upload through the workflow. @returns the exit code */
export async function run(path: string, flags: RunFlags, signal: AbortSignal): Promise<number> {
  const progress = flags.json ? noProgress : progressOn(process.stderr);
  const worker = localWorker(progress.logger, flags);
  // The worker loads its modules while this process loads its own: of a small scan, a tenth of the whole time.
  worker.start();
  try {
    const [{ takeIn }, { placesOf }, { runUpload }] = await Promise.all([
      import("#src/local/take-in.js"),
      import("./run-flags.js"),
      import("./run-upload.js"),
    ]);
    const { places, asked } = placesOf(flags);
    const upload = await takeIn(resolve(path), asked);
    return await runUpload(upload, basename(path), { places, worker, signal, progress, json: flags.json === true });
  } finally {
    worker.close();
  }
}
