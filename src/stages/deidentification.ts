import { randomBytes } from "node:crypto";
import { PipelineError } from "#src/core/errors.js";
import { type Pseudonyms, pseudonymsOf, SECRET_BYTES } from "#src/core/pseudonyms.js";
import { SCHEMA_VERSION } from "#src/core/versions.js";
import type { ModelLibrary } from "#src/model/model-library.js";
import { deidKeys } from "#src/storage/keys.js";
import type { ScanStore } from "#src/storage/scan-store.js";
import type { DeidentifiedScan, RunRequest, SourceDocument, TaskDocument, UidMap } from "#src/workflow/contract.js";
import { writeDocument } from "./documents.js";
import type { StageDeps } from "./stage-deps.js";

/**
 * The pseudonyms of a task whose outputs are de-identified, null for any other. The first of a deployment makes the
 * secret, by conditional create: of several at once all use the same.
 *
 * @throws {PipelineError} `DeidentificationUnavailable` without a place for it, or with a secret that is none
 */
export async function openPseudonyms(task: TaskDocument, deps: StageDeps): Promise<Pseudonyms | null> {
  if (task.deidentify === undefined) return null;
  const store = storeOf(deps);
  // Asking first would need the right to list: an absent object is else a denied one.
  const fresh = `${randomBytes(SECRET_BYTES).toString("hex")}\n`;
  await store.put(deidKeys.secret, new TextEncoder().encode(fresh), { ifAbsent: true, contentType: "text/plain" });
  const text = new TextDecoder().decode(await store.get(deidKeys.secret)).trim();
  const secret = Uint8Array.from(Buffer.from(text, "hex"));
  if (secret.length === SECRET_BYTES && text.length === 2 * SECRET_BYTES) return pseudonymsOf(secret);
  throw new PipelineError(
    "DeidentificationUnavailable",
    `the secret has ${text.length} characters, expected ${2 * SECRET_BYTES} hexadecimal digits`,
  );
}

/**
 * Whether outputs of a scan may have to be de-identified. Before it has tasks nobody knows which rule of the routes
 * fits: any that asks for it counts, and so do rules that cannot be read.
 */
export async function mayBeDeidentified(request: RunRequest | undefined, models: ModelLibrary): Promise<boolean> {
  if (request?.deidentify !== undefined) return true;
  return models.routes().then(
    ({ routes }) => routes.some(({ deidentify }) => deidentify !== undefined),
    () => true,
  );
}

/** Writes down the way back from the UIDs of a result. To be called before the first file of the result is written. */
export async function writeUidMap(
  task: TaskDocument,
  pseudonyms: Pseudonyms,
  uids: ReadonlyMap<string, string>,
  deps: StageDeps,
): Promise<void> {
  const identity = pseudonyms.resultId(task.identity);
  const map: UidMap = {
    schemaVersion: SCHEMA_VERSION,
    identity,
    taskIdentity: task.identity,
    keyId: pseudonyms.keyId,
    uids: Object.fromEntries(uids),
  };
  await writeDocument(storeOf(deps), deidKeys.map(identity), map);
}

/** Writes down which upload a scan was, and by that which results are of it. */
export async function writeDeidentifiedScan(
  { scanId, taskId }: TaskDocument,
  identity: string,
  source: SourceDocument,
  deps: StageDeps,
): Promise<void> {
  const record: DeidentifiedScan = {
    schemaVersion: SCHEMA_VERSION,
    scanId,
    taskId,
    identity,
    source: { bucket: source.bucket, keys: source.objects.map(({ key }) => key) },
  };
  await writeDocument(storeOf(deps), deidKeys.scan(scanId, taskId, identity), record);
}

function storeOf({ stores }: StageDeps): ScanStore {
  if (stores.deid !== undefined) return stores.deid;
  throw new PipelineError(
    "DeidentificationUnavailable",
    "there is no place for secret and UID maps, expected one where outputs are de-identified",
  );
}
