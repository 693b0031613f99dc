import { PipelineError } from "#src/core/errors.js";
import type { Size3 } from "#src/imaging/affine.js";
import { voxelCount } from "#src/imaging/volume.js";
import type { ConvCrfStep } from "#src/model/conv-crf-step.js";
import { CRF_INPUT, CRF_OUTPUT, type CrfWindow, crfGraph } from "./conv-crf-graph.js";
import { classesInBox, decidedBy } from "./marginal-labels.js";
import {
  assertExclusive,
  imageFor,
  probabilitiesFor,
  type RefineInput,
  type RefineProbabilities,
  spacingFor,
} from "./refine-state.js";

/** Runs a graph once on one float32 tensor, last axis fastest. */
export type RunGraph = (
  graph: { readonly bytes: Uint8Array; readonly inputName: string; readonly outputName: string },
  input: { readonly data: Float32Array; readonly shape: readonly number[] },
) => Promise<{ readonly data: Float32Array }>;

/** Voxels of a window: beyond them every one costs as much as a network. */
const MOST_OFFSETS = 50_000;

/**
 * Decides anew, inside the box of the probabilities, from the probabilities and the image, as `dense-crf` does but for
 * the window. The probabilities become the marginals.
 *
 * @throws {PipelineError} `InputMismatch` without spacing, and for a window of more than 50,000 voxels;
 *   `InferenceFailed` as `run`
 */
export async function applyConvCrf(
  state: RefineInput,
  step: ConvCrfStep,
  subject: string,
  run: RunGraph,
): Promise<RefineInput> {
  const spacingMm = spacingFor(state, subject);
  const probabilities = probabilitiesFor(state, subject);
  if (probabilities === null || voxelCount(probabilities.size) === 0) return state;
  assertExclusive(state, subject);
  const { size } = probabilities;
  const classes = classesInBox(state, probabilities, subject);
  const { values } = classes;

  const vox = (mm: number, axis: 0 | 1 | 2): number => mm / spacingMm[axis];
  const triple = (mm: number) => [vox(mm, 0), vox(mm, 1), vox(mm, 2)] as const;
  const { smoothness, appearance } = step;
  const window: CrfWindow = {
    size,
    classes: values.length,
    channels: appearance === undefined ? 0 : 1,
    radiusVox: radiusOf(step, triple(step.radiusMm), size, subject),
    iterations: step.iterations,
    smoothness: smoothness === undefined ? null : { weight: smoothness.weight, widthVox: triple(smoothness.widthMm) },
    appearance: appearance === undefined ? null : { weight: appearance.weight, widthVox: triple(appearance.widthMm) },
  };
  const image =
    appearance === undefined ? null : inWidths(imageFor(state, probabilities, subject), appearance.widthSd, subject);
  const graph = { bytes: crfGraph(window), inputName: CRF_INPUT, outputName: CRF_OUTPUT };
  const shape = [1, window.classes + window.channels, size[2], size[1], size[0]];
  const { data } = await run(graph, { data: inputOf(probabilities, values, image), shape });

  const voxels = voxelCount(size);
  const marginals = values.map((_, k) => data.slice(k * voxels, (k + 1) * voxels));
  return decidedBy(marginals, state, probabilities, classes);
}

function radiusOf(step: ConvCrfStep, vox: readonly [number, number, number], size: Size3, subject: string): Size3 {
  // A voxel at exactly the radius is in the window whatever its rounding; no window is larger than the volume.
  const along = (axis: 0 | 1 | 2): number => Math.min(size[axis] - 1, Math.floor(vox[axis] + 1e-6));
  const radius: Size3 = [along(0), along(1), step.dimensions === 2 ? 0 : along(2)];
  const offsets = radius.reduce((product, r) => product * (2 * r + 1), 1);
  if (offsets <= MOST_OFFSETS) return radius;
  const message = `${subject} has a window of ${offsets} voxels on this image, expected at most ${MOST_OFFSETS}`;
  throw new PipelineError("InputMismatch", message);
}

/** Classes, background being what the labels leave of one, and the image, side by side. */
function inputOf(
  { byLabel, size }: RefineProbabilities,
  values: readonly number[],
  image: Float32Array | null,
): Float32Array {
  const voxels = voxelCount(size);
  const out = new Float32Array(voxels * (values.length + (image === null ? 0 : 1)));
  out.fill(1, 0, voxels);
  for (const [k, label] of values.entries()) {
    if (k === 0) continue;
    const probability = byLabel.get(label) ?? new Float32Array(0);
    out.set(probability, k * voxels);
    for (let i = 0; i < voxels; i++) out[i] = (out[i] ?? 0) - (probability[i] ?? 0);
  }
  if (image !== null) out.set(image, values.length * voxels);
  return out;
}

/** Less its mean, in widths of the kernel; zeros for an image without contrast. */
function inWidths(image: Float32Array, widthSd: number, subject: string): Float32Array {
  let sum = 0;
  for (const value of image) sum += value;
  const mean = sum / image.length;
  let squares = 0;
  for (const value of image) squares += (value - mean) ** 2;
  if (!Number.isFinite(squares)) {
    throw new PipelineError("ContractViolation", `${subject} needs an image of finite voxels, found one that is not`);
  }
  const width = Math.sqrt(squares / image.length) * widthSd;
  return image.map((value) => (width > 0 ? (value - mean) / width : 0));
}
