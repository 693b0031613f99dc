/** Bins of the histogram, as scikit-image has them. */
const BINS = 256;

/**
 * Threshold that separates values into two classes with the greatest variance between them (Otsu 1979): the centre of
 * a bin of a histogram of 256. A value belongs to the upper class when it is greater. Number for number scikit-image's
 * `threshold_otsu` of a float32 image (0.26), its float32 sums included. Values that are all alike are their own
 * threshold; without any the threshold is NaN.
 */
export function otsuThreshold(values: Float32Array): number {
  const histogram = histogramOf(values);
  if (histogram === null) return values.length === 0 ? Number.NaN : values[0];
  const { counts, centres } = histogram;
  const f = Math.fround;
  const weightLow = new Float32Array(BINS);
  const weightHigh = new Float32Array(BINS);
  const sumLow = new Float32Array(BINS);
  const sumHigh = new Float32Array(BINS);
  for (let bin = 0; bin < BINS; bin++) {
    weightLow[bin] = counts[bin] + (bin > 0 ? weightLow[bin - 1] : 0);
    sumLow[bin] = f(counts[bin] * centres[bin]) + (bin > 0 ? sumLow[bin - 1] : 0);
  }
  for (let bin = BINS - 1; bin >= 0; bin--) {
    weightHigh[bin] = counts[bin] + (bin < BINS - 1 ? weightHigh[bin + 1] : 0);
    sumHigh[bin] = f(counts[bin] * centres[bin]) + (bin < BINS - 1 ? sumHigh[bin + 1] : 0);
  }
  let best = 0;
  let most = Number.NEGATIVE_INFINITY;
  for (let bin = 0; bin < BINS - 1; bin++) {
    const apart = f(f(sumLow[bin] / weightLow[bin]) - f(sumHigh[bin + 1] / weightHigh[bin + 1]));
    const variance = f(f(weightLow[bin] * weightHigh[bin + 1]) * f(apart * apart));
    if (variance > most) {
      most = variance;
      best = bin;
    }
  }
  return centres[best];
}

/**
 * Thresholds that separate values into several classes (Liao, Chen and Chung 2001), ascending. A value belongs to
 * class n when it reaches n of them. Number for number scikit-image's `threshold_multiotsu` of a float32 image (0.26).
 *
 * @param classes 2 to 5; the search is exhaustive: 5 classes take seconds
 * @returns null when fewer bins than classes hold a value
 */
export function multiOtsuThresholds(values: Float32Array, classes: number): readonly number[] | null {
  const histogram = histogramOf(values);
  if (histogram === null) return null;
  const { counts, centres } = histogram;
  const total = counts.reduce((sum, count) => sum + count, 0);
  const used = [...counts.keys()].filter((bin) => counts[bin] > 0);
  if (used.length < classes) return null;
  if (used.length === classes) return used.slice(0, -1).map((bin) => centres[bin]);
  const shares = Float32Array.from(counts, (count) => count / total);
  return bestCuts(spreadTable(shares), classes - 1).map((bin) => centres[bin]);
}

/** H of the paper: first moment squared over zeroth moment of the bins i to j, at i * BINS + j. */
function spreadTable(shares: Float32Array): Float32Array {
  const f = Math.fround;
  const zeroth = new Float32Array(BINS);
  const first = new Float32Array(BINS);
  zeroth[0] = shares[0];
  first[0] = shares[0];
  for (let bin = 1; bin < BINS; bin++) {
    zeroth[bin] = zeroth[bin - 1] + shares[bin];
    first[bin] = first[bin - 1] + f(bin * shares[bin]);
  }
  const table = new Float32Array(BINS * BINS);
  for (let i = 0; i < BINS; i++) {
    // The reference leaves the very first entry at zero.
    for (let j = i === 0 ? 1 : i; j < BINS; j++) {
      const weight = f(zeroth[j] - (i > 0 ? zeroth[i - 1] : 0));
      const moment = f(first[j] - (i > 0 ? first[i - 1] : 0));
      if (weight > 0) table[i * BINS + j] = f(moment * moment) / weight;
    }
  }
  return table;
}

/** The first of the best combinations of cuts, in the order in which the reference tries and adds them. */
function bestCuts(table: Float32Array, cuts: number): number[] {
  const f = Math.fround;
  const current = new Int32Array(cuts);
  let best: number[] = [];
  let most = 0;
  const lastRow = BINS - 1;

  const visit = (from: number, depth: number): void => {
    if (depth === cuts) {
      let sigma = f(table[current[0]] + table[(current[cuts - 1] + 1) * BINS + lastRow]);
      for (let n = 0; n < cuts - 1; n++) sigma = f(sigma + table[(current[n] + 1) * BINS + current[n + 1]]);
      if (sigma > most) {
        most = sigma;
        best = [...current];
      }
      return;
    }
    for (let bin = from; bin < BINS - cuts + depth; bin++) {
      current[depth] = bin;
      visit(bin + 1, depth + 1);
    }
  };
  visit(0, 0);
  return best;
}

/** numpy's `histogram` of float32 values over their own range; null when they are all alike. */
function histogramOf(values: Float32Array): { counts: Uint32Array; centres: Float32Array } | null {
  let low = Number.POSITIVE_INFINITY;
  let high = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < values.length; i++) {
    if (values[i] < low) low = values[i];
    if (values[i] > high) high = values[i];
  }
  if (!(low < high)) return null;

  const f = Math.fround;
  const range = f(high - low);
  const step = f(range / BINS);
  const edges = Float32Array.from({ length: BINS + 1 }, (_, bin) => f(bin * step) + low);
  edges[BINS] = high;
  const counts = new Uint32Array(BINS);
  for (let i = 0; i < values.length; i++) {
    let bin = Math.trunc(f(f(f(values[i] - low) / range) * BINS));
    if (bin === BINS) bin--;
    if (values[i] < edges[bin]) bin--;
    if (bin !== BINS - 1 && values[i] >= edges[bin + 1]) bin++;
    counts[bin]++;
  }
  const centres = Float32Array.from({ length: BINS }, (_, bin) => f(edges[bin] + edges[bin + 1]) / 2);
  return { counts, centres };
}
