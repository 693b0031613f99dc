import { modelSessions } from "#src/inference/model-sessions.js";
import type { SessionPool } from "#src/inference/session-pool.js";
import { isNetwork } from "#src/model/classical-manifest.js";
import { asksOthers } from "#src/model/manifest.js";
import { workKeys } from "#src/storage/keys.js";
import { DoneRecord, type StageInput, TaskDocument } from "#src/workflow/contract.js";
import { readDocument, readDocumentIfValid } from "./documents.js";
import type { StageDeps } from "./stage-deps.js";

/**
 * Opens the network of a task, in threads where the plan says that they are worth it, while Preprocess makes its input.
 * Does nothing for a task that was segmented before, and for models that ask others.
 *
 * @throws {PipelineError} as Segment will
 */
export async function warmSegment(
  { taskKey }: StageInput,
  { stores, models }: Pick<StageDeps, "stores" | "models">,
  sessions: SessionPool,
): Promise<void> {
  const { identity, model: named, plan } = await readDocument(stores.work, taskKey, TaskDocument);
  const done = workKeys.done(identity, "segment");
  if ((await readDocumentIfValid(stores.work, done, DoneRecord)) !== null) return;
  const model = await models.open(named.id);
  if (!isNetwork(model.manifest) || asksOthers(model.manifest)) return;
  // Of a network that nobody measured it is not known before its first run whether threads are worth their start.
  const runs = plan?.segment?.networkSeconds === undefined ? 1 : plan.workers;
  const opened = await modelSessions(sessions, models)(model);
  await Promise.all(opened.map((session) => session.ready?.(runs)));
}
