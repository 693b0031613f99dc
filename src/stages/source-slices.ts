import type { DicomSource } from "#src/formats/scan.js";
import { affineFromColumns, flipLps, type Size3, type Vec3 } from "#src/imaging/affine.js";
import { type LabelMoments, labelMoments } from "#src/imaging/label-moments.js";
import { labelsOfStack, type SliceStack } from "#src/imaging/slice-stack.js";

/** Labels on the slices of a DICOM source. */
export interface SourceSliceLabels {
  readonly size: Size3;
  readonly data: Uint8Array | Uint16Array;
  /** Where the labels lie by the slices' own positions, whatever a grid says. */
  readonly moments: readonly LabelMoments[];
}

/**
 * Labels of a regular grid on the slices of the irregular series it was made from: nearest voxel (`labelsOfStack`), so
 * that a label's border moves by at most half a voxel of the grid along each axis.
 *
 * @param size of the grid that the labels are on
 * @param stack where the slices lie in it
 */
export function labelsOnSourceSlices(
  labels: Uint8Array | Uint16Array,
  size: Size3,
  stack: SliceStack,
  source: DicomSource,
  maxLabel: number,
): SourceSliceLabels {
  const data = labelsOfStack(labels, stack, size);
  return { size: stack.size, data, moments: momentsBySlice(data, stack.size, source, maxLabel) };
}

/** `labelMoments` slice by slice, each in its own place. */
function momentsBySlice(
  data: Uint8Array | Uint16Array,
  [columns, rows, depth]: Size3,
  source: DicomSource,
  maxLabel: number,
): LabelMoments[] {
  const voxels = new Float64Array(maxLabel);
  const sums = Array.from({ length: maxLabel }, (): [number, number, number] => [0, 0, 0]);
  // The affine counts slices along z, so that boxes come out in slices; a slice's place is its origin alone.
  const whole = labelMoments(data, [columns, rows, depth], [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0], maxLabel);
  const [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0] = source.orientationLps;
  const [betweenRows, betweenColumns] = source.pixelSpacingMm;
  const row: Vec3 = [a * betweenColumns, b * betweenColumns, c * betweenColumns];
  const column: Vec3 = [d * betweenRows, e * betweenRows, f * betweenRows];
  for (const [k, { positionLps }] of source.slices.entries()) {
    const affine = flipLps(affineFromColumns(row, column, [0, 0, 1], positionLps));
    const slice = data.subarray(k * columns * rows, (k + 1) * columns * rows);
    for (const { label, voxels: count, centroidRas } of labelMoments(slice, [columns, rows, 1], affine, maxLabel)) {
      const sum = sums[label - 1];
      if (centroidRas === null || sum === undefined) continue;
      voxels[label - 1] = (voxels[label - 1] ?? 0) + count;
      for (const axis of [0, 1, 2] as const) sum[axis] += count * centroidRas[axis];
    }
  }
  return whole.map((moments, n) => {
    const [x, y, z] = sums[n] ?? [0, 0, 0];
    const count = voxels[n] ?? 0;
    return { ...moments, centroidRas: count === 0 ? null : [x / count, y / count, z / count] };
  });
}
