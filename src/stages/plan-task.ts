import { PipelineError } from "#src/core/errors.js";
import { predictPreprocess, predictPublish, predictSegment } from "#src/inference/predict-memory.js";
import type { SegmentAsks } from "#src/inference/predict-segment.js";
import {
  type PredictedTime,
  predictNetworkSeconds,
  preprocessTime,
  publishTime,
  segmentTime,
} from "#src/inference/predict-time.js";
import type { ImageShape, PublishAsks } from "#src/inference/predict-volumes.js";
import type { ModelPackage } from "#src/model/model-library.js";
import type { TaskDocument } from "#src/workflow/contract.js";
import type { Capacity } from "./stage-deps.js";

type Plan = NonNullable<TaskDocument["plan"]>;

/** What a task makes besides labels. */
export interface TaskAsks {
  readonly segment: SegmentAsks;
  readonly publish: PublishAsks;
}

const ANYWHERE: Capacity = { sizes: [{ memoryMiB: Number.POSITIVE_INFINITY, workers: 1 }], isShared: false };

/**
 * What each stage of a task will hold at its peak and how long its networks will run, in which of the sizes that there
 * are, and by how many workers: the smallest size that takes one, and there as many as it has processors for and its
 * memory takes.
 *
 * @throws {PipelineError} `MemoryInsufficient` when the largest size does not take even one worker
 */
export function planTask(
  image: ImageShape,
  model: ModelPackage,
  asks: TaskAsks,
  { sizes, isShared, processor = "" }: Capacity = ANYWHERE,
): Plan {
  const preprocess = Math.ceil(predictPreprocess(image, model.manifest));
  const publish = Math.ceil(predictPublish(image, asks.publish));
  const beside = isShared ? Math.max(preprocess, publish) : 0;
  const segmentBy = (workers: number) => Math.ceil(predictSegment(image, model, asks.segment, workers) ?? 0);
  const sizeFor = (memoryMiB: number) => {
    const size = sizes.findIndex((one) => memoryMiB <= one.memoryMiB);
    if (size >= 0) return size;
    const [x, y, z] = image.grid.size;
    const subject = `image of ${x} x ${y} x ${z} voxels with ${model.manifest.id}`;
    const most = Math.max(...sizes.map((one) => one.memoryMiB));
    throw new PipelineError(
      "MemoryInsufficient",
      `${subject} is predicted to need ${memoryMiB} MiB of memory, available are ${Math.floor(most)}`,
    );
  };
  // The largest need of all is what a refusal names.
  sizeFor(Math.max(beside + segmentBy(1), preprocess, publish));
  const jobSize = sizeFor(beside + segmentBy(1));
  const room = sizes[jobSize] ?? { memoryMiB: 0, workers: 1 };
  let { workers } = room;
  while (workers > 1 && segmentBy(workers) + beside > room.memoryMiB) workers--;
  const segment = segmentBy(workers);
  const seconds = predictNetworkSeconds(image, model, workers);
  return {
    workers,
    preprocess: {
      memoryMiB: preprocess,
      jobSize: sizeFor(preprocess),
      ...timeOf(preprocessTime(image, model.manifest)),
    },
    ...(segment === 0
      ? {}
      : {
          segment: {
            memoryMiB: segment,
            jobSize,
            ...(seconds !== null && { networkSeconds: rounded(seconds) }),
            ...timeOf(segmentTime(image, model, workers, processor)),
          },
        }),
    publish: { memoryMiB: publish, jobSize: sizeFor(publish), ...timeOf(publishTime(image)) },
  };
}

function timeOf(time: PredictedTime | null): Pick<Plan["publish"], "cpuSeconds" | "seconds"> {
  if (time === null) return {};
  const [low, high] = time.seconds;
  return { cpuSeconds: rounded(time.cpuSeconds), seconds: [rounded(low), rounded(high)] };
}

function rounded(seconds: number): number {
  return Number(seconds.toPrecision(3));
}
