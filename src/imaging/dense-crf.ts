import type { Size3 } from "./affine.js";
import type { FeatureFilter } from "./permutohedral-lattice.js";

const f32 = Math.fround;
/** Probabilities are raised to this before their logarithm is taken (pydensecrf `unary_from_softmax`). */
const SMALLEST_PROBABILITY = 1e-5;

/** One pairwise term: a Potts penalty between points, weighted by how close they are in feature space. */
export interface CrfKernel {
  readonly filter: FeatureFilter;
  /** Potts weight; 0 switches the term off. */
  readonly weight: number;
}

/**
 * Mean-field inference in a fully connected CRF (Krähenbühl and Koltun 2011) with pydensecrf's arithmetic: kernels
 * normalised symmetrically by 1 / sqrt(K 1 + 1e-20), the message to a point includes its own share, all points are
 * updated at once. Single precision where the reference stores single precision; its exponential is a polynomial, so
 * marginals agree to about 1e-6 and not to the bit.
 *
 * @param unary energy of each label at each point, -log p: `points` x `labels`, the labels of a point side by side
 * @param kernels pairwise terms; their order matters in the last digit
 * @param iterations mean-field updates; 0 gives the softmax of the unary
 * @returns marginals, laid out as `unary`
 */
export function denseCrf(
  unary: Float32Array,
  labels: number,
  kernels: readonly CrfKernel[],
  iterations: number,
): Float32Array {
  const active = kernels.filter(({ weight }) => weight !== 0);
  const norms = active.map(({ filter }) => symmetricNorm(filter));
  const negated = unary.map((energy) => -energy);
  const marginals = new Float32Array(unary.length);
  const message = new Float32Array(unary.length);
  const energy = new Float32Array(unary.length);

  softmax(negated, labels, marginals);
  for (let iteration = 0; iteration < iterations; iteration++) {
    energy.set(negated);
    for (let k = 0; k < active.length; k++) {
      const { filter, weight } = active[k];
      const norm = norms[k];
      scalePoints(marginals, norm, labels, message);
      filter.filter(message, labels, message);
      scalePoints(message, norm, labels, message);
      const potts = f32(weight);
      for (let i = 0; i < energy.length; i++) energy[i] += f32(potts * message[i]);
    }
    softmax(energy, labels, marginals);
  }
  return marginals;
}

/**
 * Energies -log p of probabilities, with p in [1e-5, 1].
 *
 * @param probabilities one array a label
 * @returns the labels of a point side by side
 */
export function unaryOf(probabilities: readonly Float32Array[]): Float32Array {
  const labels = probabilities.length;
  const out = new Float32Array(labels * (probabilities[0]?.length ?? 0));
  for (let label = 0; label < labels; label++) {
    const p = probabilities[label];
    for (let i = 0; i < p.length; i++) {
      out[i * labels + label] = -Math.log(Math.min(1, Math.max(SMALLEST_PROBABILITY, p[i])));
    }
  }
  return out;
}

/**
 * Features of a grid's points: position along the first two or three axes and any number of intensities, each divided
 * by its width. x first, then y, z, then the channels.
 *
 * @param widthsVox kernel width along x, y (and z) in voxels: millimetres divided by the spacing
 * @param channels intensities on the grid, x fastest
 * @param channelWidths kernel width in units of each channel's intensity
 */
export function gridFeatures(
  size: Size3,
  widthsVox: readonly number[],
  channels: readonly Float32Array[] = [],
  channelWidths: readonly number[] = [],
): Float32Array {
  const positions = widthsVox.length;
  const d = positions + channels.length;
  const [nx, ny, nz] = size;
  const out = new Float32Array(nx * ny * nz * d);
  const index = [0, 0, 0];
  let to = 0;
  let point = 0;
  for (index[2] = 0; index[2] < nz; index[2]++) {
    for (index[1] = 0; index[1] < ny; index[1]++) {
      for (index[0] = 0; index[0] < nx; index[0]++) {
        for (let axis = 0; axis < positions; axis++) out[to++] = index[axis] / f32(widthsVox[axis]);
        for (let c = 0; c < channels.length; c++) out[to++] = channels[c][point] / f32(channelWidths[c]);
        point++;
      }
    }
  }
  return out;
}

function symmetricNorm(filter: FeatureFilter): Float32Array {
  const norm = new Float32Array(filter.points).fill(1);
  filter.filter(norm, 1, norm);
  for (let i = 0; i < norm.length; i++) norm[i] = 1 / Math.sqrt(norm[i] + 1e-20);
  return norm;
}

function scalePoints(values: Float32Array, factors: Float32Array, labels: number, out: Float32Array): void {
  let at = 0;
  for (let i = 0; i < factors.length; i++) {
    const factor = factors[i];
    for (let k = 0; k < labels; k++, at++) out[at] = values[at] * factor;
  }
}

function softmax(logits: Float32Array, labels: number, out: Float32Array): void {
  for (let at = 0; at < logits.length; at += labels) {
    let largest = logits[at];
    for (let k = 1; k < labels; k++) if (logits[at + k] > largest) largest = logits[at + k];
    let sum = 0;
    for (let k = 0; k < labels; k++) {
      out[at + k] = Math.exp(f32(logits[at + k] - largest));
      sum = f32(sum + out[at + k]);
    }
    for (let k = 0; k < labels; k++) out[at + k] /= sum;
  }
}
