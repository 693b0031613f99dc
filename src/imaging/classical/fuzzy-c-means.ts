import { type Centres, type Features, farthestMove } from "./clusters.js";
import type { ClusterOptions } from "./k-means.js";

export interface FuzzyOptions extends ClusterOptions {
  /** Exponent m of the memberships, above 1; 2 is usual, near 1 is k-means. */
  readonly fuzziness: number;
}

/**
 * Fuzzy c-means (Bezdek 1981): memberships u_k = 1 / sum_j (d_k / d_j)^(2 / (m - 1)), then centres
 * c_k = sum u_k^m x / sum u_k^m, in turn from given centres.
 */
export function fuzzyCMeans(features: Features, start: Centres, options: FuzzyOptions): number[][] {
  const { fuzziness, iterations, tolerance } = options;
  const samples = features[0]?.length ?? 0;
  const memberships = new Float64Array(start.length);
  let centres = start.map((centre) => [...centre]);
  for (let n = 0; n < iterations; n++) {
    const weights = new Float64Array(centres.length);
    const sums = centres.map(() => new Float64Array(features.length));
    for (let i = 0; i < samples; i++) {
      membershipsOf(features, i, centres, fuzziness, memberships);
      for (let k = 0; k < centres.length; k++) {
        const u = memberships[k];
        const weight = fuzziness === 2 ? u * u : u ** fuzziness;
        weights[k] += weight;
        for (let f = 0; f < features.length; f++) sums[k][f] += weight * features[f][i];
      }
    }
    const moved = centres.map((centre, k) => centre.map((v, f) => (weights[k] > 0 ? sums[k][f] / weights[k] : v)));
    const move = farthestMove(centres, moved);
    centres = moved;
    if (move <= tolerance) break;
  }
  return centres;
}

/** Memberships of all samples, one array a centre; those of a sample sum to 1. */
export function fuzzyMemberships(features: Features, centres: Centres, fuzziness: number): Float32Array[] {
  const samples = features[0]?.length ?? 0;
  const out = centres.map(() => new Float32Array(samples));
  const memberships = new Float64Array(centres.length);
  for (let i = 0; i < samples; i++) {
    membershipsOf(features, i, centres, fuzziness, memberships);
    for (let k = 0; k < centres.length; k++) out[k][i] = memberships[k];
  }
  return out;
}

function membershipsOf(
  features: Features,
  sample: number,
  centres: Centres,
  fuzziness: number,
  out: Float64Array,
): void {
  let least = Number.POSITIVE_INFINITY;
  for (let k = 0; k < centres.length; k++) {
    let distance = 0;
    for (let f = 0; f < features.length; f++) {
      const d = features[f][sample] - centres[k][f];
      distance += d * d;
    }
    out[k] = distance;
    least = Math.min(least, distance);
  }
  // Relative to the closest centre, so that neither a sample on a centre nor a high exponent overflows.
  let sum = 0;
  for (let k = 0; k < centres.length; k++) {
    const ratio = least === 0 ? (out[k] === 0 ? 1 : 0) : least / out[k];
    out[k] = fuzziness === 2 ? ratio : ratio ** (1 / (fuzziness - 1));
    sum += out[k];
  }
  for (let k = 0; k < centres.length; k++) out[k] /= sum;
}
