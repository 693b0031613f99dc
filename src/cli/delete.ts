import { writeResultsTable } from "#src/local/results-table.js";
import { type Deleted, type DeletionPlan, deleteScan, planDeletion } from "#src/operate/delete-scan.js";
import { agreed } from "./agreed.js";
import { EXIT } from "./exit-codes.js";
import { inPlace, isInCloud, openDeployment, type PlaceFlags, scanIdOf } from "./operator-flags.js";

export interface DeleteFlags extends PlaceFlags {
  readonly yes?: boolean;
  readonly json?: boolean;
}

/** `scanlane delete`: removes everything derived from a scan, after it was asked. @returns the exit code */
export async function deleteCommand(id: string, flags: DeleteFlags): Promise<number> {
  const scanId = scanIdOf(id);
  return inPlace(flags, async () => {
    const deployment = await openDeployment(flags, ["scanBucket", "ledgerTable"]);
    const plan = await planDeletion(scanId, deployment);
    if (!flags.json) console.log(planText(plan));
    if (!flags.yes) {
      if (!process.stdin.isTTY) {
        console.error("nothing was removed: add --yes where there is nobody to ask");
        return EXIT.usage;
      }
      if (!(await agreed("remove all of it?"))) {
        console.log("nothing was removed");
        return EXIT.ok;
      }
    }
    const deleted = await deleteScan(plan, deployment);
    if (!isInCloud(flags)) await writeResultsTable(deployment.results);
    if (flags.json) console.log(JSON.stringify({ scanId, deleted, shared: plan.shared, supersedes: plan.supersedes }));
    else console.log(deletedText(deleted));
    return EXIT.ok;
  });
}

function planText({ scanId, results, shared, supersedes }: DeletionPlan): string {
  return [
    `scan ${scanId}: results, intermediate files, quarantine records, and its lines in the table of runs`,
    ...results.map((identity) => `  result ${identity}`),
    ...shared.map((identity) => `  stays: result ${identity}, which another upload of the same image has too`),
    ...(supersedes === null ? [] : [`  stays: scan ${supersedes}, an earlier version of the same series`]),
    "  stays: the upload itself",
  ].join("\n");
}

function deletedText({ results, work, quarantine, index, held, ledger, deid }: Deleted): string {
  const counts = [
    `${results} files of results`,
    `${work} intermediate files`,
    `${quarantine} quarantine records`,
    `${index} lines of the table`,
    ...(held === 0 ? [] : ["what it was held with"]),
    ...(deid === null || deid === 0 ? [] : [`${deid} UID maps and records of de-identification`]),
    ...(ledger === null ? [] : [`${ledger} entries of the ledger`]),
  ];
  return `removed: ${counts.join(", ")}`;
}
