import { type Affine, applyAffine, type Size3, type Vec3 } from "./affine.js";
import type { Box } from "./crop.js";
import { labelRuns } from "./label-runs.js";
import { voxelCount } from "./volume.js";

/** What one pass over a label map tells about a label. */
export interface LabelMoments {
  readonly label: number;
  readonly voxels: number;
  /** Mean position of its voxel centres in millimetres, RAS; null for a label that does not occur. */
  readonly centroidRas: Vec3 | null;
  /** Smallest box around it; null for a label that does not occur. */
  readonly box: Box | null;
  /** Along x, y, z: whether it has voxels in the first and in the last layer. An axis with one voxel has no border. */
  readonly touchesBorder: readonly [BorderTouch, BorderTouch, BorderTouch];
}

interface BorderTouch {
  readonly low: boolean;
  readonly high: boolean;
}

/** Numbers kept for each label: count, sums of x, y, z, lowest and highest x, y, z. */
const FIELDS = 10;

/**
 * Size, centroid, bounding box and border contact of the labels 1 to `maxLabel`, in one pass.
 *
 * @throws {RangeError} for a voxel above `maxLabel`
 */
export function labelMoments(
  labels: Uint8Array | Uint16Array,
  size: Size3,
  affine: Affine,
  maxLabel: number,
): LabelMoments[] {
  if (labels.length !== voxelCount(size)) {
    throw new RangeError(`label map has ${labels.length} voxels, expected ${size.join(" x ")}`);
  }
  const sums = new Float64Array((maxLabel + 1) * FIELDS);
  for (let label = 0; label <= maxLabel; label++) sums.set([...size, -1, -1, -1], label * FIELDS + 4);

  const [nx, ny, nz] = size;
  const runEnd = labelRuns(labels);
  for (let z = 0; z < nz; z++) {
    for (let y = 0; y < ny; y++) {
      const row = nx * (y + ny * z);
      // Sums of whole numbers are exact in any order.
      for (let x = 0; x < nx; ) {
        const first = x;
        const label = labels[row + x];
        x = runEnd(row + x, row + nx) - row;
        if (label === 0) continue;
        if (label > maxLabel) throw new RangeError(`label map holds ${label}, expected at most ${maxLabel}`);
        const at = label * FIELDS;
        const [count, last] = [x - first, x - 1];
        sums[at] += count;
        sums[at + 1] += (count * (first + last)) / 2;
        sums[at + 2] += count * y;
        sums[at + 3] += count * z;
        if (first < sums[at + 4]) sums[at + 4] = first;
        if (y < sums[at + 5]) sums[at + 5] = y;
        if (z < sums[at + 6]) sums[at + 6] = z;
        if (last > sums[at + 7]) sums[at + 7] = last;
        if (y > sums[at + 8]) sums[at + 8] = y;
        if (z > sums[at + 9]) sums[at + 9] = z;
      }
    }
  }
  return Array.from({ length: maxLabel }, (_, n) => {
    const label = n + 1;
    return describe(label, sums.subarray(label * FIELDS, (label + 1) * FIELDS), size, affine);
  });
}

function describe(label: number, sums: Float64Array, size: Size3, affine: Affine): LabelMoments {
  const [voxels, sumX, sumY, sumZ, lowX, lowY, lowZ, highX, highY, highZ] = sums;
  const touch = (low: number, high: number, length: number): BorderTouch => ({
    low: voxels > 0 && length > 1 && low === 0,
    high: voxels > 0 && length > 1 && high === length - 1,
  });
  return {
    label,
    voxels,
    centroidRas: voxels === 0 ? null : applyAffine(affine, [sumX / voxels, sumY / voxels, sumZ / voxels]),
    box:
      voxels === 0 ? null : { start: [lowX, lowY, lowZ], size: [highX - lowX + 1, highY - lowY + 1, highZ - lowZ + 1] },
    touchesBorder: [touch(lowX, highX, size[0]), touch(lowY, highY, size[1]), touch(lowZ, highZ, size[2])],
  };
}
