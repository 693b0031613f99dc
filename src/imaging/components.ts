import type { Size3 } from "./affine.js";
import { type ComponentRuns, type Connectivity, componentRuns, componentSizes } from "./component-runs.js";

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
  connectivity: Connectivity,
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

/**
 * Ones for the largest component of each group; in each slice, where components are those of slices.
 *
 * @param ties of components as large as the largest, "all" stay, as in nnU-Net, or only the "first", as in
 *   TotalSegmentator: the one with the voxel of lowest x, of those the lowest y, then z (the order in which scipy
 *   numbers the components of an array indexed [x, y, z])
 */
export function largestOfGroups(
  runs: ComponentRuns,
  size: Size3,
  connectivity: Connectivity,
  ties: "all" | "first",
): Uint8Array {
  const sizes = componentSizes(runs);
  const slice = connectivity === 4 || connectivity === 8 ? size[0] * size[1] : 0;
  const start = slice === 0 ? null : firstRuns(runs);
  const rank = ties === "first" ? ranksByX(runs, size) : null;
  const best = new Map<number, number>();
  const keyOf = (c: number): number =>
    runs.group[c] + (start === null ? 0 : 65_536 * Math.floor(runs.first[start[c]] / slice));
  for (let c = 0; c < runs.count; c++) {
    const known = best.get(keyOf(c));
    const isBetter =
      known === undefined ||
      sizes[c] > sizes[known] ||
      (rank !== null && sizes[c] === sizes[known] && rank[c] < rank[known]);
    if (isBetter) best.set(keyOf(c), c);
  }
  const kept = new Uint8Array(runs.count);
  for (let c = 0; c < runs.count; c++) {
    const largest = best.get(keyOf(c)) ?? c;
    kept[c] = c === largest || (ties === "all" && sizes[c] === sizes[largest]) ? 1 : 0;
  }
  return kept;
}

/** A copy of the values, zero in every component that is not kept. */
export function keepComponents<T extends Uint8Array | Uint16Array>(
  values: T,
  runs: ComponentRuns,
  kept: Uint8Array,
): T {
  const out = values.slice() as T;
  for (let run = 0; run < runs.first.length; run++) {
    if (kept[runs.component[run]] === 0) out.fill(0, runs.first[run], runs.first[run] + runs.length[run]);
  }
  return out;
}

/** First run of each component. */
function firstRuns(runs: ComponentRuns): Int32Array {
  const start = new Int32Array(runs.count);
  for (let run = runs.first.length - 1; run >= 0; run--) start[runs.component[run]] = run;
  return start;
}

/** Lowest z + nz (y + ny x) of each component's voxels. */
function ranksByX(runs: ComponentRuns, [nx, ny, nz]: Size3): Float64Array {
  const ranks = new Float64Array(runs.count).fill(Number.POSITIVE_INFINITY);
  for (let run = 0; run < runs.first.length; run++) {
    const x = runs.first[run] % nx;
    const row = Math.floor(runs.first[run] / nx);
    const rank = Math.floor(row / ny) + nz * ((row % ny) + ny * x);
    const component = runs.component[run];
    if (rank < ranks[component]) ranks[component] = rank;
  }
  return ranks;
}
