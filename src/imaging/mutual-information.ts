import { addEntropyTerms, addRegionEntropy, raiseToShare } from "./entropy.js";

/** Classes that exclude each other, or regions each of which is there or not. */
export type ActivationKind = "softmax" | "regions";

/**
 * H(mean p) - mean H(p) as a share of the largest entropy.
 *
 * @param mean mean probabilities, one array a class or region
 * @param entropies mean entropies in nats: one array for all classes, or one a region
 */
export function mutualInformation(
  mean: readonly Float32Array[],
  entropies: readonly Float32Array[],
  kind: ActivationKind,
): Float32Array {
  const voxels = mean[0]?.length ?? 0;
  const out = new Float32Array(voxels);
  const groups = kind === "softmax" ? [mean] : mean.map((region) => [region]);
  for (const [n, group] of groups.entries()) {
    const nats = entropies[n].map((entropy) => -entropy);
    for (const p of group) {
      if (kind === "softmax") addEntropyTerms(nats, 0, p, voxels);
      else addRegionEntropy(nats, 0, p, voxels);
    }
    raiseToShare(out, 0, nats, voxels, kind === "softmax" ? mean.length : 2);
  }
  return out;
}
