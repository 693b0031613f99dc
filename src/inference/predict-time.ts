import { mirrorSubsets } from "#src/imaging/mirror.js";
import { planPadding } from "#src/imaging/pad.js";
import { isNetwork } from "#src/model/classical-manifest.js";
import type { ModelPackage } from "#src/model/model-library.js";
import { tileBatches } from "./cut-tiles.js";
import { planNetworkGrid } from "./network-grid.js";
import type { ImageShape } from "./predict-volumes.js";

/** Seconds inside the networks, on the machine where they were measured; null where one was not. */
export function predictNetworkSeconds(image: ImageShape, model: ModelPackage, workers: number): number | null {
  const { manifest, cost, others } = model;
  let seconds = 0;
  if (isNetwork(manifest)) {
    if (cost?.secondsARun === undefined) return null;
    const size = planPadding(planNetworkGrid(image.grid, manifest).size, manifest.tiles.patchVox).size;
    const tiles = tileBatches(size, manifest).reduce((sum, { length }) => sum + length, 0);
    const passes = mirrorSubsets(manifest.mirrorAxes).length * (1 + manifest.network.folds.length);
    const runs = Math.ceil(tiles / (cost.shape[0] ?? 1)) * passes;
    seconds = (runs * cost.secondsARun) / Math.min(workers, runs);
  }
  for (const other of others.values()) {
    const more = predictNetworkSeconds(image, other, workers);
    if (more === null) return null;
    seconds += more;
  }
  return seconds;
}
