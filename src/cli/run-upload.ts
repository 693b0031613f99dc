import { printable } from "#src/core/printable.js";
import { writeResultsTable } from "#src/local/results-table.js";
import { type RunOptions, runScan } from "#src/local/run-scan.js";
import type { LocalUpload } from "#src/local/take-in.js";
import { folderStore } from "#src/storage/folder-store.js";
import { type DescribedOutcome, describeRun, outcomeText } from "./describe-run.js";
import { EXIT, exitCodeOfRun } from "./exit-codes.js";
import { keepAllLabels, type LabelPlace } from "./keep-labels.js";
import { type Progress, progressFrom } from "./progress.js";

/** What a command that runs scans works with. */
export interface RunContext extends Omit<RunOptions, "logger" | "onState"> {
  readonly progress: Progress;
  /** One JSON document a scan instead of text. */
  readonly json: boolean;
  /** What is to be printed of an earlier upload is printed then: nothing of this one before. @default now */
  readonly turn?: Promise<unknown>;
  /** Where a copy of each label map goes, and what it is called. */
  readonly labels?: LabelPlace;
}

/**
 * Takes one upload through the workflow and prints what became of it on stdout.
 *
 * @param name what the user calls the upload
 * @returns the exit code
 */
export async function runUpload(upload: LocalUpload, name: string, context: RunContext): Promise<number> {
  const { json, places, turn = Promise.resolve() } = context;
  const progress = progressFrom(turn, context.progress);
  progress.line(`${name}: ${upload.source.scanId}`);
  const told = { logger: progress.logger, onState: progress.onState };
  const outcome = await runScan(upload, { ...context, ...told }).catch(async (error: unknown) => {
    await turn;
    // Some of its images may have been published. What kept the others from it may keep the table too.
    await writeResultsTable(folderStore(places.results)).catch(() => {});
    throw error;
  });
  await turn;
  await writeResultsTable(folderStore(places.results));
  const outcomes = await describeRun(outcome, places.results);
  const { left, exitCode } = await keptLabels(outcomes, context.labels);
  for (const why of left) console.error(`${printable(name)}: ${why}`);
  const { scanId, attempt } = outcome;
  // The next upload may be under way, and told of.
  context.progress.clear();
  if (json) console.log(JSON.stringify({ scanId, attempt, outcomes }));
  else for (const one of outcomes) console.log(outcomeText(one, name));
  return Math.max(exitCodeOfRun(outcome), exitCode);
}

async function keptLabels(outcomes: readonly DescribedOutcome[], place: LabelPlace | undefined) {
  return place === undefined ? { left: [], exitCode: EXIT.ok } : keepAllLabels(outcomes, place);
}
