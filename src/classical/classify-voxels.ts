import { ascending, quantileCentres, thinned } from "#src/imaging/classical/clusters.js";
import { fuzzyCMeans, fuzzyMemberships } from "#src/imaging/classical/fuzzy-c-means.js";
import { fuzzyNeuroProbabilities } from "#src/imaging/classical/fuzzy-neuro.js";
import { kMeans, nearestCentres } from "#src/imaging/classical/k-means.js";
import type { MethodOf } from "#src/model/classical-method.js";
import type { ClassicalInput, ClassicalOutput } from "./segment-classical.js";
import { voxelFeatures } from "./voxel-features.js";

type Classifier = MethodOf<"k-means" | "fuzzy-c-means" | "fuzzy-neuro">;

/** Centres are found from at most this many voxels, evenly spread; all voxels are classified. */
const MOST_FIT_SAMPLES = 200_000;

/** Labels (and class probabilities, where the method has them) of the voxels inside the mask, voxel by voxel. */
export function classifyVoxels(input: ClassicalInput, method: Classifier): ClassicalOutput {
  const { voxels, features } = voxelFeatures(input.channels, input.size, input.spacingMm, method);
  const labels = new Uint16Array(input.channels[0]?.length ?? 0);
  if (method.kind === "k-means") {
    if (voxels.length === 0) return { labels, probabilities: null };
    const fit = thinned(features, MOST_FIT_SAMPLES);
    const centres = ascending(kMeans(fit, quantileCentres(fit, method.labels.length), method));
    const nearest = nearestCentres(features, centres);
    for (let n = 0; n < voxels.length; n++) labels[voxels[n] ?? 0] = method.labels[nearest[n] ?? 0] ?? 0;
    return { labels, probabilities: null };
  }
  if (voxels.length === 0) return { labels, probabilities: byLabel([], method.labels, voxels, labels.length) };
  const classes =
    method.kind === "fuzzy-neuro" ? fuzzyNeuroProbabilities(features, method) : memberships(features, method);
  for (let n = 0; n < voxels.length; n++) {
    let best = 0;
    for (let c = 1; c < classes.length; c++) if ((classes[c]?.[n] ?? 0) > (classes[best]?.[n] ?? 0)) best = c;
    labels[voxels[n] ?? 0] = method.labels[best] ?? 0;
  }
  return { labels, probabilities: byLabel(classes, method.labels, voxels, labels.length) };
}

function memberships(features: readonly Float32Array[], method: MethodOf<"fuzzy-c-means">): Float32Array[] {
  const fit = thinned(features, MOST_FIT_SAMPLES);
  const centres = ascending(fuzzyCMeans(fit, quantileCentres(fit, method.labels.length), method));
  return fuzzyMemberships(features, centres, method.fuzziness);
}

/** Probabilities on the image's grid; classes of one label are added, voxels outside the mask are 0. */
function byLabel(
  classes: readonly Float32Array[],
  labels: readonly number[],
  voxels: Uint32Array,
  length: number,
): ReadonlyMap<number, Float32Array> {
  const out = new Map<number, Float32Array>();
  for (const [c, label] of labels.entries()) {
    if (label === 0) continue;
    const values = out.get(label) ?? new Float32Array(length);
    for (let n = 0; n < voxels.length; n++) {
      const i = voxels[n] ?? 0;
      values[i] = (values[i] ?? 0) + (classes[c]?.[n] ?? 0);
    }
    out.set(label, values);
  }
  return out;
}
