/**
 * Quantile with linear interpolation between order statistics (numpy's default), by selection: linear in the values.
 *
 * @param values put into another order
 * @param share in [0, 1]
 * @returns NaN for no values
 */
export function quantileInPlace(values: Float64Array, share: number): number {
  const rank = (values.length - 1) * share;
  const below = Math.floor(rank);
  if (values.length === 0) return Number.NaN;
  const a = select(values, below);
  if (rank === below) return a;
  let b = Number.POSITIVE_INFINITY;
  for (let i = below + 1; i < values.length; i++) if (values[i] < b) b = values[i];
  const t = rank - below;
  return t < 0.5 ? a + (b - a) * t : b - (b - a) * (1 - t);
}

/** The value of rank `k`; what follows it in the array is then no smaller. */
function select(values: Float64Array, k: number): number {
  let low = 0;
  let high = values.length - 1;
  for (;;) {
    const pivot = middleOf(values[low], values[(low + high) >> 1], values[high]);
    let i = low;
    let less = low;
    let more = high;
    while (i <= more) {
      const value = values[i];
      if (value < pivot) {
        values[i++] = values[less];
        values[less++] = value;
      } else if (value > pivot) {
        values[i] = values[more];
        values[more--] = value;
      } else i++;
    }
    if (k < less) high = less - 1;
    else if (k > more) low = more + 1;
    else return pivot;
  }
}

/**
 * The smallest value at which the weights of the values up to it reach a share of all weights: DeepMind's robust
 * Hausdorff percentile, in linear time. Sums that reach it but for rounding (1 in 10^12) do reach it.
 *
 * @param values put into another order, and the weights with them
 * @param weights above zero
 * @param share in (0, 1]
 * @returns NaN for no values
 */
export function weightedQuantileInPlace(values: Float64Array, weights: Float64Array, share: number): number {
  let total = 0;
  for (const weight of weights) total += weight;
  const target = total * share * (1 - 1e-12);
  let low = 0;
  let high = values.length - 1;
  let before = 0;
  let pivot = Number.NaN;
  while (low <= high) {
    pivot = middleOf(values[low], values[(low + high) >> 1], values[high]);
    let i = low;
    let less = low;
    let more = high;
    let lessWeight = 0;
    let sameWeight = 0;
    while (i <= more) {
      if (values[i] < pivot) {
        lessWeight += weights[i];
        swap(values, weights, i++, less++);
      } else if (values[i] > pivot) swap(values, weights, i, more--);
      else sameWeight += weights[i++];
    }
    if (less > low && before + lessWeight >= target) high = less - 1;
    else if (before + lessWeight + sameWeight >= target) return pivot;
    else {
      before += lessWeight + sameWeight;
      low = more + 1;
    }
  }
  return pivot;
}

function swap(values: Float64Array, weights: Float64Array, i: number, j: number): void {
  const value = values[i];
  values[i] = values[j];
  values[j] = value;
  const weight = weights[i];
  weights[i] = weights[j];
  weights[j] = weight;
}

function middleOf(a: number, b: number, c: number): number {
  return Math.max(Math.min(a, b), Math.min(Math.max(a, b), c));
}
