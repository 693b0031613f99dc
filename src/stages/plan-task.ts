import { PipelineError } from "#src/core/errors.js";
import type { Provider } from "#src/core/ids.js";
import { SLICES_A_BATCH } from "#src/inference/cut-tiles.js";
import { mayStartThreads, mostRuns, threadsOfRuns } from "#src/inference/network-runs.js";
import {
  predictPreprocess,
  predictPublish,
  predictSegment,
  predictWithoutNetwork,
} from "#src/inference/predict-memory.js";
import { bytesAtEnd, type SegmentAsks, segmentPhases } from "#src/inference/predict-segment.js";
import {
  ofOneThread,
  type PredictedTime,
  predictNetworkSeconds,
  preprocessTime,
  publishTime,
  segmentTime,
} from "#src/inference/predict-time.js";
import type { ImageShape, PublishAsks } from "#src/inference/predict-volumes.js";
import { isClassical, isNetwork } from "#src/model/classical-manifest.js";
import type { ModelPackage } from "#src/model/model-library.js";
import type { RefineStep } from "#src/model/refine-steps.js";
import type { TaskDocument } from "#src/workflow/contract.js";
import { type MethodPrediction, predictClassical, predictPostprocess } from "./predict-methods.js";
import type { Capacity } from "./stage-deps.js";

type Plan = NonNullable<TaskDocument["plan"]>;

/** What a task makes besides labels. */
export interface TaskAsks {
  readonly segment: SegmentAsks;
  readonly publish: PublishAsks;
  /** Steps after the network; none where they are not asked for. */
  readonly steps: readonly RefineStep[];
}

/** What a size must have more than is predicted: Segment, which decides it, held up to 12 % more (docs/bench/preflight.md). */
const MARGIN = 1.15;

const ANYWHERE: Capacity = { sizes: [{ memoryMiB: Number.POSITIVE_INFINITY, workers: 1 }], isShared: false };

/**
 * What each stage of a task will hold at its peak and how long it and its networks will run, in which of the sizes that there
 * are, by how many workers and, of a 2-D network, in what batches: the smallest size that takes one worker with some room
 * to spare, and there as many as it has processors for and its memory takes; smaller batches where no size takes a whole
 * one.
 *
 * @throws {PipelineError} `MemoryInsufficient` when the largest size does not take even one worker
 */
export function planTask(
  image: ImageShape,
  model: ModelPackage,
  asks: TaskAsks,
  { sizes, isShared, processor = "" }: Capacity = ANYWHERE,
  provider: Provider = "cpu",
): Plan {
  const preprocess = Math.ceil(predictPreprocess(image, model.manifest));
  const publish = Math.ceil(predictPublish(image, asks.publish));
  const beside = isShared ? Math.max(preprocess, publish) : 0;
  const classical = isClassical(model.manifest)
    ? predictClassical(image, model.manifest, asks.segment.wantedLabels)
    : null;
  const isWhole = provider !== "cpu";
  const segmentBy = (workers: number, batch: number) =>
    Math.ceil(
      classical === null
        ? (predictSegment(image, model, asks.segment, { workers, batch, isWhole }) ?? 0)
        : predictWithoutNetwork(classical.phases),
    );
  const largest = Math.max(...sizes.map((one) => one.memoryMiB));
  const sizeFor = (memoryMiB: number) => {
    const size = sizes.findIndex((one) => MARGIN * memoryMiB <= one.memoryMiB);
    if (size >= 0) return size;
    // Nothing larger is there: it may do.
    if (memoryMiB <= largest) return sizes.findIndex((one) => one.memoryMiB === largest);
    const [x, y, z] = image.grid.size;
    const subject = `image of ${x} x ${y} x ${z} voxels with ${model.manifest.id}`;
    throw new PipelineError(
      "MemoryInsufficient",
      `${subject} is predicted to need ${memoryMiB} MiB of memory, available are ${Math.floor(largest)}`,
    );
  };
  // Tiles by turns before a refusal, but only where no size takes them together: it is slower.
  let batch = SLICES_A_BATCH;
  while (batch > 1 && beside + segmentBy(1, batch) > largest) batch /= 2;
  // The largest need of all is what a refusal names.
  sizeFor(Math.max(beside + segmentBy(1, batch), preprocess, publish));
  const jobSize = sizeFor(beside + segmentBy(1, batch));
  const room = sizes[jobSize] ?? { memoryMiB: 0, workers: 1 };
  // Where threads are not worth their start none is planned for, nor started.
  const most = Math.min(mostRuns(image.grid, model), Math.floor(room.workers / threadsOfRuns(model)));
  let workers = mayStartThreads(image.grid, model) ? Math.max(1, most) : 1;
  while (workers > 1 && segmentBy(workers, batch) + beside > room.memoryMiB) workers--;
  const segment = segmentBy(workers, batch);
  // What networks were measured to take, they took on a CPU.
  const isTimed = provider === "cpu";
  const seconds = isTimed ? predictNetworkSeconds(image, model, workers) : null;
  const networkTime = isTimed ? segmentTime(image, model, asks.segment, workers, processor) : null;
  const phases = classical?.phases ?? segmentPhases(image, model, asks.segment, { workers, batch, isWhole }) ?? [];
  // In one process with Segment, what that held is still there.
  const before = isShared ? bytesAtEnd(phases) : 0;
  const { wantedLabels } = asks.segment;
  const steps = predictPostprocess(image, asks.steps, wantedLabels, asks.publish.labelBytes, before);
  return {
    workers,
    ...(batch < SLICES_A_BATCH && { batch }),
    preprocess: {
      memoryMiB: preprocess,
      jobSize: sizeFor(preprocess),
      ...timeOf(preprocessTime(image)),
    },
    segment: {
      memoryMiB: segment,
      ...((findsRegion(model) || classical?.isAtMost) && { isAtMost: true as const }),
      jobSize,
      ...(seconds !== null && { networkSeconds: rounded(seconds) }),
      ...timeOf(classical === null ? networkTime : timeOfOne(classical)),
    },
    ...(steps !== null && { postprocess: postprocessOf(steps, sizes, isShared ? segment : 0) }),
    publish: { memoryMiB: publish, jobSize: sizeFor(publish), ...timeOf(publishTime(image, asks.publish)) },
  };
}

/**
 * Of the whole image, which is more than steps mostly work on: no scan is refused for them.
 *
 * @param heldMiB what the same process held before, which allocators may not have given back
 */
function postprocessOf(steps: MethodPrediction, sizes: Capacity["sizes"], heldMiB: number): Plan["publish"] {
  const memoryMiB = Math.max(heldMiB, Math.ceil(predictWithoutNetwork(steps.phases)));
  const enough = sizes.findIndex((one) => MARGIN * memoryMiB <= one.memoryMiB);
  return {
    ...{ memoryMiB, isAtMost: true, jobSize: enough < 0 ? sizes.length - 1 : enough },
    ...timeOf(timeOfOne(steps)),
  };
}

function timeOfOne({ cpuSeconds }: MethodPrediction): PredictedTime | null {
  return cpuSeconds === null ? null : ofOneThread(cpuSeconds);
}

/** Whether one of its networks works in a region that another one finds first. */
function findsRegion({ manifest, others }: ModelPackage): boolean {
  return (isNetwork(manifest) && manifest.region !== undefined) || [...others.values()].some(findsRegion);
}

function timeOf(time: PredictedTime | null): Pick<Plan["publish"], "cpuSeconds" | "seconds"> {
  if (time === null) return {};
  const [low, high] = time.seconds;
  return { cpuSeconds: rounded(time.cpuSeconds), seconds: [rounded(low), rounded(high)] };
}

function rounded(seconds: number): number {
  return Number(seconds.toPrecision(3));
}
