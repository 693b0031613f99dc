import { mirrorSubsets } from "#src/imaging/mirror.js";
import { planPadding } from "#src/imaging/pad.js";
import { voxelCount } from "#src/imaging/volume.js";
import { isNetwork } from "#src/model/classical-manifest.js";
import type { ModelPackage } from "#src/model/model-library.js";
import { tileBatches } from "./cut-tiles.js";
import { planNetworkGrid } from "./network-grid.js";
import type { ImageShape } from "./predict-volumes.js";

// Seconds before anything starts. Work around the network is so much a voxel; the rates were fitted to processors'
// seconds on one machine (docs/bench/preflight.md). A network's own time is known where it was measured.

/** Seconds of a stage as it starts, and for each voxel of the image. */
const PREPROCESS = { start: 0.05, voxel: 0.025e-6 } as const;
const PUBLISH = { start: 0.4, voxel: 0.012e-6 } as const;
/** For each value of a tile's answer, each logit, each voxel of the label map. */
const SEGMENT = { start: 0.4, answer: 8e-9, logit: 10e-9, voxel: 70e-9 } as const;
/** Another machine than the network was measured on may be so many times faster or slower. */
const UNKNOWN_MACHINE = 2;

/** What a stage is predicted to take. */
export interface PredictedTime {
  /** Of all processors together. */
  readonly cpuSeconds: number;
  /** From: nothing else runs and every worker has a processor. To: there is one processor for all of them. */
  readonly seconds: readonly [low: number, high: number];
}

/** Time of Preprocess, one thread. */
export function preprocessTime({ grid, channels }: ImageShape): PredictedTime {
  return ofOneThread(PREPROCESS.start + PREPROCESS.voxel * voxelCount(grid.size) * channels);
}

/** Time of Publish without optional outputs, one thread. */
export function publishTime({ grid }: ImageShape): PredictedTime {
  return ofOneThread(PUBLISH.start + PUBLISH.voxel * voxelCount(grid.size));
}

/**
 * Time of Segment.
 *
 * @param processor as the system names it; where it is not the one that the network was measured on, the range is wider
 * @returns null where a network was not measured, and for a classical method
 */
export function segmentTime(
  image: ImageShape,
  model: ModelPackage,
  workers: number,
  processor: string,
): PredictedTime | null {
  const work = segmentWork(image, model, workers);
  if (work === null) return null;
  const { networkCpu, networkSeconds, around, machines } = work;
  const cpuSeconds = networkCpu + around;
  const isKnown = machines.every((machine) => processor !== "" && machine.startsWith(processor));
  const factor = isKnown ? 1 : UNKNOWN_MACHINE;
  return { cpuSeconds, seconds: [(networkSeconds + around) / factor, cpuSeconds * factor] };
}

/** Seconds inside the networks, on the machine where they were measured; null where one was not. */
export function predictNetworkSeconds(image: ImageShape, model: ModelPackage, workers: number): number | null {
  return segmentWork(image, model, workers)?.networkSeconds ?? null;
}

interface Work {
  readonly networkCpu: number;
  readonly networkSeconds: number;
  /** Around the network, in the one thread that adds up tiles. */
  readonly around: number;
  readonly machines: readonly string[];
}

function segmentWork(image: ImageShape, model: ModelPackage, workers: number): Work | null {
  const { manifest, others } = model;
  const works = [...others.values()].map((other) => segmentWork(image, other, workers));
  if (isNetwork(manifest)) works.push(networkWork(image, model, workers));
  if (works.length === 0) return null;
  let sum: Work = { networkCpu: 0, networkSeconds: 0, around: 0, machines: [] };
  for (const work of works) {
    if (work === null) return null;
    sum = {
      networkCpu: sum.networkCpu + work.networkCpu,
      networkSeconds: sum.networkSeconds + work.networkSeconds,
      around: sum.around + work.around,
      machines: [...sum.machines, ...work.machines],
    };
  }
  return sum;
}

function networkWork(image: ImageShape, { manifest, cost }: ModelPackage, workers: number): Work | null {
  if (!isNetwork(manifest) || !cost || cost.secondsARun === undefined) return null;
  const { tiles, mirrorAxes, network } = manifest;
  const { size } = planNetworkGrid(image.grid, manifest);
  const count = tileBatches(planPadding(size, tiles.patchVox).size, manifest).reduce(
    (sum, { length }) => sum + length,
    0,
  );
  const passes = mirrorSubsets(mirrorAxes).length * (1 + network.folds.length);
  const runs = Math.ceil(count / (cost.shape[0] ?? 1)) * passes;
  const seconds = runs * cost.secondsARun;
  const answers = count * passes * network.classes * voxelCount(tiles.patchVox);
  return {
    networkCpu: seconds,
    networkSeconds: seconds / Math.min(workers, runs),
    around:
      SEGMENT.start +
      SEGMENT.answer * answers +
      SEGMENT.logit * network.classes * voxelCount(size) +
      SEGMENT.voxel * voxelCount(image.grid.size),
    machines: [cost.machine],
  };
}

function ofOneThread(seconds: number): PredictedTime {
  return { cpuSeconds: seconds, seconds: [seconds / UNKNOWN_MACHINE, seconds * UNKNOWN_MACHINE] };
}
