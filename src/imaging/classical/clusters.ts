/** Samples as one array a feature, all of one length. */
export type Features = readonly Float32Array[];

/** Centres of clusters: `centres[k][f]`. */
export type Centres = readonly (readonly number[])[];

/**
 * First centres without chance: the samples are sorted by their first feature and cut into equal parts; each part's
 * mean is a centre. So centres come in ascending order of the first feature.
 */
export function quantileCentres(features: Features, count: number): number[][] {
  const [first = new Float32Array()] = features;
  const order = Uint32Array.from(first, (_, i) => i).sort((a, b) => first[a] - first[b] || a - b);
  return Array.from({ length: count }, (_, k) => {
    const from = Math.min(order.length - 1, Math.floor((k * order.length) / count));
    const to = Math.max(from + 1, Math.floor(((k + 1) * order.length) / count));
    return features.map((feature) => {
      let sum = 0;
      for (let i = from; i < to; i++) sum += feature[order[i]];
      return sum / (to - from);
    });
  });
}

/** Centres in ascending order of their first feature. */
export function ascending(centres: Centres): number[][] {
  return centres.map((centre) => [...centre]).sort((a, b) => a[0] - b[0]);
}

/** How far the centre that moved most moved. */
export function farthestMove(before: Centres, after: Centres): number {
  return before.reduce((most, centre, k) => Math.max(most, Math.hypot(...centre.map((v, f) => v - after[k][f]))), 0);
}

/** The fractional part of its multiples fills (0, 1) evenly and never repeats (Weyl 1916). */
const GOLDEN_RATIO = (1 + Math.sqrt(5)) / 2;

/**
 * At most `most` samples, evenly spread over all of them in their order: what centres are found from. Samples are cut
 * into equal parts and each part gives one, at a place that moves on from part to part: a fixed step that has a factor
 * in common with the length of a row would meet a few columns of the image alone.
 */
export function thinned(features: Features, most: number): Float32Array[] {
  const samples = features[0]?.length ?? 0;
  if (samples <= most) return features.map((feature) => feature.slice());
  const part = samples / most;
  const at = Uint32Array.from({ length: most }, (_, i) => Math.floor((i + ((i * GOLDEN_RATIO) % 1)) * part));
  return features.map((feature) => Float32Array.from(at, (sample) => feature[sample]));
}
