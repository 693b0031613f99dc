import { PipelineError } from "#src/core/errors.js";
import { readNifti } from "#src/formats/nifti-read.js";
import { readRtStructGeometry } from "#src/formats/rtstruct-read.js";
import { readSegGeometry } from "#src/formats/seg-read.js";
import { readReportVolumes } from "#src/formats/sr-read.js";
import { affineDeterminant, norm, type Vec3 } from "#src/imaging/affine.js";
import { type LabelMoments, labelMoments } from "#src/imaging/label-moments.js";
import type { Grid } from "#src/imaging/volume.js";

/** Farthest that a written structure's centroid may lie from where the label map says, in millimetres… */
const CENTROID_MM = 0.1;
/** …or as a fraction of the largest voxel spacing, whichever is more: slices may be placed unevenly within 2 %. */
const CENTROID_SPACINGS = 0.05;
/** Largest relative difference in volume: the spacing between uneven slices is a median in one place, a mean in the other. */
const VOLUME_FRACTION = 0.02;

/** A structure as it was read back from a written file. */
interface ReadBack {
  readonly voxels: number;
  readonly centroidRasMm: Vec3 | null;
  readonly volumeMm3: number;
}

/**
 * Reads the NIfTI label map again from its bytes and compares voxel count, centroid and volume of every structure,
 * in patient space, with the source grid.
 *
 * @param expected moments of the labels on the source grid
 * @throws {PipelineError} `ResultInvalid`: nothing may be published
 */
export function proveNifti(bytes: Uint8Array, expected: readonly LabelMoments[], grid: Grid): void {
  const image = readNifti(bytes);
  if (image.size.join() !== grid.size.join()) {
    throw new PipelineError(
      "ResultInvalid",
      `written label map has ${image.size.join(" x ")} voxels, expected ${grid.size.join(" x ")}`,
    );
  }
  const labels = image.data instanceof Uint8Array ? image.data : Uint16Array.from(image.data);
  const voxelMm3 = Math.abs(affineDeterminant(image.affineRas));
  const found = labelMoments(labels, image.size, image.affineRas, expected.length);
  compareAll(
    "label map",
    found.map(({ voxels, centroidRas }) => ({ voxels, centroidRasMm: centroidRas, volumeMm3: voxels * voxelMm3 })),
    expected,
    grid,
  );
}

/**
 * The same for a DICOM SEG, read by other code than wrote it: positions come from its frames.
 *
 * @param order label value of each segment, in the order of their numbers
 * @param hasVolumes false for slices of variable spacing or tilt: voxels then have no one volume to compare
 */
export function proveSeg(
  bytes: Uint8Array,
  order: readonly number[],
  expected: readonly LabelMoments[],
  grid: Grid,
  { hasVolumes = true } = {},
): void {
  const segments = readSegGeometry(bytes);
  if (segments.length !== order.length) {
    throw new PipelineError("ResultInvalid", `written SEG has ${segments.length} segments, expected ${order.length}`);
  }
  const ofSegments = order.map((label) => expected[label - 1]).filter((moments) => moments !== undefined);
  compareAll("SEG", segments, ofSegments, grid, hasVolumes);
}

/**
 * The same for an RT Structure Set: its outlines must enclose what the labels fill. Pixels are not counted there, so
 * that areas stand for them.
 *
 * @param order label value of each ROI, in the order of their numbers
 * @param hasVolumes as for `proveSeg`
 */
export function proveRtStruct(
  bytes: Uint8Array,
  order: readonly number[],
  expected: readonly LabelMoments[],
  grid: Grid,
  { hasVolumes = true } = {},
): void {
  const rois = readRtStructGeometry(bytes, grid.spacingMm?.[2] ?? 1);
  if (rois.length !== order.length) {
    throw new PipelineError("ResultInvalid", `written RTSTRUCT has ${rois.length} ROIs, expected ${order.length}`);
  }
  const ofRois = order.map((label) => expected[label - 1]).filter((moments) => moments !== undefined);
  const found = rois.map((roi, n) => ({ ...roi, voxels: roi.areaMm2 > 0 ? (ofRois[n]?.voxels ?? 0) : 0 }));
  compareAll("RTSTRUCT", found, ofRois, grid, hasVolumes);
}

/**
 * Reads a measurement report again and compares its volumes with those that were measured.
 *
 * @param expected mm³ of each segment, in the order of their numbers
 * @throws {PipelineError} `ResultInvalid`: nothing may be published
 */
export function proveVolumes(bytes: Uint8Array, expected: readonly number[]): void {
  const found = readReportVolumes(bytes);
  if (found.size !== expected.length) {
    throw new PipelineError("ResultInvalid", `written SR has ${found.size} segments, expected ${expected.length}`);
  }
  for (const [n, volume] of expected.entries()) {
    const got = found.get(n + 1) ?? Number.NaN;
    if (Math.abs(got - volume) <= 1e-6 * volume) continue;
    throw new PipelineError("ResultInvalid", `segment ${n + 1} has ${got} mm3 in the written SR, expected ${volume}`);
  }
}

function compareAll(
  what: string,
  found: readonly ReadBack[],
  expected: readonly LabelMoments[],
  grid: Grid,
  hasVolumes = true,
): void {
  const tolerance = Math.max(CENTROID_MM, CENTROID_SPACINGS * Math.max(...(grid.spacingMm ?? [0])));
  const voxelMm3 = Math.abs(affineDeterminant(grid.affineRas));
  for (const [n, wanted] of expected.entries()) {
    const got = found[n];
    const voxels = got?.voxels ?? 0;
    if (voxels !== wanted.voxels) {
      throw new PipelineError(
        "ResultInvalid",
        `structure ${wanted.label} has ${voxels} voxels in the written ${what}, expected ${wanted.voxels}`,
      );
    }
    if (wanted.centroidRas === null) continue;
    const distance = got?.centroidRasMm ? between(got.centroidRasMm, wanted.centroidRas) : Number.POSITIVE_INFINITY;
    if (!(distance <= tolerance)) {
      throw new PipelineError(
        "ResultInvalid",
        `structure ${wanted.label} lies ${distance.toFixed(2)} mm off in the written ${what}, expected at most ${tolerance.toFixed(2)} mm`,
      );
    }
    if (!hasVolumes) continue;
    const ratio = (got?.volumeMm3 ?? 0) / (wanted.voxels * voxelMm3);
    if (!(Math.abs(ratio - 1) <= VOLUME_FRACTION)) {
      throw new PipelineError(
        "ResultInvalid",
        `structure ${wanted.label} has ${ratio.toFixed(3)} of its volume in the written ${what}, expected 1 within ${VOLUME_FRACTION}`,
      );
    }
  }
}

function between(a: Vec3, b: Vec3): number {
  return norm([a[0] - b[0], a[1] - b[1], a[2] - b[2]]);
}
