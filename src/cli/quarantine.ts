import { isErrorCode, PipelineError } from "#src/core/errors.js";
import { executionName } from "#src/core/ids.js";
import { printable } from "#src/core/printable.js";
import { nextAttempt } from "#src/operate/retry.js";
import { recordsOf, setAsideRecords } from "#src/operate/set-aside.js";
import type { QuarantineRecord } from "#src/workflow/contract.js";
import { agreed } from "./agreed.js";
import { EXIT } from "./exit-codes.js";
import {
  inPlace,
  isInCloud,
  localPlaces,
  openDeployment,
  openResults,
  type PlaceFlags,
  scanIdOf,
  worstOf,
} from "./operator-flags.js";
import { table } from "./table.js";
import { usageError } from "./usage.js";

export interface QuarantineFlags extends PlaceFlags {
  /** Whether uploads are named too. */
  readonly names?: boolean;
  readonly code?: readonly string[];
  readonly all?: boolean;
  readonly json?: boolean;
}

export interface RetryFlags extends PlaceFlags {
  readonly code?: readonly string[];
  readonly models?: string;
  readonly yes?: boolean;
  readonly json?: boolean;
}

/** `scanlane quarantine list`: what is set aside, by ids. @returns the exit code */
export async function listQuarantine(flags: QuarantineFlags): Promise<number> {
  return inPlace(flags, async () => {
    const rows: string[][] = [];
    for await (const record of setAsideRecords(await openResults(flags), askedBy(flags))) {
      if (flags.json) console.log(JSON.stringify(flags.names ? record : withoutNames(record)));
      else rows.push(rowOf(record, flags.names === true));
    }
    if (flags.json) return EXIT.ok;
    const head = ["scan", "image", "step", "code", "message", ...(flags.names ? ["source"] : [])];
    if (rows.length > 0) console.log(table(head, rows));
    console.log(`${rows.length} set aside`);
    return EXIT.ok;
  });
}

/** `scanlane quarantine show`: every record of a scan, with what to do. @returns the exit code */
export async function showQuarantine(id: string, flags: QuarantineFlags): Promise<number> {
  const scanId = scanIdOf(id);
  return inPlace(flags, async () => {
    const records = await recordsOf(await openResults(flags), scanId);
    if (records.length === 0) {
      throw new PipelineError("StoreMissing", `nothing of scan ${scanId} was set aside, expected a quarantine record`);
    }
    for (const record of records) {
      if (flags.json) console.log(JSON.stringify(flags.names ? record : withoutNames(record)));
      else console.log(recordText(record, flags.names === true));
    }
    return EXIT.ok;
  });
}

/**
 * `scanlane quarantine retry`: a new attempt of scans that were set aside; stages that are done are skipped. One that
 * cannot be started is told on stderr and does not keep the others.
 *
 * @param signal asked for once scans are run, by nobody while a question waits for its answer
 * @returns on AWS 0 when all were started, on one machine the code of the worst run
 */
export async function retryQuarantine(
  ids: readonly string[],
  flags: RetryFlags,
  signal: () => AbortSignal,
): Promise<number> {
  if ((ids.length === 0) === (flags.code === undefined)) {
    usageError("expected ids of scans, or --code for all that were set aside with it");
  }
  return inPlace(flags, async () => {
    const scanIds = ids.length > 0 ? [...new Set(ids.map(scanIdOf))] : await setAsideWith(flags);
    if (ids.length === 0 && !flags.yes) {
      console.error(`${scanIds.length} scans were set aside with ${flags.code?.join(", ")}`);
      if (scanIds.length === 0 || !(await agreed("start another attempt of each?"))) {
        console.error("nothing was started");
        return scanIds.length === 0 || process.stdin.isTTY ? EXIT.ok : EXIT.usage;
      }
    }
    return isInCloud(flags) ? startInCloud(scanIds, flags) : runHere(scanIds, flags, signal());
  });
}

async function setAsideWith(flags: RetryFlags): Promise<string[]> {
  const scanIds = new Set<string>();
  for await (const { scanId } of setAsideRecords(await openResults(flags), askedBy(flags))) scanIds.add(scanId);
  return [...scanIds];
}

async function startInCloud(scanIds: readonly string[], flags: RetryFlags): Promise<number> {
  const deployment = await openDeployment(flags);
  return worstOf(scanIds, flags, async (scanId) => {
    const { attempt } = await nextAttempt(scanId, deployment);
    await deployment.executions?.start(scanId, attempt);
    const execution = executionName(scanId, attempt);
    console.log(flags.json ? JSON.stringify({ scanId, attempt, execution }) : `started ${execution}`);
    return EXIT.ok;
  });
}

async function runHere(scanIds: readonly string[], flags: RetryFlags, signal: AbortSignal): Promise<number> {
  const [{ localWorker }, { takeInAgain }, { modelsFolder }, { runUpload }, { noProgress, progressOn }] =
    await Promise.all([
      import("#src/local/local-worker.js"),
      import("#src/local/take-in.js"),
      import("./models-folder.js"),
      import("./run-upload.js"),
      import("./progress.js"),
    ]);
  const deployment = await openDeployment(flags);
  const places = { ...(await localPlaces(flags)), models: modelsFolder(flags.models) };
  const progress = flags.json ? noProgress : progressOn(process.stderr);
  const worker = localWorker(progress.logger);
  const context = { places, worker, signal, progress, json: flags.json === true };
  try {
    return await worstOf(scanIds, flags, async (scanId) => {
      const { source } = await nextAttempt(scanId, deployment);
      return runUpload(await takeInAgain(source, deployment.work), scanId, context);
    });
  } finally {
    worker.close();
  }
}

/** A code that does not exist would be found nowhere, and taken for good news. */
function askedBy({ code, all }: Pick<QuarantineFlags, "code" | "all">) {
  const unknown = code?.find((one) => !isErrorCode(one));
  if (unknown !== undefined) usageError(`${unknown} is no code, expected one as records have it: ComputeLost`);
  return { ...(code === undefined ? {} : { codes: code }), all: all === true };
}

function withoutNames({ source: _, ...record }: QuarantineRecord): Omit<QuarantineRecord, "source"> {
  return record;
}

function rowOf({ scanId, attempt, subject, step, code, message, source }: QuarantineRecord, names: boolean): string[] {
  return [executionName(scanId, attempt), subject, step, code, message, ...(names ? [namesText(source)] : [])];
}

function recordText(record: QuarantineRecord, names: boolean): string {
  const { scanId, attempt, subject, step, code, message, advice, retryable, source } = record;
  return [
    `${executionName(scanId, attempt)}: ${subject} set aside at ${step}: ${code}: ${message}`,
    `  what to do: ${advice}`,
    `  another attempt ${retryable ? "can help" : "helps only when the cause is removed"}`,
    ...(names ? [`  source: ${source.bucket}: ${namesText(source)}`] : []),
  ].join("\n");
}

function namesText({ keys }: QuarantineRecord["source"]): string {
  const first = printable(keys[0] ?? "unknown");
  return keys.length > 1 ? `${first} and ${keys.length - 1} more` : first;
}
