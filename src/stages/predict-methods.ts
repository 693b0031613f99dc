import { methodNeeds } from "#src/classical/predict-method.js";
import { voxelCount } from "#src/imaging/volume.js";
import { type MemoryPhase, phase, uncollected } from "#src/inference/memory-terms.js";
import type { ImageShape } from "#src/inference/predict-volumes.js";
import type { ClassicalManifest } from "#src/model/classical-manifest.js";
import { needsImage, type RefineStep } from "#src/model/refine-steps.js";
import { stepNeeds } from "#src/refine/predict-steps.js";

// What is done without a network: Segment of a classical method, and Postprocess.

/** What is predicted of a stage. */
export interface MethodPrediction {
  readonly phases: readonly MemoryPhase[];
  /** Whether it may hold much less. */
  readonly isAtMost: boolean;
  /** Null where nothing is said of it. */
  readonly cpuSeconds: number | null;
}

/** Seconds to start, and for each voxel: the image that is read, the label map, a label's probabilities. As of networks. */
const SEGMENT = { start: 0.1, image: 10e-9, labels: 15e-9, probability: 250e-9 } as const;
const POSTPROCESS = { start: 0.03, image: 10e-9, labels: 5e-9, probability: 15e-9 } as const;

/** What Segment takes of a classical method. @param wanted labels whose probabilities are kept */
export function predictClassical(image: ImageShape, manifest: ClassicalManifest, wanted: number): MethodPrediction {
  const { grid, channels } = image;
  const voxels = voxelCount(grid.size);
  const input = 4 * voxels * channels;
  const { bytes, isAtMost, seconds } = methodNeeds(manifest.classical, grid, channels);
  const { start, labels, probability } = SEGMENT;
  const each = SEGMENT.image * channels + labels + probability * wanted;
  return {
    phases: [
      phase("read", { "file of the input": input, "its voxels": input, "network's input": input }),
      phase("method", { image: input, "its arrays": bytes, "file of the input": input }),
    ],
    isAtMost,
    cpuSeconds: seconds === null ? null : start + seconds + each * voxels,
  };
}

/**
 * What Postprocess takes: each step of the whole image at most, as it works in boxes around what was found.
 *
 * @param wanted labels whose probabilities Segment kept
 * @param labelBytes of a voxel of the label map
 * @param before bytes that Segment left in the process: of one that ran both
 * @returns null where there are no steps: then the label map is handed on as it is
 */
export function predictPostprocess(
  image: ImageShape,
  steps: readonly RefineStep[],
  wanted: number,
  labelBytes: 1 | 2,
  before: number,
): MethodPrediction | null {
  if (steps.length === 0) return null;
  const voxels = voxelCount(image.grid.size);
  const readsImage = steps.some(needsImage);
  const probabilities = 4 * voxels * wanted;
  const input = {
    "left by Segment": before,
    labels: labelBytes * voxels,
    probabilities,
    image: readsImage ? 4 * voxels : 0,
    // Each file is unpacked and goes before the next one is read.
    "not yet collected": uncollected(3 * voxels * wanted + (readsImage ? image.heldBytes * voxels : 0), 4 * voxels),
  };
  const needs = steps.map((step) => stepNeeds(step, voxels, wanted, image.grid.spacingMm));
  const perVoxel = (readsImage ? POSTPROCESS.image : 0) + POSTPROCESS.labels + POSTPROCESS.probability * wanted;
  return {
    phases: steps.map((step, n) =>
      phase(step.kind, {
        ...input,
        "labels before and after": 2 * labelBytes * voxels,
        "its arrays": needs[n]?.bytes ?? 0,
      }),
    ),
    isAtMost: true,
    cpuSeconds: needs.reduce<number | null>(
      (sum, { seconds }) => (sum === null || seconds === null ? null : sum + seconds),
      POSTPROCESS.start + perVoxel * voxels,
    ),
  };
}
