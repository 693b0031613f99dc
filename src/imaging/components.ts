import type { Size3 } from "./affine.js";
import { type ComponentRuns, componentRuns, componentSizes } from "./component-runs.js";

/**
 * Connected components of the voxels that are not zero, numbered from 1 in the order in which a scan (x fastest) meets
 * them; the same numbering as scikit-image's `label`.
 *
 * @returns `labels`: the number of each voxel, 0 for background; `sizes`: voxels of each number, `sizes[0]` of the
 *   background
 */
export function labelComponents(
  mask: Uint8Array,
  size: Size3,
  connectivity: 6 | 18 | 26,
): { readonly labels: Int32Array; readonly sizes: Uint32Array } {
  const runs = componentRuns(mask, size, connectivity);
  const labels = new Int32Array(mask.length);
  for (let run = 0; run < runs.first.length; run++) {
    labels.fill(runs.component[run] + 1, runs.first[run], runs.first[run] + runs.length[run]);
  }
  const sizes = new Uint32Array(runs.count + 1);
  sizes.set(componentSizes(runs), 1);
  sizes[0] = mask.length - sizes.reduce((sum, voxels) => sum + voxels, 0);
  return { labels, sizes };
}

/** The largest component, as ones; every component that is as large as the largest stays, as in nnU-Net. */
export function largestComponents(mask: Uint8Array, size: Size3, connectivity: 6 | 18 | 26): Uint8Array {
  const runs = componentRuns(mask, size, connectivity);
  const sizes = componentSizes(runs);
  const largest = sizes.reduce((most, voxels) => Math.max(most, voxels), 0);
  return keepComponents(runs, sizes, largest, mask.length);
}

/** The components of at least `minVoxels` voxels, as ones. */
export function componentsOfAtLeast(
  mask: Uint8Array,
  size: Size3,
  connectivity: 6 | 18 | 26,
  minVoxels: number,
): Uint8Array {
  const runs = componentRuns(mask, size, connectivity);
  return keepComponents(runs, componentSizes(runs), minVoxels, mask.length);
}

function keepComponents(runs: ComponentRuns, sizes: Uint32Array, minVoxels: number, voxels: number): Uint8Array {
  const out = new Uint8Array(voxels);
  for (let run = 0; run < runs.first.length; run++) {
    if (sizes[runs.component[run]] < minVoxels) continue;
    out.fill(1, runs.first[run], runs.first[run] + runs.length[run]);
  }
  return out;
}
