// Training of the small classifiers of voxels: one hidden layer of tanh units and a softmax, cross-entropy, Adam.
import { quantileCentres, thinned } from "#src/imaging/classical/clusters.js";
import { fuzzyCMeans } from "#src/imaging/classical/fuzzy-c-means.js";
import {
  type FuzzyNeuroNetwork,
  fuzzify,
  inputsOf,
  type MembershipFunction,
} from "#src/imaging/classical/fuzzy-neuro.js";
import { type Random, seededRandom } from "./random.js";

export interface Samples {
  /** One array a feature. */
  readonly features: readonly Float32Array[];
  /** Class of each sample, from 0. */
  readonly classes: Uint8Array;
}

export interface TrainOptions {
  readonly seed: number;
  readonly hidden: number;
  readonly epochs: number;
  readonly classCount: number;
  /** Membership functions a feature; 0 trains a plain network on the features. */
  readonly functions: number;
}

const BATCH = 64;
const RATE = 0.004;
const DIGITS = 4;

/** Functions that cross at 0.5 halfway between the centres that fuzzy c-means finds in a feature. */
function membershipFunctions(feature: Float32Array, count: number): MembershipFunction[] {
  const fit = thinned([feature], 20_000);
  const options = { fuzziness: 2, iterations: 200, tolerance: 1e-4 };
  const centres = fuzzyCMeans(fit, quantileCentres(fit, count), options)
    .flat()
    .sort((a, b) => a - b);
  return centres.map((centre, n) => {
    const gaps = [centre - (centres[n - 1] ?? Number.NaN), (centres[n + 1] ?? Number.NaN) - centre];
    const known = gaps.filter((gap) => !Number.isNaN(gap));
    const gap = known.reduce((sum, value) => sum + value, 0) / known.length;
    return { centre: rounded(centre), width: rounded(gap / (2 * Math.sqrt(2 * Math.log(2)))) };
  });
}

const rounded = (value: number): number => Number(value.toFixed(DIGITS));

export function trainNetwork(samples: Samples, options: TrainOptions): FuzzyNeuroNetwork {
  const { features, classes } = samples;
  const memberships =
    options.functions === 0 ? [] : features.map((feature) => membershipFunctions(feature, options.functions));
  const random = seededRandom(options.seed);
  const inputs = inputsOf(features.length, { memberships });
  const first = new Layer(inputs, options.hidden, random);
  const second = new Layer(options.hidden, options.classCount, random);
  const order = Uint32Array.from(classes, (_, i) => i);
  const input = new Float64Array(inputs);
  const steps = Math.ceil(order.length / BATCH) * options.epochs;
  let step = 0;
  for (let epoch = 0; epoch < options.epochs; epoch++) {
    shuffle(order, random);
    for (let from = 0; from < order.length; from += BATCH) {
      const batch = order.subarray(from, from + BATCH);
      for (const sample of batch) {
        fuzzify(features, sample, { memberships }, input);
        const hidden = first.forward(input).map(Math.tanh);
        const scores = second.forward(hidden);
        const top = Math.max(...scores);
        const exponentials = scores.map((score) => Math.exp(score - top));
        const sum = exponentials.reduce((a, b) => a + b, 0);
        const slope = exponentials.map((e, c) => (e / sum - (c === classes[sample] ? 1 : 0)) / batch.length);
        const back = second.backward(hidden, slope);
        first.backward(
          input,
          back.map((value, h) => value * (1 - (hidden[h] ?? 0) ** 2)),
        );
      }
      step++;
      // Cosine decay to a hundredth.
      const rate = RATE * (0.01 + 0.99 * 0.5 * (1 + Math.cos((Math.PI * step) / steps)));
      first.step(rate, step);
      second.step(rate, step);
    }
  }
  return { memberships, hidden: first.parameters(), output: second.parameters() };
}

/** A dense layer with Adam (Kingma and Ba 2015); the last input of each row is the bias. */
class Layer {
  readonly #inputs: number;
  readonly #units: number;
  readonly #weights: Float64Array;
  readonly #slopes: Float64Array;
  readonly #means: Float64Array;
  readonly #squares: Float64Array;

  constructor(inputs: number, units: number, random: Random) {
    this.#inputs = inputs;
    this.#units = units;
    const length = (inputs + 1) * units;
    const reach = Math.sqrt(6 / (inputs + units));
    this.#weights = Float64Array.from({ length }, (_, i) =>
      i % (inputs + 1) === inputs ? 0 : random.uniform(-reach, reach),
    );
    this.#slopes = new Float64Array(length);
    this.#means = new Float64Array(length);
    this.#squares = new Float64Array(length);
  }

  forward(input: Float64Array): Float64Array {
    const out = new Float64Array(this.#units);
    const width = this.#inputs + 1;
    for (let u = 0; u < this.#units; u++) {
      let sum = this.#weights[u * width + this.#inputs] ?? 0;
      for (let n = 0; n < this.#inputs; n++) sum += (this.#weights[u * width + n] ?? 0) * (input[n] ?? 0);
      out[u] = sum;
    }
    return out;
  }

  /** Adds the slopes of the weights and gives those of the input. */
  backward(input: Float64Array, slope: Float64Array): Float64Array {
    const out = new Float64Array(this.#inputs);
    const width = this.#inputs + 1;
    for (let u = 0; u < this.#units; u++) {
      const s = slope[u] ?? 0;
      for (let n = 0; n < this.#inputs; n++) {
        out[n] = (out[n] ?? 0) + s * (this.#weights[u * width + n] ?? 0);
        this.#slopes[u * width + n] = (this.#slopes[u * width + n] ?? 0) + s * (input[n] ?? 0);
      }
      this.#slopes[u * width + this.#inputs] = (this.#slopes[u * width + this.#inputs] ?? 0) + s;
    }
    return out;
  }

  step(rate: number, count: number): void {
    for (let i = 0; i < this.#weights.length; i++) {
      const slope = this.#slopes[i] ?? 0;
      const mean = 0.9 * (this.#means[i] ?? 0) + 0.1 * slope;
      const square = 0.999 * (this.#squares[i] ?? 0) + 0.001 * slope * slope;
      this.#means[i] = mean;
      this.#squares[i] = square;
      const move = (rate * (mean / (1 - 0.9 ** count))) / (Math.sqrt(square / (1 - 0.999 ** count)) + 1e-8);
      this.#weights[i] = (this.#weights[i] ?? 0) - move;
    }
    this.#slopes.fill(0);
  }

  parameters(): { weights: number[][]; bias: number[] } {
    const width = this.#inputs + 1;
    const rows = Array.from({ length: this.#units }, (_, u) =>
      Array.from(this.#weights.subarray(u * width, (u + 1) * width), rounded),
    );
    return { weights: rows.map((row) => row.slice(0, -1)), bias: rows.map((row) => row[this.#inputs] ?? 0) };
  }
}

function shuffle(order: Uint32Array, random: Random): void {
  for (let i = order.length - 1; i > 0; i--) {
    const j = Math.floor(random.uniform(0, i + 1));
    const kept = order[i] ?? 0;
    order[i] = order[j] ?? 0;
    order[j] = kept;
  }
}
