import type { ResultId } from "#src/core/ids.js";
import { readDocument } from "#src/stages/documents.js";
import { recordedOutput } from "#src/stages/recorded-output.js";
import { type Stage, type StageFile, workKeys } from "#src/storage/keys.js";
import type { ScanStore } from "#src/storage/scan-store.js";
import { DoneRecord } from "#src/workflow/contract.js";

/** Where a stage's file lies, by the stage's record. */
export async function recordedKey(
  work: ScanStore,
  { identity }: { readonly identity: ResultId },
  stage: Stage,
  file: StageFile,
): Promise<string> {
  const record = await readDocument(work, workKeys.done(identity, stage), DoneRecord);
  const output = recordedOutput([stage, file], [record]);
  if (output === undefined) throw new Error(`${stage} wrote no ${file}`);
  return output.key;
}
