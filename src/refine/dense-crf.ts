import { PipelineError } from "#src/core/errors.js";
import type { Size3, Vec3 } from "#src/imaging/affine.js";
import { cropBox, pasteBox } from "#src/imaging/crop.js";
import { type CrfKernel, denseCrf, gridFeatures, unaryOf } from "#src/imaging/dense-crf.js";
import { type FeatureFilter, permutohedralLattice } from "#src/imaging/permutohedral-lattice.js";
import { voxelCount } from "#src/imaging/volume.js";
import type { DenseCrfStep } from "#src/model/refine-steps.js";
import { type ApplyStep, imageFor, probabilitiesFor, type RefineProbabilities, spacingFor } from "./refine-state.js";

/**
 * Decides anew, inside the box of the probabilities, from the probabilities and the image. What earlier steps did to
 * the labels there is lost, so a manifest names this step before those that remove or fill. The probabilities become
 * the marginals, for a threshold after it.
 */
export const applyDenseCrf: ApplyStep<DenseCrfStep> = (state, step, subject) => {
  const weighs = (kernel: { readonly weight: number } | undefined): boolean => (kernel?.weight ?? 0) > 0;
  if (step.iterations === 0 || !(weighs(step.smoothness) || weighs(step.appearance))) return state;
  const spacingMm = spacingFor(state, subject);
  const probabilities = probabilitiesFor(state, subject);
  if (probabilities === null) return state;

  const values = [0, ...[...probabilities.byLabel.keys()].sort((a, b) => a - b)];
  const inBox = cropBox(state.labels, state.size, probabilities);
  const stranger = inBox.find((label) => !values.includes(label));
  if (stranger !== undefined) {
    throw new PipelineError("ContractViolation", `${subject} needs the probability of label ${stranger}, got none`);
  }

  const image = weighs(step.appearance) ? imageFor(state, probabilities, subject) : null;
  const perClass = withBackground(probabilities, values);
  const marginals = inferInBox(perClass, probabilities.size, image, spacingMm, step);

  for (let i = 0; i < inBox.length; i++) inBox[i] = values[argmaxAt(marginals, i)] ?? 0;
  return {
    ...state,
    labels: pasteBox(inBox, probabilities, state.size, 0, state.labels.slice()),
    probabilities: {
      start: probabilities.start,
      size: probabilities.size,
      byLabel: new Map(marginals.slice(1).map((marginal, n) => [values[n + 1] ?? 0, marginal])),
    },
  };
};

/** Runs the CRF over the box, or over each of its slices along z. One array of marginals a class. */
function inferInBox(
  perClass: readonly Float32Array[],
  size: Size3,
  image: Float32Array | null,
  spacingMm: Vec3,
  step: DenseCrfStep,
): Float32Array[] {
  const part: Size3 = step.dimensions === 2 ? [size[0], size[1], 1] : size;
  const voxels = voxelCount(part);
  const spacing = spacingMm.slice(0, step.dimensions);
  const widths = (widthMm: number): number[] => spacing.map((mm) => widthMm / mm);
  // An image without contrast has nothing to say: an infinite width makes its feature zero everywhere.
  const intensityWidth = (standardDeviation(image) || Number.POSITIVE_INFINITY) * (step.appearance?.widthSd ?? 1);

  // Positions are the same in every slice, so their lattice is built once.
  const smooth = step.smoothness
    ? permutohedralLattice(gridFeatures(part, widths(step.smoothness.widthMm)), spacing.length)
    : null;
  const out = perClass.map((probability) => new Float32Array(probability.length));
  for (let from = 0; from < voxelCount(size); from += voxels) {
    const kernels: CrfKernel[] = [];
    if (smooth !== null) kernels.push({ filter: smooth, weight: step.smoothness?.weight ?? 0 });
    if (step.appearance !== undefined && image !== null) {
      const filter = appearanceFilter(part, widths(step.appearance.widthMm), image, from, intensityWidth);
      kernels.push({ filter, weight: step.appearance.weight });
    }
    const unary = unaryOf(perClass.map((probability) => probability.subarray(from, from + voxels)));
    const marginals = denseCrf(unary, perClass.length, kernels, step.iterations);
    for (const [label, target] of out.entries()) {
      for (let i = 0; i < voxels; i++) target[from + i] = marginals[i * perClass.length + label] ?? 0;
    }
  }
  return out;
}

function appearanceFilter(
  size: Size3,
  widthsVox: number[],
  image: Float32Array,
  from: number,
  intensityWidth: number,
): FeatureFilter {
  const intensities = image.subarray(from, from + voxelCount(size));
  return permutohedralLattice(gridFeatures(size, widthsVox, [intensities], [intensityWidth]), widthsVox.length + 1);
}

/** One array a class, background first: what the labels leave of one. */
function withBackground(probabilities: RefineProbabilities, values: readonly number[]): Float32Array[] {
  const labels = values.slice(1).map((value) => probabilities.byLabel.get(value) ?? new Float32Array(0));
  const background = new Float32Array(voxelCount(probabilities.size)).fill(1);
  for (const label of labels) {
    for (let i = 0; i < background.length; i++) background[i] = (background[i] ?? 0) - (label[i] ?? 0);
  }
  return [background, ...labels];
}

/** Class with the largest value at a voxel; of equals the first. */
function argmaxAt(perClass: readonly Float32Array[], i: number): number {
  let best = 0;
  for (let k = 1; k < perClass.length; k++) if ((perClass[k]?.[i] ?? 0) > (perClass[best]?.[i] ?? 0)) best = k;
  return best;
}

/** Population standard deviation. @throws {PipelineError} `ContractViolation` when a voxel is not a number */
function standardDeviation(image: Float32Array | null): number {
  if (image === null) return 0;
  let sum = 0;
  for (const value of image) sum += value;
  const mean = sum / image.length;
  let squares = 0;
  for (const value of image) squares += (value - mean) ** 2;
  if (!Number.isFinite(squares)) {
    throw new PipelineError("ContractViolation", "image holds a voxel that is not a number, expected finite voxels");
  }
  return Math.sqrt(squares / image.length);
}
