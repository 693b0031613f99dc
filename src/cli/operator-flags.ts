import { stat } from "node:fs/promises";
import { join, resolve } from "node:path";
import { PipelineError } from "#src/core/errors.js";
import { parseExecutionName } from "#src/core/ids.js";
import type { Deployment } from "#src/operate/deployment.js";
import { folderStore } from "#src/storage/folder-store.js";
import type { ScanStore } from "#src/storage/scan-store.js";
import { askingServices, loadCloud } from "./cloud.js";
import { usageError } from "./usage.js";

/** Where an operator's command looks: folders of this machine, or what the outputs of a stack name. */
export interface PlaceFlags {
  readonly out: string;
  readonly work?: string;
  readonly resultBucket?: string;
  readonly workBucket?: string;
  readonly machine?: string;
  readonly scanBucket?: string;
  readonly ledgerTable?: string;
  readonly liftLocks?: boolean;
}

const CLOUD = {
  resultBucket: "--result-bucket",
  workBucket: "--work-bucket",
  machine: "--machine",
  scanBucket: "--scan-bucket",
  ledgerTable: "--ledger-table",
} as const;
type CloudFlag = keyof typeof CLOUD;

/** Whether the command is asked about a stack on AWS. */
export function isInCloud(flags: PlaceFlags): boolean {
  return Object.keys(CLOUD).some((name) => flags[name as CloudFlag] !== undefined);
}

/** @param more what the command needs on AWS besides result bucket, work bucket and state machine */
export async function openDeployment(flags: PlaceFlags, more: readonly CloudFlag[] = []): Promise<Deployment> {
  if (isInCloud(flags)) {
    const [resultBucket, workBucket, machine] = required(flags, ["resultBucket", "workBucket", "machine", ...more]);
    const { cloudDeployment } = await loadCloud(() => import("#functions/cli/deployment.js"));
    const { scanBucket, ledgerTable, liftLocks } = flags;
    return cloudDeployment({ resultBucket, workBucket, machine, scanBucket, ledgerTable, liftLocks });
  }
  const { results, work } = await localPlaces(flags);
  return { results: folderStore(results), work: folderStore(work), executions: null, ledger: null, bucket: null };
}

export async function openResults(flags: PlaceFlags): Promise<ScanStore> {
  if (!isInCloud(flags)) return folderStore((await localPlaces(flags)).results);
  const [resultBucket] = required(flags, ["resultBucket"]);
  return (await loadCloud(() => import("#functions/cli/deployment.js"))).cloudResults(resultBucket);
}

/** @throws {PipelineError} `StoreMissing` where there is no such folder: an empty answer would be taken for one */
export async function localPlaces(flags: Pick<PlaceFlags, "out" | "work">): Promise<{ results: string; work: string }> {
  const results = resolve(flags.out);
  const isThere = await stat(results).then(
    (info) => info.isDirectory(),
    () => false,
  );
  if (!isThere)
    throw new PipelineError("StoreMissing", "there is no folder of results here, expected the --out of a run");
  return { results, work: flags.work === undefined ? join(results, ".work") : resolve(flags.work) };
}

/** Runs a command, in a folder or against the services of AWS. */
export async function inPlace<T>(flags: PlaceFlags, command: () => Promise<T>): Promise<T> {
  return isInCloud(flags) ? askingServices(command) : command();
}

/** The scan id of what a user names: an id, or the name of an execution as notices and alarms have it. */
export function scanIdOf(text: string): string {
  const parsed = parseExecutionName(text);
  return parsed === null ? usageError(`${text} is no scan id, expected s- and 40 hexadecimal digits`) : parsed.scanId;
}

type Three = [string, string, string];

function required(flags: PlaceFlags, names: readonly CloudFlag[]): Three {
  const missing = names.filter((name) => flags[name] === undefined).map((name) => CLOUD[name]);
  if (missing.length > 0) usageError(`on AWS this command needs ${missing.join(", ")} too (outputs of the stack)`);
  return names.map((name) => flags[name] ?? "") as Three;
}
