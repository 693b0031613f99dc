import { PipelineError } from "#src/core/errors.js";
import type { ResultId, ScanId } from "#src/core/ids.js";
import { ledgerIds } from "#src/intake/series-ledger.js";
import { folderOf } from "#src/intake/upload-names.js";
import { readDocumentIfValid } from "#src/stages/documents.js";
import { recordOfKey, resultKeys, workKeys } from "#src/storage/keys.js";
import type { ErasableStore } from "#src/storage/scan-store.js";
import { IndexRecord } from "#src/workflow/contract.js";
import type { Deployment } from "./deployment.js";
import { inOrder } from "./in-order.js";
import { readScan, type ScanRecords } from "./scan-records.js";
import { statusOf } from "./status.js";

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
  /** Null where there is no ledger. */
  readonly ledger: number | null;
}

/**
 * Looks at what is derived from a scan. Every line of the table is read: results are named by what they are made of, so
 * that two uploads of one image have one result.
 *
 * @throws {PipelineError} `StoreMissing` where nothing is known of the scan, `ScanRunning` while it is under way
 */
export async function planDeletion(scanId: ScanId, deployment: Deployment): Promise<DeletionPlan> {
  const { state, attempt } = await statusOf(scanId, deployment);
  if (state === "running") {
    throw new PipelineError(
      "ScanRunning",
      `attempt ${attempt} of scan ${scanId} is under way, expected it to have ended`,
    );
  }
  const records = await readScan(scanId, deployment);
  const made = identitiesOf(records);
  const others = await identitiesOfOthers(scanId, deployment);
  return {
    scanId,
    results: made.filter((identity) => !others.has(identity)),
    shared: made.filter((identity) => others.has(identity)),
    made,
    supersedes: records.source?.completeness?.supersedes ?? records.lines[0]?.completeness?.supersedes ?? null,
    uploads: uploadsOf(records),
  };
}

/**
 * Removes everything derived from a scan. The upload stays where it is, and so does the ledger's mark that this scan id
 * was seen: an event of it that comes late starts nothing. What the rest is found by goes last, so that an interrupted
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
  const ledger = await forget(plan, deployment);
  const quarantine = await erase(results, resultKeys.quarantineOf(scanId));
  let made = 0;
  for (const identity of plan.made) made += await erase(work, workKeys.made(identity));
  made += await erase(work, workKeys.scan(scanId));
  const index = await erase(results, resultKeys.indexOf(scanId));
  return { results: published, work: made, quarantine, index, ledger };
}

async function erase(store: ErasableStore, prefix: string): Promise<number> {
  let count = 0;
  for await (const _ of store.erase(prefix)) count++;
  return count;
}

function identitiesOf({ tasks, lines }: ScanRecords): ResultId[] {
  const published = lines.flatMap(({ resultKey }) => (resultKey === null ? [] : [identityOf(resultKey)]));
  return [...new Set([...tasks.map(({ identity }) => identity), ...published])].sort();
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
function uploadsOf({ source, setAside, lines }: ScanRecords): string[] {
  const keys = [
    ...(source?.objects.map(({ key }) => key) ?? []),
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
