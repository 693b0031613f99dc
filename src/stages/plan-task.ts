import { PipelineError } from "#src/core/errors.js";
import {
  type ImageShape,
  predictNetworkSeconds,
  predictPreprocess,
  predictPublish,
  predictSegment,
  type SegmentAsks,
} from "#src/inference/predict-memory.js";
import type { ModelPackage } from "#src/model/model-library.js";
import type { TaskDocument } from "#src/workflow/contract.js";
import type { StageDeps } from "./stage-deps.js";

type Plan = NonNullable<TaskDocument["plan"]>;

/**
 * What each stage of a task will hold at its peak and how long its networks will run, and by how many workers: as many
 * as the machine has cores for and its memory takes.
 *
 * @throws {PipelineError} `MemoryInsufficient` when not even one worker fits
 */
export function planTask(
  image: ImageShape,
  model: ModelPackage,
  asks: SegmentAsks,
  capacity: StageDeps["capacity"],
): Plan {
  const preprocess = Math.ceil(predictPreprocess(image, model.manifest));
  const publish = Math.ceil(predictPublish(image));
  const beside = capacity?.isShared ? Math.max(preprocess, publish) : 0;
  const most = capacity?.memoryMiB ?? Number.POSITIVE_INFINITY;
  const segmentBy = (workers: number) => Math.ceil(predictSegment(image, model, asks, workers) ?? 0);
  let workers = capacity?.workers ?? 1;
  while (workers > 1 && segmentBy(workers) + beside > most) workers--;
  const segment = segmentBy(workers);
  const needed = Math.max(beside + segment, preprocess, publish);
  if (needed > most) {
    const [x, y, z] = image.grid.size;
    const subject = `image of ${x} x ${y} x ${z} voxels with ${model.manifest.id}`;
    throw new PipelineError(
      "MemoryInsufficient",
      `${subject} is predicted to need ${needed} MiB of memory, available are ${Math.floor(most)}`,
    );
  }
  const seconds = predictNetworkSeconds(image, model, workers);
  return {
    workers,
    preprocess: { memoryMiB: preprocess },
    ...(segment === 0
      ? {}
      : {
          segment: { memoryMiB: segment, ...(seconds !== null && { networkSeconds: Number(seconds.toPrecision(3)) }) },
        }),
    publish: { memoryMiB: publish },
  };
}
