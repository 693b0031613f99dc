import type { UncertaintyMap } from "#src/core/uncertainty-maps.js";
import type { Size3 } from "#src/imaging/affine.js";
import { mirrorSubsets } from "#src/imaging/mirror.js";
import { planPadding } from "#src/imaging/pad.js";
import { type Grid, voxelCount } from "#src/imaging/volume.js";
import { isClassical, isNetwork, type PackageManifest } from "#src/model/classical-manifest.js";
import type { ModelManifest } from "#src/model/manifest.js";
import type { ModelPackage } from "#src/model/model-library.js";
import { tileBatches } from "./cut-tiles.js";
import { batchShape } from "./measure-network.js";
import { planNetworkGrid } from "./network-grid.js";

// What a stage's process will hold at its peak, from shapes alone. The arrays that are alive together are added up as
// the code makes them; what the garbage collector has not yet taken, and the process itself, are constants that were
// fitted to measured peaks (`bench/preflight.ts`, docs/models.md).

const MIB = 2 ** 20;

/** A process before its stage: Node.js, our modules, in Segment the runtime; MiB. */
const BASE = { preprocess: 103, segment: 128, publish: 141 } as const;
/** Arrays of slices that were given away and not yet collected; bytes. */
const UNCOLLECTED = 32e6;
/** The same of answers of the network: at most two of them, and so many bytes. */
const UNCOLLECTED_ANSWERS = { count: 2, bytes: 50e6 } as const;
/** What the first session takes of the process for the runtime itself, and is part of the base; MiB. */
const RUNTIME = 28;
/** A thread with its modules; MiB. Not fitted: taken for the most that it may be. */
const THREAD = 40;
/** Of a network that nobody measured: what its session holds for each byte of weights, and planes of a tile. */
const UNMEASURED = { weights: 3, planes: 64 } as const;

/** An image as its headers describe it. */
export interface ImageShape {
  readonly grid: Grid;
  readonly channels: number;
}

/** What Segment will write besides labels. */
export interface SegmentAsks {
  readonly wantedLabels: number;
  readonly maps: readonly UncertaintyMap[];
}

/** Peak of Preprocess, in MiB. */
export function predictPreprocess(image: ImageShape, manifest: PackageManifest): number {
  return BASE.preprocess + (storedBytes(image) + toNetworkBytes(image, manifest)) / MIB;
}

/** Peak of Publish without optional outputs, in MiB. */
export function predictPublish({ grid }: ImageShape): number {
  return BASE.publish + (9 * voxelCount(grid.size)) / MIB;
}

/**
 * Peak of Segment, in MiB, with so many workers.
 *
 * @returns null for a classical method: each has memory of its own kind
 */
export function predictSegment(
  image: ImageShape,
  model: ModelPackage,
  asks: SegmentAsks,
  workers: number,
): number | null {
  const bytes = segmentBytes(image, model, asks, workers);
  return bytes === null ? null : BASE.segment + bytes / MIB;
}

/** Seconds inside the networks, on the machine where they were measured; null where one was not. */
export function predictNetworkSeconds(image: ImageShape, model: ModelPackage, workers: number): number | null {
  const { manifest, cost, others } = model;
  let seconds = 0;
  if (isNetwork(manifest)) {
    if (cost?.secondsARun === undefined) return null;
    const size = planPadding(planNetworkGrid(image.grid, manifest).size, manifest.tiles.patchVox).size;
    const tiles = tileBatches(size, manifest).reduce((sum, { length }) => sum + length, 0);
    const passes = mirrorSubsets(manifest.mirrorAxes).length * (1 + manifest.network.folds.length);
    const runs = Math.ceil(tiles / (cost.shape[0] ?? 1)) * passes;
    seconds = (runs * cost.secondsARun) / Math.min(workers, runs);
  }
  for (const other of others.values()) {
    const more = predictNetworkSeconds(image, other, workers);
    if (more === null) return null;
    seconds += more;
  }
  return seconds;
}

function segmentBytes(image: ImageShape, model: ModelPackage, asks: SegmentAsks, workers: number): number | null {
  const { manifest, others } = model;
  if (isClassical(manifest)) return null;
  const nested = [...others.values()].map((other) =>
    segmentBytes(image, other, { wantedLabels: 0, maps: [] }, workers),
  );
  if (nested.includes(null)) return null;
  const largest = Math.max(0, ...nested.map((bytes) => bytes ?? 0));
  const voxels = voxelCount(image.grid.size);
  if (isNetwork(manifest)) {
    const own = ownBytes(image, model, manifest, asks, workers);
    // A model that asks others starts from the source's image, which stays.
    return others.size === 0
      ? own
      : Math.max(own, largest) + 4 * voxels * image.channels + toNetworkBytes(image, manifest);
  }
  const [first] = [...others.values()].map((other) => other.manifest).filter(isNetwork);
  if (first === undefined) return largest;
  const grid = planNetworkGrid(image.grid, first);
  const sums = manifest.ensemble.grid === "source" ? voxels : voxelCount(grid.size);
  const means = 4 * sums * (first.network.classes + (asks.maps.includes("disagreement") ? 1 : 0));
  // Of a member, each channel on the source's grid, and all its logits.
  const channels = manifest.ensemble.grid === "source" ? 12 * voxels : 0;
  const logits = 4 * voxelCount(grid.size) * first.network.classes;
  return largest + means + channels + logits + 8 * voxels * image.channels;
}

/** Arrays of one network, from its input to labels on the source's grid, and its sessions. */
function ownBytes(
  image: ImageShape,
  model: ModelPackage,
  manifest: ModelManifest,
  { wantedLabels, maps }: SegmentAsks,
  workers: number,
): number {
  const { network, tiles, mirrorAxes, precision } = manifest;
  const { size, box } = planNetworkGrid(image.grid, manifest);
  const padded = planPadding(size, tiles.patchVox).size;
  const inputs = manifest.channels.length + (manifest.previous?.labels.length ?? 0);
  const { classes } = network;
  const folds = 1 + network.folds.length;
  const source = voxelCount(image.grid.size);
  const area = size[0] * size[1];
  const bytesALogit = precision === "float16" ? 2 : 4;

  const input = inputs * (6 * voxelCount(size) + 4 * voxelCount(padded));
  const fronts = 4 * folds * (classes + 1) * padded[0] * padded[1] * tiles.patchVox[2];
  const isResized = size.join() !== box.size.join();
  const depth = Math.min(box.size[2], Math.max(8, Math.ceil((8 * box.size[2]) / size[2])));
  const slices = Math.ceil((depth * size[2]) / box.size[2]);
  const kept = wantedLabels > 0 ? size[2] : Math.min(size[2], slices + 3);
  const waiting = classes * area * bytesALogit * kept + (folds > 1 ? 4 * classes * area * tiles.patchVox[2] : 0);
  const slab = box.size[0] * box.size[1] * (8 * depth + (isResized ? 8 * (slices + 1) : 0));
  const labels = (classes > 256 ? 2 : 1) * (isResized ? 2 : 1) * source;
  const probabilities = wantedLabels > 0 ? (8 + 12 + 4 * wantedLabels) * source : 0;
  const extra = maps.length * 12 * source;
  const uncollected = Math.min(UNCOLLECTED, classes * voxelCount(size) * bytesALogit);

  const shape = batchShape(manifest);
  const tensor = 4 * shape.reduce((product, length) => product * length, 1);
  const perRun = tensor * (1 + classes / (shape[1] ?? 1)) * (mirrorAxes.length > 0 ? 2 : 1);
  const runs = tileBatches(padded, manifest).length * mirrorSubsets(mirrorAxes).length * folds;
  const answer = (tensor * classes) / (shape[1] ?? 1);
  const answers = Math.min(UNCOLLECTED_ANSWERS.bytes, answer * Math.min(UNCOLLECTED_ANSWERS.count, runs - 1));
  const underWay = workers > 1 ? workers + 1 : 1;
  const { loadedMiB, runMiB } = model.cost ?? unmeasured(manifest, tensor / (shape[1] ?? 1));
  const loaded = Math.max(0, loadedMiB - RUNTIME);
  // Beside those of the threads, the session of the thread that gives the runs out; it runs nothing.
  const sessions = workers > 1 ? workers * (loaded + runMiB) + loaded : loaded + runMiB;
  const networks = (folds * sessions + (workers > 1 ? workers * THREAD : 0)) * MIB;
  return (
    input +
    fronts +
    waiting +
    slab +
    labels +
    probabilities +
    extra +
    uncollected +
    answers +
    underWay * perRun +
    networks
  );
}

function unmeasured({ network }: ModelManifest, planeBytes: number) {
  return {
    loadedMiB: RUNTIME + (UNMEASURED.weights * 4 * network.parameters) / MIB,
    runMiB: (UNMEASURED.planes * planeBytes) / MIB,
  };
}

/** The file and what is unpacked of it: 16-bit voxels, as most scanners write, hardly packed. */
function storedBytes({ grid, channels }: ImageShape): number {
  return 3 * voxelCount(grid.size) * channels;
}

/** Image, turned and cropped copies, and what resampling or writing the network's input takes. */
function toNetworkBytes({ grid, channels }: ImageShape, manifest: PackageManifest): number {
  const floats = 4 * voxelCount(grid.size) * channels;
  if (!isNetwork(manifest)) return 3 * floats;
  const { size, box } = planNetworkGrid(grid, manifest);
  const written = 8 * voxelCount(size) * channels;
  return 3 * floats + Math.max(written, resizeBytes(box.size, size));
}

/** Double-precision passes along the axes, those that shrink most first: the two largest that follow each other. */
function resizeBytes(from: Size3, to: Size3): number {
  const axes = [0, 1, 2].filter((axis) => from[axis] !== to[axis]);
  axes.sort((a, b) => (to[a] ?? 1) / (from[a] ?? 1) - (to[b] ?? 1) / (from[b] ?? 1));
  const size = [...from];
  let [before, most] = [0, 0];
  for (const axis of axes) {
    size[axis] = to[axis] ?? 1;
    const now = 8 * size.reduce((product, length) => product * length, 1);
    most = Math.max(most, before + now);
    before = now;
  }
  return most;
}
