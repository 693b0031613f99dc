import { voxelCount } from "#src/imaging/volume.js";
import type { EnsembleManifest } from "#src/model/ensemble-manifest.js";
import type { ModelManifest } from "#src/model/manifest.js";
import { planNetworkGrid } from "./network-grid.js";
import { networkRuns } from "./network-runs.js";
import type { SegmentAsks } from "./predict-segment.js";
import type { ImageShape } from "./predict-volumes.js";

// Seconds of a processor around the networks, in the one thread that adds up tiles: so much for each value of a kind.

/**
 * Of labels alone: to start, for each value of an answer or of one that is made in slabs, each logit, each voxel of the label
 * map. Fitted.
 */
const LABELS = { start: 0.4, answer: 8e-9, slab: 3e-9, logit: 10e-9, voxel: 70e-9 } as const;
/** Of an image that a model brings to its own grid in Segment: for each voxel and channel. As in Preprocess. */
const PREPARE = 0.045e-6;

// What follows was measured by itself (bench/preflight/rates.ts), and fitted to no run.

/** For each class and voxel of the cut grid, where every class is resampled: by itself, as softmax, with its entropy. */
const EXPORT = { each: 16e-9, softmax: 11e-9, entropy: { softmax: 14e-9, regions: 30e-9 } } as const;
/** A probability, for each voxel of the cut grid; softmax on the network's grid, for each class and voxel. */
const PROBABILITY = { resampled: 40e-9, own: 18e-9 } as const;
/** Of answers that are compared: for each value of them, and for each class and voxel of a tile. */
const SPREAD = { softmax: { answer: 10e-9, tile: 9e-9 }, regions: { answer: 41e-9, tile: 22e-9 } } as const;
/** Of means of members, for each class and voxel: a member, the end, and what maps make of them. */
const MEAN = { member: 3e-9, end: 4e-9, disagreement: { member: 12e-9, end: 15e-9 }, uncertainty: 15e-9 } as const;
/** Of files, for each voxel: those of an unsure network, whose probabilities pack badly and fill the image. Fitted. */
const FILES = { probability: 250e-9, map: 100e-9 } as const;

/** A network, and what is known of its runs. */
export interface KnownNetwork {
  readonly manifest: ModelManifest;
  /** Features that it gives in place of logits; undefined where it gives logits, or was not measured. */
  readonly features: number | undefined;
}

/** Seconds around one network that gives labels. */
export function aroundNetwork(image: ImageShape, known: KnownNetwork, asks: SegmentAsks): number {
  const { manifest } = known;
  const { size } = planNetworkGrid(image.grid, manifest);
  const logits = manifest.network.classes * voxelCount(size);
  const { start, logit, voxel } = LABELS;
  const labels = start + answersSeconds(image, known) + logit * logits + voxel * voxelCount(image.grid.size);
  return labels + exportSeconds(image, manifest, asks) + spreadSeconds(image, manifest, asks);
}

function answersSeconds(image: ImageShape, { manifest, features }: KnownNetwork): number {
  return (features === undefined ? LABELS.answer : LABELS.slab) * networkRuns(image.grid, manifest).values;
}

/** Seconds in which an image is brought to a network's grid within Segment. */
export function prepareSeconds({ grid, channels }: ImageShape, { previous }: ModelManifest): number {
  return PREPARE * voxelCount(grid.size) * (channels + (previous?.labels.length ?? 0));
}

/** Seconds around the networks of an ensemble, without what is done to bring their input to their grids. */
export function aroundEnsemble(
  image: ImageShape,
  { ensemble }: EnsembleManifest,
  members: readonly KnownNetwork[],
  asks: SegmentAsks,
): number {
  const [first] = members;
  if (first === undefined) return 0;
  const { classes } = first.manifest.network;
  const isOnSource = ensemble.grid === "source";
  const source = voxelCount(image.grid.size);
  const means = classes * (isOnSource ? source : voxelCount(planNetworkGrid(image.grid, first.manifest).size));
  const disagrees = asks.maps.includes("disagreement");
  const member = MEAN.member + (disagrees ? MEAN.disagreement.member : 0);
  const end = MEAN.end + (disagrees ? MEAN.disagreement.end : 0);
  const own = members.reduce((sum, known) => sum + aroundMember(image, known, isOnSource), 0);
  const between = own + (members.length * member + end) * means;
  if (!isOnSource) {
    return between + LABELS.logit * means + LABELS.voxel * source + exportSeconds(image, first.manifest, asks);
  }
  const { wantedLabels, maps } = asks;
  const unsure = maps.includes("uncertainty") ? MEAN.uncertainty * means : 0;
  return between + unsure + filesSeconds(source, wantedLabels, maps.length);
}

/** All its probabilities are taken back to the source's grid, or stay on its own, where no label is decided. */
function aroundMember(image: ImageShape, known: KnownNetwork, isOnSource: boolean): number {
  const { manifest } = known;
  const { classes } = manifest.network;
  if (isOnSource) return aroundNetwork(image, known, { wantedLabels: classes, maps: [], byChannel: true });
  const logits = classes * voxelCount(planNetworkGrid(image.grid, manifest).size);
  return LABELS.start + answersSeconds(image, known) + PROBABILITY.own * logits;
}

/** Where probabilities or entropy are asked for, and of regions, every class is resampled. */
function exportSeconds(image: ImageShape, manifest: ModelManifest, asks: SegmentAsks): number {
  const { wantedLabels, maps, byChannel = false } = asks;
  const { classes } = manifest.network;
  const kind = kindOf(manifest);
  const to = voxelCount(planNetworkGrid(image.grid, manifest).box.size);
  const isUnsure = maps.includes("uncertainty");
  if (kind === "softmax" && wantedLabels === 0 && !isUnsure) return 0;
  const softmax = kind === "softmax" && wantedLabels > 0 ? EXPORT.softmax : 0;
  const each = EXPORT.each + softmax + (isUnsure ? EXPORT.entropy[kind] : 0);
  // Background of regions is what all of them leave.
  const background = wantedLabels === 0 || byChannel ? 0 : kind === "softmax" ? 1 : classes;
  const probabilities = PROBABILITY.resampled * (wantedLabels + background) * to;
  const kept = byChannel ? 0 : wantedLabels;
  return each * classes * to + probabilities + filesSeconds(voxelCount(image.grid.size), kept, maps.length);
}

/** What all answers about a tile say of each other. */
function spreadSeconds(image: ImageShape, manifest: ModelManifest, { maps }: SegmentAsks): number {
  if (!maps.includes("disagreement")) return 0;
  const { tiles, values } = networkRuns(image.grid, manifest);
  const { answer, tile } = SPREAD[kindOf(manifest)];
  return answer * values + tile * tiles * manifest.network.classes * voxelCount(manifest.tiles.patchVox);
}

function filesSeconds(voxels: number, probabilities: number, maps: number): number {
  return voxels * (FILES.probability * probabilities + FILES.map * maps);
}

function kindOf({ activation }: ModelManifest): "softmax" | "regions" {
  return activation === "softmax" ? "softmax" : "regions";
}
