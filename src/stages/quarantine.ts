import { ERROR_CODES } from "#src/core/errors.js";
import { SCHEMA_VERSION } from "#src/core/versions.js";
import { resultKeys, workKeys } from "#src/storage/keys.js";
import {
  type IndexRecord,
  type QuarantineInput,
  type QuarantineOutput,
  type QuarantineRecord,
  SourceDocument,
  TaskDocument,
} from "#src/workflow/contract.js";
import { mayBeDeidentified } from "./deidentification.js";
import { readDocumentIfValid, writeDocument } from "./documents.js";
import { reasonOf } from "./failure-reason.js";
import type { StageDeps } from "./stage-deps.js";

/** Sets a scan, or one task of it, aside with its reason. The source stays where it is. */
export async function quarantine(input: QuarantineInput, deps: StageDeps): Promise<QuarantineOutput> {
  const { scanId, attempt, task } = input;
  const { work, results } = deps.stores;
  const subject = task?.taskId ?? "scan";
  const reason = await reasonOf(input, work);
  const source = await readDocumentIfValid(work, workKeys.source(scanId), SourceDocument);
  const { advice, retryable } = ERROR_CODES[reason.code];
  const document = task === null ? null : await readDocumentIfValid(work, task.taskKey, TaskDocument);
  // Of what is de-identified no table of the results says which upload it was.
  const isDeidentified = document
    ? document.deidentify !== undefined
    : (await mayBeDeidentified(source?.request, deps.models)) || isRequestUnknown(source);
  const named = isDeidentified ? [] : (source?.objects ?? []);

  const recordKey = resultKeys.quarantine(scanId, attempt, subject);
  const record: QuarantineRecord = {
    schemaVersion: SCHEMA_VERSION,
    scanId,
    attempt,
    subject,
    ...reason,
    advice,
    retryable,
    source: { bucket: source?.bucket ?? "unknown", keys: named.map((object) => object.key) },
  };
  await writeDocument(results, recordKey, record);
  const line: IndexRecord = {
    schemaVersion: SCHEMA_VERSION,
    scanId,
    attempt,
    subject,
    source: isDeidentified ? "" : (source?.name ?? named[0]?.key ?? ""),
    status: "quarantined",
    code: reason.code,
    model: document?.model.id ?? source?.request.model ?? null,
    ...(source?.completeness === undefined ? {} : { completeness: source.completeness }),
    volumesMl: {},
    resultKey: null,
  };
  await writeDocument(results, resultKeys.index(scanId, attempt, subject), line);
  deps.logger.warn("set aside", { scanId, attempt, subject, code: reason.code, step: reason.step });
  return { kind: "quarantined", subject, code: reason.code, recordKey };
}

/** A `scan.json` that cannot be read may have asked for anything, de-identification too. */
function isRequestUnknown(source: SourceDocument | null): boolean {
  return source?.refused?.code === "InputUnreadable";
}
