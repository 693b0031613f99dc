import { PipelineError } from "#src/core/errors.js";
import { sha256 } from "#src/core/ids.js";
import type { Stage, StageFile } from "#src/storage/keys.js";
import type { ScanStore } from "#src/storage/scan-store.js";
import type { DoneRecord } from "#src/workflow/contract.js";

/** An output as the record of its stage has it; undefined where that stage did not write it. */
export function recordedOutput(
  [from, file]: readonly [Stage, StageFile],
  records: readonly DoneRecord[],
): DoneRecord["outputs"][number] | undefined {
  const record = records.find(({ stage }) => stage === from);
  return record?.outputs.find(({ key }) => key.endsWith(`/${file}`));
}

/**
 * An output of a task's stage, its digest compared.
 *
 * @throws {PipelineError} `StoreCorrupt` when the bytes are not the ones that stage wrote, `StoreMissing` when they are
 *   gone or it wrote none
 */
export async function readRecorded(
  work: ScanStore,
  [from, file]: readonly [Stage, StageFile],
  records: readonly DoneRecord[],
): Promise<Uint8Array> {
  const recorded = recordedOutput([from, file], records);
  if (recorded === undefined) {
    throw new PipelineError("StoreMissing", `record of ${from} names no ${file}, expected one that it wrote`);
  }
  const bytes = await work.get(recorded.key);
  if (sha256(bytes) === recorded.sha256) return bytes;
  throw new PipelineError("StoreCorrupt", `${file} of ${from} is not the one that stage wrote, expected its digest`);
}
