import { PipelineError } from "#src/core/errors.js";
import type { ResultId, ScanId } from "#src/core/ids.js";
import { ledgerIds } from "#src/intake/series-ledger.js";
import { folderOf } from "#src/intake/upload-names.js";
import { readDocument, readDocumentIfValid } from "#src/stages/documents.js";
import { deidKeys, recordOfKey, resultKeys, workKeys } from "#src/storage/keys.js";
import type { ErasableStore } from "#src/storage/scan-store.js";
import { DeidentifiedScan, IndexRecord, ResultDocument } from "#src/workflow/contract.js";
import type { Deployment } from "./deployment.js";
import { inOrder } from "./in-order.js";
import { readScan, type ScanRecords } from "./scan-records.js";
import { endedStatusOf } from "./status.js";

/** What a deletion would remove. */
export interface DeletionPlan {
  readonly scanId: ScanId;
  /** Results of this scan alone, whether or not they are whole. */
  readonly results: readonly ResultId[];
  /** Results that stay, as another upload of the same image has them too. */
  readonly shared: readonly ResultId[];
  /** Results whose intermediate files go. */
  readonly made: readonly ResultId[];
  /** An earlier version of the same series, which is a scan of its own. */
  readonly supersedes: ScanId | null;
  /** Keys of the upload, by which the ledger is searched. */
  readonly uploads: readonly string[];
}

/** What was removed: objects, each with all of its versions, and items of the ledger. */
export interface Deleted {
  readonly results: number;
  readonly work: number;
  readonly quarantine: number;
  readonly index: number;
  /** 1 where it waited for the runs of another day, which it no longer does. */
  readonly held: number;
  /** Null where there is no ledger. */
  readonly ledger: number | null;
  /** UID maps of its results, and which upload it was; null where their place was not named. */
  readonly deid: number | null;
}

/**
 * Looks at what is derived from a scan. Every line of the table is read: results are named by what they are made of, so
 * that two uploads of one image have one result.
 *
 * @throws {PipelineError} `StoreMissing` where nothing is known of the scan, `ScanRunning` while it is under way,
 *   `InputMismatch` where its outputs were de-identified and the place of what undoes that was not named
 */
export async function planDeletion(scanId: ScanId, deployment: Deployment): Promise<DeletionPlan> {
  await endedStatusOf(scanId, deployment);
  const records = await readScan(scanId, deployment);
  const kept = await keptBy(scanId, deployment);
  if (deployment.deid === null && (await isDeidentified(records, deployment))) {
    throw new PipelineError(
      "InputMismatch",
      `outputs of scan ${scanId} were de-identified, expected the place of UID maps to be named (--deid-bucket, here --deid-dir)`,
    );
  }
  const named = identitiesOf(records, kept);
  const others = await identitiesOfOthers(scanId, deployment);
  return {
    scanId,
    results: named.filter((identity) => !others.has(identity)),
    shared: named.filter((identity) => others.has(identity)),
    made: [...new Set([...records.tasks.map(({ identity }) => identity), ...named])].sort(),
    supersedes: records.source?.completeness?.supersedes ?? records.lines[0]?.completeness?.supersedes ?? null,
    uploads: uploadsOf(records, kept),
  };
}

/**
 * Removes everything derived from a scan. The upload stays where it is, and so do the ledger's marks that this scan id
 * was seen and counted: an event of it that comes late starts nothing. So does the secret of de-identification. What the rest is found by goes last, so that an interrupted
 * deletion is finished by another one.
 *
 * @throws {PipelineError} `StoreLocked` for results that S3 Object Lock holds; they come first, so that nothing was
 *   removed then
 */
export async function deleteScan(plan: DeletionPlan, deployment: Deployment): Promise<Deleted> {
  const { scanId } = plan;
  const { work, results } = deployment;
  let published = 0;
  for (const identity of plan.results) {
    // Without it nothing of the result counts.
    published += await erase(results, resultKeys.result(identity));
    published += await erase(results, resultKeys.folder(identity));
  }
  // Before whoever wakes on the next day finds it.
  const held = await erase(results, resultKeys.held(scanId));
  const ledger = await forget(plan, deployment);
  const quarantine = await erase(results, resultKeys.quarantineOf(scanId));
  let made = 0;
  for (const identity of plan.made) made += await erase(work, workKeys.made(identity));
  const deid = await forgetWayBack(plan, deployment);
  made += await erase(work, workKeys.scan(scanId));
  const index = await erase(results, resultKeys.indexOf(scanId));
  return { results: published, work: made, quarantine, index, held, ledger, deid };
}

async function erase(store: ErasableStore, prefix: string): Promise<number> {
  let count = 0;
  for await (const _ of store.erase(prefix)) count++;
  return count;
}

/** Names of results. A de-identified one has not that of its task; its record has it before its first file is there. */
function identitiesOf({ tasks, lines }: ScanRecords, kept: readonly DeidentifiedScan[]): ResultId[] {
  const published = lines.flatMap(({ resultKey }) => (resultKey === null ? [] : [identityOf(resultKey)]));
  const open = tasks.flatMap(({ identity, deidentify }) => (deidentify === undefined ? [identity] : []));
  return [...new Set([...open, ...published, ...kept.map(({ identity }) => identity)])].sort();
}

/** What de-identification keeps of the scan, of whatever secret. */
async function keptBy(scanId: ScanId, { deid }: Deployment): Promise<DeidentifiedScan[]> {
  const kept: DeidentifiedScan[] = [];
  if (deid === null) return kept;
  for await (const { key } of deid.list(deidKeys.scanOf(scanId))) {
    kept.push(await readDocument(deid, key, DeidentifiedScan));
  }
  return kept;
}

async function isDeidentified({ tasks, lines }: ScanRecords, { results }: Deployment): Promise<boolean> {
  if (tasks.some(({ deidentify }) => deidentify !== undefined)) return true;
  for (const { resultKey } of lines) {
    if (resultKey === null) continue;
    const result = await readDocumentIfValid(results, resultKey, ResultDocument);
    if (result?.deidentified !== undefined) return true;
  }
  return false;
}

/** Maps first: they are found by the records of the scan. */
async function forgetWayBack({ scanId, results }: DeletionPlan, { deid }: Deployment): Promise<number | null> {
  if (deid === null) return null;
  let count = 0;
  for (const identity of results) count += await erase(deid, deidKeys.map(identity));
  return count + (await erase(deid, deidKeys.scanOf(scanId)));
}

function identityOf(resultKey: string): ResultId {
  return resultKey.slice(0, resultKey.indexOf("/"));
}

const AT_ONCE = 48;

async function identitiesOfOthers(scanId: ScanId, { results }: Deployment): Promise<Set<ResultId>> {
  const identities = new Set<ResultId>();
  for await (const line of inOrder(keysOfOthers(scanId, results), AT_ONCE, (key) =>
    readDocumentIfValid(results, key, IndexRecord),
  )) {
    if (line?.resultKey) identities.add(identityOf(line.resultKey));
  }
  return identities;
}

async function* keysOfOthers(scanId: ScanId, results: ErasableStore): AsyncGenerator<string> {
  for await (const { key } of results.list(resultKeys.indexOf())) {
    const record = recordOfKey(key);
    if (record !== null && record.scanId !== scanId) yield key;
  }
}

/** As far as anything still tells: of a series all of its keys lie in one folder, so that one of them is enough. */
function uploadsOf({ source, setAside, lines, held }: ScanRecords, kept: readonly DeidentifiedScan[]): string[] {
  const objects = [...(source?.objects ?? []), ...(held?.source.objects ?? [])];
  const keys = [
    ...objects.map(({ key }) => key),
    ...kept.flatMap((record) => record.source.keys),
    ...setAside.flatMap((record) => record.source.keys),
    ...lines.map((line) => line.source),
  ];
  return [...new Set(keys)].filter((key) => key !== "").sort();
}

/** What intake remembers of the upload's objects, and of series whose last version this scan is. */
async function forget({ scanId, uploads }: DeletionPlan, { ledger, bucket }: Deployment): Promise<number | null> {
  if (ledger === null || bucket === null) return null;
  const objects = new Set(uploads);
  let count = 0;
  for (const folder of new Set(uploads.map(folderOf))) {
    for (const seriesId of await ledger.seriesIn(ledgerIds.folder(bucket, folder))) {
      const series = await ledger.read(seriesId);
      const keys = (series?.instances ?? []).map(({ object }) => object.key);
      if (series !== null && series.head.version?.scanId !== scanId) {
        // A later version of the series has the same files.
        for (const key of keys) objects.delete(key);
        continue;
      }
      for (const key of keys) objects.add(key);
      await ledger.forgetSeries(seriesId, { bucket, folder, series: series?.head.place.series ?? "" });
      count += keys.length + 1;
    }
  }
  await ledger.forget([...objects].map((key) => ledgerIds.object(bucket, key)));
  return count + objects.size;
}
