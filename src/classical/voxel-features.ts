import { PipelineError } from "#src/core/errors.js";
import type { Size3, Vec3 } from "#src/imaging/affine.js";
import { gaussianMeanInMask } from "#src/imaging/classical/gaussian.js";
import { wideMeanInMask } from "#src/imaging/classical/wide-mean.js";

/** Voxels that a classifier looks at. */
export interface VoxelFeatures {
  /** Index in the image of each sample. */
  readonly voxels: Uint32Array;
  /** One array a feature, one value a sample. */
  readonly features: readonly Float32Array[];
}

export interface FeatureOptions {
  readonly mask: "all" | "nonzero";
  readonly flattenMm?: number | undefined;
  readonly smoothMm: readonly number[];
}

/** Smallest divisor: a constant image has features of 0, not infinities. */
const SMALLEST_DEVIATION = 1e-8;

/**
 * Features of the voxels inside the mask, for each channel: its intensity, smoothed inside the mask by each width of
 * `smoothMm`, less the mean and over the standard deviation of the channel's unsmoothed intensity inside the mask.
 * With `flattenMm`, the intensity is first divided by its own smooth field (`flattened`).
 */
export function voxelFeatures(
  channels: readonly Float32Array[],
  size: Size3,
  spacingMm: Vec3 | null,
  options: FeatureOptions,
): VoxelFeatures {
  const [first = new Float32Array()] = channels;
  const mask = new Uint8Array(first.length);
  for (let i = 0; i < mask.length; i++) mask[i] = options.mask === "all" || first[i] !== 0 ? 1 : 0;
  const voxels = indicesOf(mask);
  const features: Float32Array[] = [];
  for (const channel of channels) {
    const image =
      options.flattenMm === undefined
        ? channel
        : flattened(channel, mask, size, inVoxels(options.flattenMm, spacingMm, "flattenMm"));
    const { mean, deviation } = moments(gathered(image, voxels, 0, 1));
    for (const mm of options.smoothMm) {
      const smooth = mm === 0 ? image : gaussianMeanInMask(image, mask, size, inVoxels(mm, spacingMm, "smoothMm"));
      features.push(gathered(smooth, voxels, mean, deviation));
    }
  }
  return { voxels, features };
}

/**
 * The image without slow changes of brightness: each voxel times the mean of the image inside the mask, over the
 * weighted mean of the voxels around it that are inside the mask (homomorphic unsharp masking, Axel et al. 1987). It
 * also takes away true differences between large structures.
 */
function flattened(image: Float32Array, mask: Uint8Array, size: Size3, sigmaVox: Vec3): Float32Array {
  const field = wideMeanInMask(image, mask, size, sigmaVox);
  let sum = 0;
  let count = 0;
  for (let i = 0; i < image.length; i++) {
    if (mask[i] === 0) continue;
    sum += image[i] ?? 0;
    count++;
  }
  const mean = count === 0 ? 0 : sum / count;
  return image.map((value, i) => {
    const local = field[i] ?? 0;
    return mask[i] === 0 || Math.abs(local) < SMALLEST_DEVIATION ? value : (value * mean) / local;
  });
}

/** A length as voxels along each axis. @throws {PipelineError} `InputMismatch` when the image has no spacing */
export function inVoxels(mm: number, spacingMm: Vec3 | null, parameter: string): Vec3 {
  if (spacingMm === null) throw withoutSpacing(parameter);
  return [mm / spacingMm[0], mm / spacingMm[1], mm / spacingMm[2]];
}

/** What a parameter in millimetres on an image without spacing is refused with. */
export function withoutSpacing(parameter: string): PipelineError {
  return new PipelineError("InputMismatch", `${parameter} is in millimetres, but the image has no voxel spacing`);
}

/** The values of some voxels, less `shift` and over `scale`. */
function gathered(image: Float32Array, voxels: Uint32Array, shift: number, scale: number): Float32Array {
  const out = new Float32Array(voxels.length);
  for (let n = 0; n < out.length; n++) out[n] = ((image[voxels[n] ?? 0] ?? 0) - shift) / scale;
  return out;
}

function indicesOf(mask: Uint8Array): Uint32Array {
  let count = 0;
  for (let i = 0; i < mask.length; i++) count += mask[i] ?? 0;
  const out = new Uint32Array(count);
  let to = 0;
  for (let i = 0; i < mask.length; i++) if (mask[i] !== 0) out[to++] = i;
  return out;
}

function moments(values: Float32Array): { readonly mean: number; readonly deviation: number } {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i] ?? 0;
  const mean = values.length === 0 ? 0 : sum / values.length;
  let squares = 0;
  for (let i = 0; i < values.length; i++) squares += ((values[i] ?? 0) - mean) ** 2;
  return { mean, deviation: Math.max(Math.sqrt(squares / Math.max(1, values.length)), SMALLEST_DEVIATION) };
}
