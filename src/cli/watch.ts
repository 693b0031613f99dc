import { basename, resolve } from "node:path";
import { wasRun, writeResultsTable } from "#src/local/results-table.js";
import { localWorker, runScan } from "#src/local/run-scan.js";
import { takeIn } from "#src/local/take-in.js";
import { watchFolder } from "#src/local/watch.js";
import { folderStore } from "#src/storage/folder-store.js";
import { describeRun, outcomeText } from "./describe-run.js";
import { EXIT, exitCodeOfRun } from "./exit-codes.js";
import { noProgress, progressOn } from "./progress.js";
import { placesOf, type RunFlags } from "./run.js";

export interface WatchFlags extends RunFlags {
  /** Stop after this many uploads. */
  readonly count?: number;
}

/** `scanlane watch`: takes each upload that lands in a folder. @returns the exit code: of the worst scan */
export async function watch(folder: string, flags: WatchFlags, signal: AbortSignal): Promise<number> {
  const progress = flags.json ? noProgress : progressOn(process.stderr);
  const { places, request } = placesOf(flags);
  const results = folderStore(places.results);
  const worker = localWorker(progress.logger);
  let worst: number = EXIT.ok;
  let count = 0;
  try {
    progress.line(`watching ${folder}, results go to ${places.results}; stop with Ctrl-C`);
    for await (const path of watchFolder(resolve(folder), signal)) {
      const name = basename(path);
      const upload = await takeIn(path, request);
      if (await wasRun(upload.source.scanId, results)) {
        progress.line(`${name}: already done`);
        continue;
      }
      progress.line(`${name}: ${upload.source.scanId}`);
      const { logger, onState } = progress;
      const outcome = await runScan(upload, { places, worker, logger, onState, signal });
      await writeResultsTable(results);
      const described = await describeRun(outcome, places.results);
      if (flags.json)
        console.log(JSON.stringify({ scanId: outcome.scanId, attempt: outcome.attempt, outcomes: described }));
      else for (const one of described) console.log(outcomeText(one, name));
      worst = Math.max(worst, exitCodeOfRun(outcome));
      if (++count === flags.count) break;
    }
    return worst;
  } finally {
    worker.close();
  }
}
