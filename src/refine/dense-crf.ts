import { PipelineError } from "#src/core/errors.js";
import type { Size3, Vec3 } from "#src/imaging/affine.js";
import { type Box, cropBox } from "#src/imaging/crop.js";
import { foregroundBox, growBox } from "#src/imaging/foreground-box.js";
import { noiseDeviation } from "#src/imaging/noise.js";
import { voxelCount } from "#src/imaging/volume.js";
import { type DenseCrfStep, isActive, weighs } from "#src/model/dense-crf-step.js";
import { type CrfKernel, denseCrf } from "./crf/dense-crf.js";
import { gridFeatures } from "./crf/grid-features.js";
import { uncertainPoints } from "./crf/uncertain-points.js";
import { classesInBox, decidedBy } from "./marginal-labels.js";
import {
  type ApplyStep,
  imageFor,
  nowhere,
  probabilitiesFor,
  type RefineInput,
  type RefineProbabilities,
  spacingFor,
} from "./refine-state.js";

/** Voxels by which the box of labels is grown where there are no probabilities, so that outlines can move out. */
const MARGIN_VOX = 5;

/**
 * Decides anew, inside the box of the probabilities, from the probabilities and the image. What earlier steps did to
 * the labels there is lost, so a manifest names this step before those that remove or fill; not so with the unary
 * "labels", which starts from what they left. The probabilities become the marginals, for a threshold after it.
 */
export const applyDenseCrf: ApplyStep<DenseCrfStep> = (state, step, subject) => {
  if (!isActive(step)) return state;
  const spacingMm = spacingFor(state, subject);
  const probabilities = step.unary === "probabilities" ? probabilitiesFor(state, subject) : ofLabels(state, step.unary);
  if (probabilities === null) return step.unary === "probabilities" ? state : ofNothing(state);
  if (voxelCount(probabilities.size) === 0) return state;

  const classes = classesInBox(state, probabilities, subject);
  const { values } = classes;
  const penalties = step.penalties && penaltiesOf(step.penalties, values, state.modelLabels ?? [], subject);
  const channels = weighs(step.appearance) ? channelsFor(state, step, probabilities, subject) : [];
  const perClass = withBackground(probabilities, values);
  const marginals = inferInBox(perClass, probabilities.size, channels, spacingMm, { ...step, penalties });

  return decidedBy(marginals, state, probabilities, classes);
};

/** Of an empty map: later steps decide by what is left in it, not by what the network had said. */
function ofNothing(state: RefineInput): RefineInput {
  const { regions: _, ...rest } = state;
  return { ...rest, probabilities: nowhere(state.modelLabels ?? []) };
}

/** Rows and columns of the classes that take part: all labels of the model have one, whether the map has them or not. */
function penaltiesOf(
  penalties: readonly (readonly number[])[],
  values: readonly number[],
  modelLabels: readonly number[],
  subject: string,
): number[][] {
  const all = [...new Set([...values, ...modelLabels])].sort((a, b) => a - b);
  if (penalties.length !== all.length) {
    const found = `${penalties.length} rows of penalties for ${all.length - 1} labels`;
    throw new PipelineError("ModelInvalid", `${subject} has ${found}, expected ${all.length}: background first`);
  }
  const rows = values.map((value) => all.indexOf(value));
  return rows.map((row) => rows.map((column) => penalties[row]?.[column] ?? 0));
}

/** A channel that is looked at, and the kernel's width over it. */
interface Channel {
  readonly values: Float32Array;
  readonly width: number;
}

/** Runs the CRF over the box, or over each of its slices along z. One array of marginals a class. */
function inferInBox(
  perClass: readonly Float32Array[],
  size: Size3,
  channels: readonly Channel[],
  spacingMm: Vec3,
  step: DenseCrfStep,
): readonly Float32Array[] {
  const part: Size3 = step.dimensions === 2 ? [size[0], size[1], 1] : size;
  const voxels = voxelCount(part);
  const out = perClass.map((probability) => probability.slice());
  for (let from = 0; from < voxelCount(size); from += voxels) {
    const inPart = (values: Float32Array) => values.subarray(from, from + voxels);
    const given = perClass.map(inPart);
    const points =
      step.uncertainOnly === undefined ? null : uncertainPoints(given, part, spacingMm, step.uncertainOnly);
    if (points?.length === 0) continue;
    const images = channels.map((channel) => ({ ...channel, values: inPart(channel.values) }));
    const { marginals } = denseCrf({
      probabilities: points === null ? given : given.map((values) => valuesAt(values, points)),
      kernels: kernelsOf(step, part, images, spacingMm, points),
      iterations: step.iterations,
      tolerance: step.tolerance,
      ...(step.penalties && { penalties: step.penalties }),
    });
    for (const [label, target] of out.entries()) {
      const marginal = marginals[label] ?? new Float32Array(0);
      if (points === null) target.set(marginal, from);
      else for (let n = 0; n < points.length; n++) target[from + (points[n] ?? 0)] = marginal[n] ?? 0;
    }
  }
  return out;
}

function kernelsOf(
  { smoothness, appearance, dimensions }: DenseCrfStep,
  size: Size3,
  channels: readonly Channel[],
  spacingMm: Vec3,
  points: Uint32Array | null,
): CrfKernel[] {
  const axes = ([0, 1, 2] as const).slice(0, dimensions);
  const inVoxels = (mm: number | Vec3) =>
    axes.map((axis) => (typeof mm === "number" ? mm : mm[axis]) / spacingMm[axis]);
  const kernels: CrfKernel[] = [];
  if (smoothness !== undefined) {
    const { weight, normalisation } = smoothness;
    const features = gridFeatures(size, { positionsVox: inVoxels(smoothness.widthMm) }, [], points);
    kernels.push({ features, dimensions, weight, normalisation });
  }
  if (appearance !== undefined && channels.length > 0) {
    const { weight, normalisation } = appearance;
    const widths = { positionsVox: inVoxels(appearance.widthMm), channels: channels.map(({ width }) => width) };
    const images = channels.map(({ values }) => values);
    const features = gridFeatures(size, widths, images, points);
    kernels.push({ features, dimensions: dimensions + channels.length, weight, normalisation });
  }
  return kernels;
}

/**
 * The channels that the appearance looks at, inside the box. An image without contrast has nothing to say: an infinite
 * width makes its feature zero everywhere.
 */
function channelsFor(state: RefineInput, step: DenseCrfStep, box: Box, subject: string): Channel[] {
  const { appearance } = step;
  return (appearance?.channels ?? []).map((n) => {
    const other = state.otherChannels?.[n - 1];
    if (n > 0 && other === undefined) {
      const found = 1 + (state.otherChannels?.length ?? 0);
      throw new PipelineError("InputMismatch", `${subject} looks at channel ${n}, the image has ${found} (from 0)`);
    }
    const values = n === 0 || other === undefined ? imageFor(state, box, subject) : cropBox(other, state.size, box);
    const deviation = standardDeviation(values);
    if (appearance?.width !== undefined) return { values, width: appearance.width };
    const unit = appearance?.widthNoise === undefined ? deviation : noiseDeviation(values, box.size);
    const factor = appearance?.widthNoise ?? appearance?.widthSd ?? 1;
    return { values, width: (unit || Number.POSITIVE_INFINITY) * factor };
  });
}

/** What a label map is sure of: its own label with the confidence given, the others alike. */
function ofLabels(state: RefineInput, { confidence }: { readonly confidence: number }): RefineProbabilities | null {
  const present = [...new Set(state.labels)].filter((label) => label !== 0).sort((a, b) => a - b);
  const isBackground = Float32Array.from(state.labels, (label) => (label === 0 ? 1 : 0));
  const tight = foregroundBox(isBackground, state.size, 0.5);
  if (tight === null) return null;
  const box = growBox(tight, state.size, MARGIN_VOX);
  const inBox = cropBox(state.labels, state.size, box);
  const rest = (1 - confidence) / present.length;
  const byLabel = new Map(
    present.map((label) => [label, Float32Array.from(inBox, (found) => (found === label ? confidence : rest))]),
  );
  return { ...box, byLabel };
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

function valuesAt(values: Float32Array, points: Uint32Array): Float32Array {
  const out = new Float32Array(points.length);
  for (let n = 0; n < points.length; n++) out[n] = values[points[n] ?? 0] ?? 0;
  return out;
}

/** Population standard deviation. @throws {PipelineError} `ContractViolation` when a voxel is not a number */
function standardDeviation(image: Float32Array): number {
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
