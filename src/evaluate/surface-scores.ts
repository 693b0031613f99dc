import type { Size3, Vec3 } from "#src/imaging/affine.js";
import { edgeVoxels, type MaskSurface, surfaceCorners } from "#src/imaging/mask-surface.js";
import { nearestDistances } from "#src/imaging/nearest-distances.js";
import { quantileInPlace, weightedQuantileInPlace } from "#src/imaging/order-statistics.js";

/** How far two surfaces are apart, by the definitions of three programs. Distances are in units of the spacing. */
export interface SurfaceScores {
  /** Largest distance between edge voxels: MONAI and MedPy. */
  readonly hd: number;
  /** Largest of the two directed 95th percentiles over edge voxels. */
  readonly hd95Monai: number;
  /** 95th percentile of both directions together, over edge voxels. */
  readonly hd95Medpy: number;
  /** Largest distance between surface elements. */
  readonly hdDeepmind: number;
  /** Largest of the two directed 95th percentiles over surface elements by area. */
  readonly hd95Deepmind: number;
  /** Mean distance from edge voxels of the reference: MONAI and MedPy. */
  readonly asdTruthToPred: number;
  /** Mean distance from edge voxels of the prediction: MONAI and MedPy. */
  readonly asdPredToTruth: number;
  /** Mean over the edge voxels of both: MONAI and MedPy. */
  readonly assd: number;
  /** Mean distance from the reference by area. */
  readonly asdTruthToPredDeepmind: number;
  /** Mean distance from the prediction by area. */
  readonly asdPredToTruthDeepmind: number;
  /** Share of both surfaces, by area, that is within the tolerance of the other. */
  readonly surfaceDiceDeepmind: number;
  /** The same by number of edge voxels. */
  readonly surfaceDiceMonai: number;
}

/** A distance above the tolerance by no more than files round their spacing (float32) is within it. */
const ROUNDING = 1e-6;

/**
 * Compares the surfaces of two masks that are not empty.
 *
 * @param truth,prediction ones and zeros with a rim of zeros (`paddedMask`)
 * @param size of both, rim included; one slice is a picture, with an outline for a surface
 * @param tolerance in units of the spacing
 */
export function surfaceScores(
  truth: Uint8Array,
  prediction: Uint8Array,
  size: Size3,
  spacing: Vec3,
  tolerance: number,
): SurfaceScores {
  const limit = tolerance * (1 + ROUNDING);
  return {
    ...edgeScores(edgeVoxels(truth, size), edgeVoxels(prediction, size), spacing, limit),
    ...areaScores(surfaceCorners(truth, size, spacing), surfaceCorners(prediction, size, spacing), spacing, limit),
  };
}

function edgeScores(truth: MaskSurface, prediction: MaskSurface, spacing: Vec3, limit: number) {
  const fromTruth = nearestDistances(prediction.points, truth.size, spacing, truth.indices);
  const fromPrediction = nearestDistances(truth.points, truth.size, spacing, prediction.indices);
  const pooled = new Float64Array(fromTruth.length + fromPrediction.length);
  pooled.set(fromTruth);
  pooled.set(fromPrediction, fromTruth.length);
  return {
    hd: largestOf(pooled),
    asdTruthToPred: meanOf(fromTruth),
    asdPredToTruth: meanOf(fromPrediction),
    assd: meanOf(pooled),
    surfaceDiceMonai: countUpTo(pooled, limit) / pooled.length,
    // These put the distances into another order.
    hd95Monai: Math.max(quantileInPlace(fromTruth, 0.95), quantileInPlace(fromPrediction, 0.95)),
    hd95Medpy: quantileInPlace(pooled, 0.95),
  };
}

function areaScores(truth: MaskSurface, prediction: MaskSurface, spacing: Vec3, limit: number) {
  const fromTruth = nearestDistances(prediction.points, truth.size, spacing, truth.indices);
  const fromPrediction = nearestDistances(truth.points, truth.size, spacing, prediction.indices);
  const [ofTruth, ofPrediction] = [truth.weights ?? new Float64Array(), prediction.weights ?? new Float64Array()];
  const a = weigh(fromTruth, ofTruth, limit);
  const b = weigh(fromPrediction, ofPrediction, limit);
  return {
    hdDeepmind: Math.max(largestOf(fromTruth), largestOf(fromPrediction)),
    asdTruthToPredDeepmind: a.moment / a.area,
    asdPredToTruthDeepmind: b.moment / b.area,
    surfaceDiceDeepmind: (a.within + b.within) / (a.area + b.area),
    hd95Deepmind: Math.max(
      weightedQuantileInPlace(fromTruth, ofTruth, 0.95),
      weightedQuantileInPlace(fromPrediction, ofPrediction, 0.95),
    ),
  };
}

/** Area, area within the limit, and distance times area. */
function weigh(distances: Float64Array, areas: Float64Array, limit: number) {
  let [area, within, moment] = [0, 0, 0];
  for (let i = 0; i < distances.length; i++) {
    const weight = areas[i] ?? 0;
    const distance = distances[i] ?? 0;
    area += weight;
    moment += weight * distance;
    if (distance <= limit) within += weight;
  }
  return { area, within, moment };
}

function meanOf(values: Float64Array): number {
  let sum = 0;
  for (const value of values) sum += value;
  return sum / values.length;
}

function largestOf(values: Float64Array): number {
  let largest = 0;
  for (const value of values) if (value > largest) largest = value;
  return largest;
}

function countUpTo(values: Float64Array, limit: number): number {
  let count = 0;
  for (const value of values) if (value <= limit) count++;
  return count;
}
