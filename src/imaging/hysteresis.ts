import type { Size3 } from "./affine.js";
import { type Connectivity, componentRuns } from "./component-runs.js";
import { keepComponents } from "./components.js";

/**
 * Ones in the components of what is above `low` that hold at least `minVoxels` voxels above `high` (neither counts
 * when equal). With one voxel, scikit-image's `apply_hysteresis_threshold`, which joins by faces.
 */
export function hysteresis(
  values: Float32Array,
  size: Size3,
  low: number,
  high: number,
  connectivity: Connectivity,
  minVoxels = 1,
): Uint8Array {
  // As numpy compares: a threshold of 0.7 is the float32 nearest to 0.7, as the values are.
  const [bottom, top] = [Math.fround(low), Math.fround(high)];
  const mask = new Uint8Array(values.length);
  for (let i = 0; i < mask.length; i++) mask[i] = values[i] > bottom ? 1 : 0;
  const runs = componentRuns(mask, size, connectivity);
  const above = new Uint32Array(runs.count);
  for (let run = 0; run < runs.first.length; run++) {
    const end = runs.first[run] + runs.length[run];
    for (let i = runs.first[run]; i < end; i++) if (values[i] > top) above[runs.component[run]]++;
  }
  return keepComponents(
    mask,
    runs,
    Uint8Array.from(above, (count) => (count >= minVoxels ? 1 : 0)),
  );
}
