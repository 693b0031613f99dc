import { PipelineError } from "#src/core/errors.js";
import { sha256 } from "#src/core/ids.js";
import { type Stage, type StageFile, workKeys } from "#src/storage/keys.js";
import type { ScanStore } from "#src/storage/scan-store.js";
import type { DoneRecord, TaskDocument } from "#src/workflow/contract.js";

/** The digest that stages recorded of an output; undefined where none wrote it. */
export function recordedDigest(key: string, records: readonly DoneRecord[]): string | undefined {
  return records.flatMap((record) => record.outputs).find((output) => output.key === key)?.sha256;
}

/**
 * An output of a task's stage, its digest compared.
 *
 * @throws {PipelineError} `StoreCorrupt` when the bytes are not the ones that stage wrote
 */
export async function readRecorded(
  work: ScanStore,
  { identity, taskId }: Pick<TaskDocument, "identity" | "taskId">,
  [from, file]: readonly [Stage, StageFile],
  records: readonly DoneRecord[],
): Promise<Uint8Array> {
  const key = workKeys.output(identity, taskId, from, file);
  const bytes = await work.get(key);
  if (sha256(bytes) === recordedDigest(key, records)) return bytes;
  throw new PipelineError("StoreCorrupt", `${file} of ${from} is not the one that stage wrote, expected its digest`);
}
