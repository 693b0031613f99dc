import { mirrorSubsets } from "#src/imaging/mirror.js";
import { planPadding } from "#src/imaging/pad.js";
import { type Grid, voxelCount } from "#src/imaging/volume.js";
import { isNetwork } from "#src/model/classical-manifest.js";
import type { ModelManifest } from "#src/model/manifest.js";
import type { ModelPackage } from "#src/model/model-library.js";
import { tileBatches } from "./cut-tiles.js";
import { planNetworkGrid } from "./network-grid.js";
import { areWorthThreads } from "./run-places.js";

/** How often a network is run on an image, before anything of the image but its grid is known. */
export interface NetworkRuns {
  readonly tiles: number;
  /** Runs of each of its folds. */
  readonly ofAFold: number;
  /** Runs of all folds together. */
  readonly all: number;
  /** Values that all answers have together. */
  readonly values: number;
}

/** Runs of a network on an image. @param grid of the whole image, however small a region it then works in */
export function networkRuns(grid: Grid, manifest: ModelManifest): NetworkRuns {
  const { tiles, mirrorAxes, network } = manifest;
  const { size } = planNetworkGrid(grid, manifest);
  const batches = tileBatches(planPadding(size, tiles.patchVox).size, manifest);
  const passes = mirrorSubsets(mirrorAxes).length;
  const folds = 1 + network.folds.length;
  const count = batches.reduce((sum, { length }) => sum + length, 0);
  return {
    tiles: count,
    ofAFold: batches.length * passes,
    all: batches.length * passes * folds,
    values: count * passes * folds * network.classes * voxelCount(tiles.patchVox),
  };
}

/** Runs of the one of a model's networks that has most. */
export function mostRuns(grid: Grid, { manifest, others }: ModelPackage): number {
  const own = isNetwork(manifest) ? networkRuns(grid, manifest).all : 0;
  return Math.max(own, ...[...others.values()].map((other) => mostRuns(grid, other)));
}

/** Threads of each run of a model's networks, the most of any: so many processors each of its workers takes. */
export function threadsOfRuns({ cost, others }: ModelPackage): number {
  return Math.max(cost?.threads ?? 1, ...[...others.values()].map(threadsOfRuns));
}

/**
 * Whether threads may be worth their start for one of a model's networks: by what a run was measured to take, as the runs
 * themselves decide it after the first one (`RunPlaces`); of one that nobody measured, they may.
 */
export function mayStartThreads(grid: Grid, { manifest, cost, others }: ModelPackage): boolean {
  const isWorth = (one: ModelManifest): boolean =>
    areWorthThreads(networkRuns(grid, one).all - 1, cost?.secondsARun ?? Number.POSITIVE_INFINITY);
  if (isNetwork(manifest) && isWorth(manifest)) return true;
  return [...others.values()].some((other) => mayStartThreads(grid, other));
}
