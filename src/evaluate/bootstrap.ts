import { quantileInPlace } from "#src/imaging/order-statistics.js";
import { randomFrom } from "./random.js";

export interface BootstrapOptions {
  readonly resamples: number;
  readonly seed: number;
}

/**
 * 95 % interval of the mean by the bias-corrected and accelerated bootstrap (BCa, Efron 1987) over cases: the same
 * formula as `scipy.stats.bootstrap`. The same seed and number of values give the same draws, whatever the values.
 *
 * @returns null for fewer than two values; both ends the same where all values are the same
 */
export function meanInterval(
  values: readonly number[],
  { resamples, seed }: BootstrapOptions,
): readonly [low: number, high: number] | null {
  const n = values.length;
  const [first] = values;
  if (first === undefined || n < 2) return null;
  if (values.every((value) => value === first)) return [first, first];

  const random = randomFrom(seed);
  const means = new Float64Array(resamples);
  for (let r = 0; r < resamples; r++) {
    let sum = 0;
    for (let i = 0; i < n; i++) sum += values[Math.floor(random() * n)] ?? 0;
    means[r] = sum / n;
  }
  const mean = values.reduce((sum, value) => sum + value, 0) / n;
  const bias = normalQuantile(shareBelow(means, mean));
  // Jackknife: leaving one value out moves the mean by (mean - value) / (n - 1).
  let [squares, cubes] = [0, 0];
  for (const value of values) {
    squares += (mean - value) ** 2;
    cubes += (mean - value) ** 3;
  }
  const acceleration = -cubes / (6 * squares ** 1.5);
  const end = (share: number): number => {
    const z = bias + normalQuantile(share);
    const at = normalShare(bias + z / (1 - acceleration * z));
    return quantileInPlace(means, Math.min(1, Math.max(0, at)));
  };
  const low = end(0.025);
  return [low, end(0.975)];
}

/** Share of the resamples below the mean, those equal to it by half; kept off 0 and 1. */
function shareBelow(means: Float64Array, mean: number): number {
  let count = 0;
  for (const value of means) count += value < mean ? 1 : value === mean ? 0.5 : 0;
  const least = 0.5 / means.length;
  return Math.min(1 - least, Math.max(least, count / means.length));
}

/** The standard normal distribution function, by the complementary error function (Numerical Recipes, 1.2e-7). */
export function normalShare(z: number): number {
  const x = Math.abs(z) / Math.SQRT2;
  const t = 1 / (1 + 0.5 * x);
  const polynomial = [
    -1.26551223, 1.00002368, 0.37409196, 0.09678418, -0.18628806, 0.27886807, -1.13520398, 1.48851587, -0.82215223,
    0.17087277,
  ].reduceRight((sum, factor) => sum * t + factor, 0);
  const tail = 0.5 * t * Math.exp(-x * x + polynomial);
  return z < 0 ? tail : 1 - tail;
}

/** The inverse of `normalShare`, by bisection: 40 halvings of [-9, 9]. */
function normalQuantile(share: number): number {
  let [low, high] = [-9, 9];
  for (let step = 0; step < 40; step++) {
    const middle = (low + high) / 2;
    if (normalShare(middle) < share) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}
