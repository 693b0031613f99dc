import type { ResultId } from "#src/core/ids.js";
import type { Volume } from "#src/imaging/volume.js";
import { windowOf } from "#src/report/pictures.js";
import { STAGE_FILES, workKeys } from "#src/storage/keys.js";
import { DoneRecord, type StageInput, TaskDocument } from "#src/workflow/contract.js";
import { readDocument } from "./documents.js";
import { readRecorded } from "./recorded-output.js";
import type { StageDeps } from "./stage-deps.js";
import { readImage } from "./volume-files.js";

/** The source image as the report's pictures show it: what Publish needs before there are labels. */
export interface ShownImage {
  readonly image: Volume<Float32Array | Int16Array>;
  /** Values that are shown as black and as white. */
  readonly window: ReturnType<typeof windowOf>;
}

/** Images that were read before Publish began. */
export interface ShownImages {
  /** Gives an image away; null where that of this result was not read, or could not be. */
  take(identity: ResultId): Promise<ShownImage | null>;
}

/** @param file the image as Preprocess wrote it */
export function shownImage(file: Uint8Array, { deidentify }: Pick<TaskDocument, "deidentify">): ShownImage {
  const image = readImage(file);
  // Names may be burned into it: then the structures are shown on black.
  if (deidentify?.pictures === "structures") image.data.fill(0);
  return { image, window: windowOf(image.data) };
}

/**
 * The same of a task whose Preprocess is done.
 *
 * @throws {PipelineError} `StoreMissing`, `StoreCorrupt`
 */
export async function readShownImage(
  { taskKey }: StageInput,
  { stores: { work } }: Pick<StageDeps, "stores">,
): Promise<ShownImage> {
  const task = await readDocument(work, taskKey, TaskDocument);
  const record = await readDocument(work, workKeys.done(task.identity, "preprocess"), DoneRecord);
  return shownImage(await readRecorded(work, ["preprocess", STAGE_FILES.image], [record]), task);
}
