import { join } from "node:path";
import { printable } from "#src/core/printable.js";
import type { RunOutcome } from "#src/local/run-scan.js";
import { readDocument } from "#src/stages/documents.js";
import { RunDocument } from "#src/stages/run-document.js";
import { folderStore } from "#src/storage/folder-store.js";
import { RESULT_FILES, resultKeys } from "#src/storage/keys.js";
import { QuarantineRecord, ResultDocument, type TaskOutcome } from "#src/workflow/contract.js";
import { namesEntry } from "./entry-names.js";
import { table } from "./table.js";

/** What stands beside the files that a result lists. */
const BESIDE = [RESULT_FILES.reportHtml, RESULT_FILES.run, RESULT_FILES.result];

/** One outcome with what a person or script wants to know of it. */
export type DescribedOutcome =
  | {
      readonly kind: "published";
      /** The image, as the table of runs calls it: "t0". */
      readonly subject: string;
      readonly folder: string;
      readonly result: ResultDocument;
      readonly run: RunDocument;
    }
  | { readonly kind: "quarantined"; readonly recordFile: string; readonly record: QuarantineRecord };

/** @param out the results folder */
export async function describeRun(run: RunOutcome, out: string): Promise<DescribedOutcome[]> {
  return Promise.all(run.outcomes.map((outcome) => describe(outcome, out)));
}

async function describe(outcome: TaskOutcome, out: string): Promise<DescribedOutcome> {
  const store = folderStore(out);
  if (outcome.kind === "quarantined") {
    const record = await readDocument(store, outcome.recordKey, QuarantineRecord);
    return { kind: "quarantined", recordFile: join(out, outcome.recordKey), record };
  }
  const { identity, taskId } = outcome;
  return {
    kind: "published",
    subject: taskId,
    folder: join(out, identity),
    result: await readDocument(store, resultKeys.result(identity), ResultDocument),
    run: await readDocument(store, resultKeys.file(identity, "run.json"), RunDocument),
  };
}

/** The outcome for people. @param fileName what the user calls the upload */
export function outcomeText(outcome: DescribedOutcome, fileName: string): string {
  const name = printable(fileName);
  if (outcome.kind === "quarantined") {
    const { code, message, step, advice } = outcome.record;
    return [
      `${name}: set aside at ${step}: ${code}: ${message}`,
      ...(namesEntry(message) ? ["  which file that is: scanlane inspect --names"] : []),
      `  what to do: ${advice}`,
      `  record: ${outcome.recordFile}`,
    ].join("\n");
  }
  const { result, run, folder } = outcome;
  const structures = result.structures.map(({ displayName, voxels, volumeMl }) => [
    displayName,
    String(voxels),
    volumeMl === null ? "unknown" : volumeMl.toFixed(2),
  ]);
  const stages = run.stages.map(({ stage, seconds, used }) => [
    stage,
    used?.predicted?.seconds?.map((second) => second.toPrecision(2)).join(" to ") ?? "-",
    seconds.toFixed(2),
    used?.predicted === undefined ? "-" : `${used.predicted.isAtMost ? "at most " : ""}${used.predicted.memoryMiB}`,
    used?.peakMiB === undefined ? "-" : String(used.peakMiB),
  ]);
  return [
    `${name}: ${result.model.id} ${result.model.version}`,
    table(["structure", "voxels", "mL"], structures),
    "",
    table(["stage", "seconds predicted", "seconds", "MiB predicted", "MiB held"], stages),
    ...result.warnings.map((warning) => `  warning: ${warning.code}: ${warning.message}`),
    `  ${result.notice}`,
    `  files in ${folder}:`,
    `  ${[...result.files.map((file) => file.name), ...BESIDE].join("  ")}`,
  ].join("\n");
}
