import type { Size3 } from "#src/imaging/affine.js";
import { FloodQueue } from "./flood-queue.js";
import { type Connectivity, neighbourSteps } from "./neighbours.js";

/**
 * Marker-based watershed by priority flood (Soille and Ansoult 1990), label for label as
 * `skimage.segmentation.watershed` without watershed lines: the lowest voxel at the rim floods next, among equals the
 * one that was reached first.
 *
 * @param relief what is flooded, usually a gradient; no NaN
 * @param markers label of each voxel where a flood starts, else 0
 * @param mask zero where no flood may go
 * @returns the label that reached each voxel; 0 where none did
 */
export function watershed(
  relief: Float32Array,
  size: Size3,
  markers: Int32Array,
  connectivity: Connectivity = 6,
  mask?: Uint8Array,
): Int32Array {
  const labels = markers.slice();
  if (mask) for (let i = 0; i < labels.length; i++) if (mask[i] === 0) labels[i] = 0;
  const steps = neighbourSteps(size, connectivity);
  const [nx, ny, nz] = size;
  const queue = new FloodQueue();
  for (let i = 0; i < labels.length; i++) if (labels[i] !== 0) queue.push(i, relief[i], 0);
  let age = 1;
  while (!queue.isEmpty) {
    const level = queue.lowest;
    const i = queue.pop();
    const x = i % nx;
    const row = (i - x) / nx;
    const y = row % ny;
    const z = (row - y) / ny;
    for (let n = 0; n < steps.length; n += 3) {
      const tx = x + steps[n];
      const ty = y + steps[n + 1];
      const tz = z + steps[n + 2];
      if (tx < 0 || ty < 0 || tz < 0 || tx >= nx || ty >= ny || tz >= nz) continue;
      const to = tx + nx * (ty + ny * tz);
      if (labels[to] !== 0 || (mask && mask[to] === 0)) continue;
      age++;
      labels[to] = labels[i];
      queue.push(to, Math.max(level, relief[to]), age);
    }
  }
  return labels;
}
