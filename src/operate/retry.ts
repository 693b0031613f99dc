import { PipelineError } from "#src/core/errors.js";
import type { ScanId } from "#src/core/ids.js";
import { readDocumentIfValid } from "#src/stages/documents.js";
import { workKeys } from "#src/storage/keys.js";
import { SourceDocument } from "#src/workflow/contract.js";
import type { Deployment } from "./deployment.js";
import { endedStatusOf } from "./status.js";

/** The attempt that a scan is given next. */
export interface NextAttempt {
  readonly scanId: ScanId;
  readonly attempt: number;
  readonly source: SourceDocument;
}

/**
 * The next attempt of a scan that was set aside, or whose execution ended without a record; finished stages are skipped
 * by their `done.json`.
 *
 * @throws {PipelineError} `ScanRunning` for one that has not ended, `InputMismatch` for one that was published,
 *   `StoreMissing` for one of which nothing is known or what was asked for is forgotten, and the code with which it was
 *   taken in as refused: a new attempt would read the same
 */
export async function nextAttempt(scanId: ScanId, deployment: Deployment): Promise<NextAttempt> {
  const { state, attempt } = await endedStatusOf(scanId, deployment);
  if (state === "published") {
    throw new PipelineError("InputMismatch", `scan ${scanId} was published, expected one that was set aside`);
  }
  const source = await readDocumentIfValid(deployment.work, workKeys.source(scanId), SourceDocument);
  if (source === null) {
    throw new PipelineError(
      "StoreMissing",
      `what scan ${scanId} reads is no longer in the work store, expected its source.json; upload it again`,
    );
  }
  if (source.refused !== undefined) {
    const { code, message } = source.refused;
    throw new PipelineError(
      code,
      `${message}; another attempt of scan ${scanId} reads the same, expected a new upload`,
    );
  }
  return { scanId, attempt: attempt + 1, source };
}
