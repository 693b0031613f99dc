import { type Centres, type Features, farthestMove } from "./clusters.js";

export interface ClusterOptions {
  readonly iterations: number;
  /** Ends when no centre moves farther, in units of the features. */
  readonly tolerance: number;
}

/** k-means by Lloyd's rounds from given centres (equal to scipy.cluster.vq.kmeans2); a centre without samples stays. */
export function kMeans(features: Features, start: Centres, { iterations, tolerance }: ClusterOptions): number[][] {
  let centres = start.map((centre) => [...centre]);
  for (let n = 0; n < iterations; n++) {
    const nearest = nearestCentres(features, centres);
    const counts = new Float64Array(centres.length);
    for (let i = 0; i < nearest.length; i++) counts[nearest[i]]++;
    const sums = features.map((feature) => {
      const sum = new Float64Array(centres.length);
      for (let i = 0; i < nearest.length; i++) sum[nearest[i]] += feature[i];
      return sum;
    });
    const moved = centres.map((centre, k) => centre.map((v, f) => (counts[k] === 0 ? v : sums[f][k] / counts[k])));
    const move = farthestMove(centres, moved);
    centres = moved;
    if (move <= tolerance) break;
  }
  return centres;
}

/** Number of the centre closest to each sample; the first among equals. */
export function nearestCentres(features: Features, centres: Centres): Uint8Array {
  const samples = features[0]?.length ?? 0;
  const out = new Uint8Array(samples);
  for (let i = 0; i < samples; i++) {
    let least = Number.POSITIVE_INFINITY;
    for (let k = 0; k < centres.length; k++) {
      let distance = 0;
      for (let f = 0; f < features.length; f++) {
        const d = features[f][i] - centres[k][f];
        distance += d * d;
      }
      if (distance < least) {
        least = distance;
        out[i] = k;
      }
    }
  }
  return out;
}
