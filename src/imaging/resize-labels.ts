import type { Size3 } from "./affine.js";
import { voxelCount } from "./volume.js";

type Axis = 0 | 1 | 2;

/** For each voxel of the new axis: its two neighbours on the old one, their weights, and the nearer of them. */
interface AxisTable {
  readonly below: Int32Array;
  readonly above: Int32Array;
  readonly weightBelow: Float64Array;
  readonly weightAbove: Float64Array;
  readonly nearest: Int32Array;
}

/**
 * A label map on another number of voxels over the same extent: nnU-Net's resampling of segmentations (order 1), which
 * is `resize_segmentation` of batchgenerators 0.25.5. Of the labels around a position the one with the largest sum of
 * linear weights wins; of equals the nearest voxel's, else the smallest. (Up to 0.25.1 a label needed half of the
 * weights and of equals the largest won: both rules give the same but where labels tie or three of them meet.)
 *
 * Sums are scipy's, bit for bit (`NI_ZoomShift`: weights multiplied from the slowest axis on, added in the order of the
 * voxels), because equality decides. All labels are done in one walk.
 *
 * @param labels whole numbers, x fastest
 * @param separate axis along which the nearest slice is taken, the others being resized slice by slice; null: none
 */
export function resizeLabels(labels: Int32Array, size: Size3, newSize: Size3, separate: Axis | null): Int32Array {
  if (labels.length !== voxelCount(size)) {
    throw new RangeError(`label map has ${labels.length} voxels, expected ${size.join(" x ")}`);
  }
  if (size.join() === newSize.join()) return labels.slice();
  const table = (axis: Axis) => axisTable(size[axis], newSize[axis], axis === separate);
  const [tx, ty, tz] = [table(0), table(1), table(2)];
  const [nx, ny] = size;
  const out = new Int32Array(voxelCount(newSize));
  const near = new Int32Array(8);
  const weights = new Float64Array(8);
  let to = 0;
  for (let z = 0; z < newSize[2]; z++) {
    const zs = [tz.below[z] * nx * ny, tz.above[z] * nx * ny];
    const wz = [tz.weightBelow[z], tz.weightAbove[z]];
    for (let y = 0; y < newSize[1]; y++) {
      const rows = [
        zs[0] + ty.below[y] * nx,
        zs[0] + ty.above[y] * nx,
        zs[1] + ty.below[y] * nx,
        zs[1] + ty.above[y] * nx,
      ];
      const wy0 = ty.weightBelow[y];
      const wy1 = ty.weightAbove[y];
      const rowWeights = [wz[0] * wy0, wz[0] * wy1, wz[1] * wy0, wz[1] * wy1];
      const nearestRow = nx * (ty.nearest[y] + ny * tz.nearest[z]);
      for (let x = 0; x < newSize[0]; x++) {
        const below = tx.below[x];
        const above = tx.above[x];
        const first = labels[rows[0] + below];
        let isUniform = true;
        for (let n = 0; n < 4; n++) {
          near[2 * n] = labels[rows[n] + below];
          near[2 * n + 1] = labels[rows[n] + above];
          if (near[2 * n] !== first || near[2 * n + 1] !== first) isUniform = false;
        }
        if (!isUniform) {
          for (let n = 0; n < 4; n++) {
            weights[2 * n] = rowWeights[n] * tx.weightBelow[x];
            weights[2 * n + 1] = rowWeights[n] * tx.weightAbove[x];
          }
          out[to++] = winner(near, weights, labels[nearestRow + tx.nearest[x]]);
        } else out[to++] = first;
      }
    }
  }
  return out;
}

/** The label with the largest sum; of equals `nearest` where it is one of them, else the smallest. */
function winner(near: Int32Array, weights: Float64Array, nearest: number): number {
  let best = -1;
  let label = 0;
  for (let n = 0; n < 8; n++) {
    const candidate = near[n];
    if (near.indexOf(candidate) < n) continue;
    let sum = 0;
    for (let k = n; k < 8; k++) if (near[k] === candidate) sum += weights[k];
    // scikit-image clips an indicator to its own range.
    sum = Math.min(1, sum);
    const isPreferred = candidate === nearest || (label !== nearest && candidate < label);
    if (sum > best || (sum === best && isPreferred)) {
      best = sum;
      label = candidate;
    }
  }
  return label;
}

function axisTable(length: number, newLength: number, isSeparate: boolean): AxisTable {
  const below = new Int32Array(newLength);
  const above = new Int32Array(newLength);
  const weightBelow = new Float64Array(newLength);
  const weightAbove = new Float64Array(newLength);
  const nearest = new Int32Array(newLength);
  for (let i = 0; i < newLength; i++) {
    const position = Math.min(length - 1, Math.max(0, (i + 0.5) * (length / newLength) - 0.5));
    nearest[i] = Math.floor(position + 0.5);
    below[i] = isSeparate ? nearest[i] : Math.floor(position);
    above[i] = isSeparate ? nearest[i] : Math.min(length - 1, below[i] + 1);
    // scipy has the first weight as 1 - x and the last as what is left of 1.
    weightBelow[i] = isSeparate ? 1 : 1 - (position - below[i]);
    weightAbove[i] = 1 - weightBelow[i];
  }
  return { below, above, weightBelow, weightAbove, nearest };
}
