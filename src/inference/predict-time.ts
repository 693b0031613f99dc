import { voxelCount } from "#src/imaging/volume.js";
import { isClassical, isNetwork } from "#src/model/classical-manifest.js";
import type { EnsembleManifest } from "#src/model/ensemble-manifest.js";
import { asksOthers } from "#src/model/manifest.js";
import type { ModelPackage } from "#src/model/model-library.js";
import { networkRuns } from "./network-runs.js";
import { aroundEnsemble, aroundNetwork, prepareSeconds } from "./predict-around.js";
import type { SegmentAsks } from "./predict-segment.js";
import type { ImageShape, PublishAsks } from "./predict-volumes.js";

// Seconds before anything starts. Work around the network is so much a voxel; the rates were fitted to processors'
// seconds on one machine (docs/bench/preflight.md). A network's own time is known where it was measured.

/** Seconds of a stage as it starts, for each voxel of the image, and a DICOM slice. */
const PREPROCESS = { start: 0.05, voxel: 0.025e-6, slice: 2e-3 } as const;
/** And for each voxel of a map, and of a label's probabilities, as they pack badly where a network is unsure. */
const PUBLISH = { start: 0.4, voxel: 0.012e-6, map: 0.03e-6, probability: 0.11e-6, slice: 3e-3 } as const;
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
export function preprocessTime({ grid, channels, files }: ImageShape): PredictedTime {
  const { start, voxel, slice } = PREPROCESS;
  return ofOneThread(start + (voxel * voxelCount(grid.size) + slice * (files - 1)) * channels);
}

/** Time of Publish, one thread. What outlines and surfaces take hangs on how long and large they are: not counted. */
export function publishTime({ grid, files }: ImageShape, asks: PublishAsks): PredictedTime {
  const { start, voxel, map, probability, slice } = PUBLISH;
  const each = voxel + map * asks.maps + probability * asks.probabilities;
  return ofOneThread(start + each * voxelCount(grid.size) + (asks.segments > 0 ? slice * files : 0));
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
  asks: SegmentAsks,
  workers: number,
  processor: string,
): PredictedTime | null {
  const work = segmentWork(image, model, asks, workers);
  if (work === null) return null;
  const { cpuSeconds, leastSeconds, machines } = work;
  const isKnown = machines.every((machine) => processor !== "" && machine.startsWith(processor));
  const factor = isKnown ? 1 : UNKNOWN_MACHINE;
  return { cpuSeconds, seconds: [leastSeconds / factor, cpuSeconds * factor] };
}

/** Seconds inside the networks, on the machine where they were measured; null where one was not. */
export function predictNetworkSeconds(image: ImageShape, model: ModelPackage, workers: number): number | null {
  return segmentWork(image, model, NOTHING, workers)?.networkSeconds ?? null;
}

interface Work {
  readonly networkSeconds: number;
  /** With what goes on around the network, in the one thread that adds up tiles. */
  readonly cpuSeconds: number;
  /** Of the clock, where every worker has a processor, and a region is as small as can be. */
  readonly leastSeconds: number;
  readonly machines: readonly string[];
}

const NOTHING: SegmentAsks = { wantedLabels: 0, maps: [] };

function segmentWork(image: ImageShape, model: ModelPackage, asks: SegmentAsks, workers: number): Work | null {
  const { manifest, others } = model;
  const works: (Work | null)[] = [];
  if (isNetwork(manifest)) {
    const known = { manifest, features: model.cost?.features };
    const around = aroundNetwork(image, known, asks) + (asksOthers(manifest) ? prepareSeconds(image, manifest) : 0);
    works.push(networkWork(image, model, around, workers));
    for (const other of others.values()) works.push(segmentWork(image, other, NOTHING, workers));
  } else if (!isClassical(manifest)) works.push(...ensembleWorks(image, model, manifest, asks, workers));
  return works.length === 0 ? null : works.reduce(sumOf);
}

function ensembleWorks(
  image: ImageShape,
  { others }: ModelPackage,
  manifest: EnsembleManifest,
  asks: SegmentAsks,
  workers: number,
): readonly (Work | null)[] {
  const members = [...others.values()];
  const networks = members.flatMap(({ manifest, cost }) =>
    isNetwork(manifest) ? [{ manifest, features: cost?.features }] : [],
  );
  const around = aroundEnsemble(image, manifest, networks, asks);
  const runs = members.flatMap((other) => {
    if (!isNetwork(other.manifest)) return [];
    const asked = [...other.others.values()].map((one) => segmentWork(image, one, NOTHING, workers));
    return [networkWork(image, other, prepareSeconds(image, other.manifest), workers), ...asked];
  });
  return [{ networkSeconds: 0, cpuSeconds: around, leastSeconds: around, machines: [] }, ...runs];
}

function sumOf(a: Work | null, b: Work | null): Work | null {
  if (a === null || b === null) return null;
  return {
    networkSeconds: a.networkSeconds + b.networkSeconds,
    cpuSeconds: a.cpuSeconds + b.cpuSeconds,
    leastSeconds: a.leastSeconds + b.leastSeconds,
    machines: [...a.machines, ...b.machines],
  };
}

/** @param around seconds around the network */
function networkWork(
  image: ImageShape,
  { manifest, cost }: ModelPackage,
  around: number,
  workers: number,
): Work | null {
  if (!isNetwork(manifest) || !cost || cost.secondsARun === undefined) return null;
  const runs = networkRuns(image.grid, manifest).all;
  const cpu = runs * cost.secondsARun;
  const networkSeconds = cpu / (Math.min(workers, runs) * (cost.threads ?? 1));
  // Of a region that is found first nothing is known but that it is at most the whole image.
  const leastSeconds = manifest.region === undefined ? networkSeconds + around : 0;
  return { networkSeconds, cpuSeconds: cpu + around, leastSeconds, machines: [cost.machine] };
}

/** Of one thread, on a machine of unknown speed. */
export function ofOneThread(seconds: number): PredictedTime {
  return { cpuSeconds: seconds, seconds: [seconds / UNKNOWN_MACHINE, seconds * UNKNOWN_MACHINE] };
}
