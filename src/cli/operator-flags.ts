import { stat } from "node:fs/promises";
import { join, resolve } from "node:path";
import { exitCodeOf, PipelineError, toPipelineError } from "#src/core/errors.js";
import { parseExecutionName } from "#src/core/ids.js";
import { deidentifiedWork, type Places } from "#src/local/places.js";
import type { Deployment } from "#src/operate/deployment.js";
import { bothStores } from "#src/storage/both-stores.js";
import { folderStore } from "#src/storage/folder-store.js";
import type { ScanStore } from "#src/storage/scan-store.js";
import { askingServices, loadCloud } from "./cloud.js";
import { deidFolder, isApart } from "./deid-folder.js";
import { EXIT } from "./exit-codes.js";
import { usageError } from "./usage.js";

/** Where an operator's command looks: folders of this machine, or what the outputs of a stack name. */
export interface PlaceFlags {
  readonly out: string;
  readonly work?: string;
  readonly deidDir?: string;
  readonly resultBucket?: string;
  readonly workBucket?: string;
  readonly machine?: string;
  readonly scanBucket?: string;
  readonly ledgerTable?: string;
  readonly deidBucket?: string;
  readonly liftLocks?: boolean;
}

const CLOUD = {
  resultBucket: "--result-bucket",
  workBucket: "--work-bucket",
  machine: "--machine",
  scanBucket: "--scan-bucket",
  ledgerTable: "--ledger-table",
  deidBucket: "--deid-bucket",
} as const;
type CloudFlag = keyof typeof CLOUD;

/** Whether the command is asked about a stack on AWS. */
export function isInCloud(flags: Partial<PlaceFlags>): boolean {
  return Object.keys(CLOUD).some((name) => flags[name as CloudFlag] !== undefined);
}

/** @param more what the command needs on AWS besides result bucket, work bucket and state machine */
export async function openDeployment(flags: PlaceFlags, more: readonly CloudFlag[] = []): Promise<Deployment> {
  if (isInCloud(flags)) {
    const [resultBucket, workBucket, machine] = required(flags, ["resultBucket", "workBucket", "machine", ...more]);
    const { cloudDeployment } = await loadCloud(() => import("#functions/cli/deployment.js"));
    const { scanBucket, ledgerTable, deidBucket, liftLocks } = flags;
    return cloudDeployment({ resultBucket, workBucket, machine, scanBucket, ledgerTable, deidBucket, liftLocks });
  }
  const { results, work, deid } = await localPlaces(flags);
  const here = { executions: null, ledger: null, bucket: null };
  const made = folderStore(work);
  if (deid === undefined) return { ...here, results: folderStore(results), work: made, deid: null };
  // A scan that may have been de-identified has its intermediate files there.
  const apart = folderStore(deidentifiedWork(deid), { isPrivate: true });
  const kept = folderStore(deid, { isPrivate: true });
  return { ...here, results: folderStore(results), work: bothStores(made, apart), deid: kept };
}

export async function openResults(flags: PlaceFlags): Promise<ScanStore> {
  if (!isInCloud(flags)) return folderStore((await localPlaces(flags)).results);
  const [resultBucket] = required(flags, ["resultBucket"]);
  return (await loadCloud(() => import("#functions/cli/deployment.js"))).cloudResults(resultBucket);
}

/** The folders of runs here. */
type LocalPlaces = Omit<Places, "source" | "models">;

/** @throws {PipelineError} `StoreMissing` where there is no such folder: an empty answer would be taken for one */
export async function localPlaces(flags: Pick<PlaceFlags, "out" | "work" | "deidDir">): Promise<LocalPlaces> {
  const results = resolve(flags.out);
  const isThere = await stat(results).then(
    (info) => info.isDirectory(),
    () => false,
  );
  if (!isThere)
    throw new PipelineError("StoreMissing", "there is no folder of results here, expected the --out of a run");
  const work = flags.work === undefined ? join(results, ".work") : resolve(flags.work);
  const deid = deidFolder(flags.deidDir);
  return { results, work, ...(isApart(deid, [results, work]) && { deid }) };
}

/** Runs a command, in a folder or against the services of AWS. */
export async function inPlace<T>(flags: Partial<PlaceFlags>, command: () => Promise<T>): Promise<T> {
  return isInCloud(flags) ? askingServices(command) : command();
}

/** The scan id of what a user names: an id, or the name of an execution as notices and alarms have it. */
export function scanIdOf(text: string): string {
  const parsed = parseExecutionName(text);
  return parsed === null ? usageError(`${text} is no scan id, expected s- and 40 hexadecimal digits`) : parsed.scanId;
}

/** Runs a command on each of several; what fails is told on stderr and does not keep the others. @returns the worst code */
export async function worstOf(
  scanIds: readonly string[],
  flags: Partial<PlaceFlags>,
  one: (scanId: string) => Promise<number>,
): Promise<number> {
  let worst: number = EXIT.ok;
  for (const scanId of scanIds) {
    try {
      worst = Math.max(worst, await inPlace(flags, () => one(scanId)));
    } catch (thrown) {
      if (!(thrown instanceof PipelineError)) throw thrown;
      const error = toPipelineError(thrown);
      console.error(`${scanId}: ${error.code}: ${error.message}`);
      worst = Math.max(worst, exitCodeOf(error.code));
    }
  }
  return worst;
}

type Three = [string, string, string];

function required(flags: PlaceFlags, names: readonly CloudFlag[]): Three {
  const missing = names.filter((name) => flags[name] === undefined).map((name) => CLOUD[name]);
  if (missing.length > 0) usageError(`on AWS this command needs ${missing.join(", ")} too (outputs of the stack)`);
  return names.map((name) => flags[name] ?? "") as Three;
}
