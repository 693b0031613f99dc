import type { Features } from "./clusters.js";

/**
 * A Gaussian membership function exp(-(x - centre)^2 / (2 width^2)). The functions of a feature ascend; the first stays
 * 1 below its centre and the last above, so that the darkest and the brightest voxels stay "low" and "high".
 */
export interface MembershipFunction {
  readonly centre: number;
  readonly width: number;
}

/** Weights of one layer: `weights[unit][input]` and one bias a unit. */
export interface DenseLayer {
  readonly weights: readonly (readonly number[])[];
  readonly bias: readonly number[];
}

export interface FuzzyNeuroNetwork {
  /** Membership functions of each feature; empty for a plain network, which reads the features themselves. */
  readonly memberships: readonly (readonly MembershipFunction[])[];
  readonly hidden: DenseLayer;
  readonly output: DenseLayer;
}

/**
 * A fuzzy-neural classifier of voxels: each feature is fuzzified by Gaussian membership functions (low, middle, high),
 * the degrees of membership go through one layer of tanh units and a softmax gives the classes.
 *
 * The design follows the fuzzy-neuro tissue classifiers of around 2010 (fuzzification by functions that fuzzy c-means
 * found, a small feed-forward network behind them) and deviates in this: the functions are Gaussian and stay fixed
 * after fuzzy c-means, the output is a softmax trained by cross-entropy instead of a defuzzified value trained by the
 * squared error, and the features hold smoothed intensities beside the voxel's own.
 *
 * @returns one array of probabilities a class
 */
export function fuzzyNeuroProbabilities(features: Features, network: FuzzyNeuroNetwork): Float32Array[] {
  const samples = features[0]?.length ?? 0;
  const classes = network.output.bias.length;
  const out = Array.from({ length: classes }, () => new Float32Array(samples));
  const inputs = new Float64Array(inputsOf(features.length, network));
  const hidden = new Float64Array(network.hidden.bias.length);
  const scores = new Float64Array(classes);
  for (let i = 0; i < samples; i++) {
    fuzzify(features, i, network, inputs);
    apply(network.hidden, inputs, hidden);
    for (let h = 0; h < hidden.length; h++) hidden[h] = Math.tanh(hidden[h]);
    apply(network.output, hidden, scores);
    let top = scores[0];
    for (let c = 1; c < classes; c++) top = Math.max(top, scores[c]);
    let sum = 0;
    for (let c = 0; c < classes; c++) {
      scores[c] = Math.exp(scores[c] - top);
      sum += scores[c];
    }
    for (let c = 0; c < classes; c++) out[c][i] = scores[c] / sum;
  }
  return out;
}

/** Number of inputs that the hidden layer reads. */
export function inputsOf(features: number, { memberships }: Pick<FuzzyNeuroNetwork, "memberships">): number {
  return memberships.length === 0 ? features : memberships.reduce((sum, functions) => sum + functions.length, 0);
}

/** Writes a sample's degrees of membership (or its features, where there are no membership functions). */
export function fuzzify(
  features: Features,
  sample: number,
  { memberships }: Pick<FuzzyNeuroNetwork, "memberships">,
  out: Float64Array,
): void {
  if (memberships.length === 0) {
    for (let f = 0; f < features.length; f++) out[f] = features[f][sample];
    return;
  }
  let to = 0;
  for (let f = 0; f < memberships.length; f++) {
    const value = features[f][sample];
    const functions = memberships[f];
    for (let n = 0; n < functions.length; n++) {
      const { centre, width } = functions[n];
      const isShoulder = (n === 0 && value < centre) || (n === functions.length - 1 && value > centre);
      const d = (value - centre) / width;
      out[to++] = isShoulder ? 1 : Math.exp(-0.5 * d * d);
    }
  }
}

function apply({ weights, bias }: DenseLayer, input: Float64Array, out: Float64Array): void {
  for (let unit = 0; unit < bias.length; unit++) {
    const row = weights[unit];
    let sum = bias[unit];
    for (let n = 0; n < row.length; n++) sum += row[n] * input[n];
    out[unit] = sum;
  }
}
