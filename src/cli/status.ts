import { ERROR_CLASSES, exitCodeOf, isErrorCode, PipelineError } from "#src/core/errors.js";
import { type ScanStatus, statusOf, type TaskState } from "#src/operate/status.js";
import { readDocumentIfValid } from "#src/stages/documents.js";
import { RunDocument } from "#src/stages/run-document.js";
import { resultKeys } from "#src/storage/keys.js";
import { ResultDocument } from "#src/workflow/contract.js";
import { EXIT } from "./exit-codes.js";
import { inPlace, openDeployment, openResults, type PlaceFlags, scanIdOf } from "./operator-flags.js";
import { table } from "./table.js";
import { usageError } from "./usage.js";

export interface StatusFlags extends PlaceFlags {
  readonly json?: boolean;
}

/**
 * `scanlane status`: how a scan stands, by its id, by the name of its execution, by the id of a result of it, or by that
 * of its series.
 *
 * @returns the code with which `run` ends for such a scan; that of a passing failure while it has not ended
 */
export async function status(id: string, flags: StatusFlags): Promise<number> {
  return inPlace(flags, async () => {
    if (/^r-[0-9a-f]{40}$/.test(id)) return statusOfResult(id, flags);
    if (/^q-[0-9a-f]{40}$/.test(id)) return statusOfSeries(id, flags);
    const found = await statusOf(scanIdOf(id), await openDeployment(flags));
    console.log(flags.json ? JSON.stringify(found) : statusText(found));
    return exitCodeOfStatus(found);
  });
}

async function statusOfResult(id: string, flags: StatusFlags): Promise<number> {
  const results = await openResults(flags);
  const [result, run] = await Promise.all([
    readDocumentIfValid(results, resultKeys.result(id), ResultDocument),
    readDocumentIfValid(results, resultKeys.file(id, "run.json"), RunDocument),
  ]);
  if (result === null) throw new PipelineError("StoreMissing", `there is no result ${id}, expected its result.json`);
  const { scanId = null, attempt = null } = run ?? {};
  if (flags.json) {
    console.log(JSON.stringify({ identity: id, scanId, attempt, result }));
  } else {
    const { model, warnings, files } = result;
    console.log(
      [
        `${id}: published`,
        `  model ${model.id} ${model.version}, ${files.length} files listed`,
        `  made by scan ${scanId ?? "unknown"}, attempt ${attempt ?? "unknown"}`,
        ...warnings.map(({ code, message }) => `  warning: ${code}: ${message}`),
      ].join("\n"),
    );
  }
  return result.warnings.length > 0 ? EXIT.warnings : EXIT.ok;
}

/** A series of loose files, as dead letters name it. */
async function statusOfSeries(id: string, flags: StatusFlags): Promise<number> {
  const { ledgerTable } = flags;
  if (ledgerTable === undefined) usageError("a series is known on AWS alone: name its --ledger-table (stack output)");
  const deployment = await openDeployment(flags, ["ledgerTable"]);
  const series = (await deployment.ledger?.read(id)) ?? null;
  if (series === null)
    throw new PipelineError("StoreMissing", `nothing is known of series ${id}, expected one in the ledger`);
  const { version, checkAt } = series.head;
  const scan = version === null ? null : await statusOf(version.scanId, deployment);
  if (flags.json) {
    console.log(JSON.stringify({ seriesId: id, instances: series.instances.length, version, checkAt, scan }));
  } else {
    const next = checkAt === 0 ? "" : `, looked at again at ${new Date(checkAt).toISOString()}`;
    console.log(`${id}: ${series.instances.length} files${next}`);
    if (version === null) console.log("  no run yet: it is not known to be complete");
    else console.log(`  run of ${version.instances} files by ${version.evidence}: scan ${version.scanId}`);
    if (scan !== null) console.log(statusText(scan));
  }
  return scan === null ? ERROR_CLASSES.transient.exitCode : exitCodeOfStatus(scan);
}

const SAID = {
  waiting: "taken in, not started",
  held: "held",
  running: "running",
  open: "not ended: under way, or broken off",
  published: "published",
  "set-aside": "set aside",
  ended: "its execution ended and left no record of all of it",
} as const;

function statusText(status: ScanStatus): string {
  const { scanId, state, attempt, execution, heldOn, tasks, earlier, canRetry } = status;
  const rows = tasks.map((task) => [task.subject, task.model ?? "-", task.reached ?? "-", outcomeText(task)]);
  const advice = new Set(tasks.flatMap(({ outcome }) => (outcome.kind === "set-aside" ? [outcome.advice] : [])));
  const mayRetry = state === "set-aside" || state === "ended" || state === "waiting";
  return [
    `${scanId}: ${SAID[state]}${attempt > 0 ? `, attempt ${attempt}` : ""}`,
    ...(execution === null
      ? []
      : [
          `  execution ${execution.name}: ${execution.status}, ${execution.startedAt} to ${execution.endedAt ?? "now"}`,
        ]),
    ...(heldOn === null
      ? []
      : [
          `  the runs of ${heldOn} (UTC) were used up: it starts by itself on a later day`,
          `  start it now: scanlane held release ${scanId}`,
        ]),
    ...(rows.length === 0 ? [] : [table(["image", "model", "last stage done", "outcome"], rows)]),
    ...earlier.map((one) => `  attempt ${one.attempt}, ${one.subject}: set aside: ${one.code}`),
    ...[...advice].map((text) => `  what to do: ${text}`),
    ...(mayRetry
      ? [
          canRetry
            ? `  another attempt: scanlane quarantine retry ${scanId}, with the same options`
            : "  another attempt cannot help: upload it again",
        ]
      : []),
  ].join("\n");
}

function outcomeText({ outcome, identity }: TaskState): string {
  if (outcome.kind === "open") return identity === null ? "open" : `open, will be ${identity}`;
  if (outcome.kind === "set-aside") return `set aside at ${outcome.step}: ${outcome.code}: ${outcome.message}`;
  const warnings = outcome.warnings === 0 ? "" : `, ${outcome.warnings} warnings`;
  return `published as ${outcome.identity}${warnings}`;
}

function exitCodeOfStatus({ state, tasks }: ScanStatus): number {
  if (state !== "published" && state !== "set-aside") return ERROR_CLASSES.transient.exitCode;
  let code: number = EXIT.ok;
  for (const { outcome } of tasks) {
    if (outcome.kind === "set-aside") {
      return isErrorCode(outcome.code) ? exitCodeOf(outcome.code) : ERROR_CLASSES.internal.exitCode;
    }
    if (outcome.kind === "published" && outcome.warnings > 0) code = EXIT.warnings;
  }
  return code;
}
