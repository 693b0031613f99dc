import type { UncertaintyMap } from "#src/core/uncertainty-maps.js";
import { mirrorSubsets } from "#src/imaging/mirror.js";
import { planPadding } from "#src/imaging/pad.js";
import { type Grid, voxelCount } from "#src/imaging/volume.js";
import { isClassical, isNetwork } from "#src/model/classical-manifest.js";
import type { EnsembleManifest } from "#src/model/ensemble-manifest.js";
import { asksOthers, type ModelManifest } from "#src/model/manifest.js";
import type { MeasuredCost } from "#src/model/measured-cost.js";
import type { ModelPackage } from "#src/model/model-library.js";
import { tileBatches } from "./cut-tiles.js";
import { keepsFeatures, slabsOf } from "./head-slabs.js";
import { batchShape } from "./measure-network.js";
import { type MemoryPhase, phase, phaseBytes, uncollected } from "./memory-terms.js";
import { planNetworkGrid } from "./network-grid.js";
import { networkRuns } from "./network-runs.js";
import type { ImageShape } from "./predict-volumes.js";
import { slicesHeld } from "./resized-argmax.js";
import { runsUnderWay } from "./run-places.js";
import { windowShare } from "./tile-front.js";
import { logitsResize } from "./to-source-grid.js";

const MIB = 2 ** 20;
/** What ends Segment: of one network, or of several. */
const [BACK, DECIDE] = ["back to the source's grid", "decide"];
/** What the first session takes of the process for the runtime itself, and is part of the base; MiB. */
const RUNTIME = 22;
/** A thread with its modules; MiB. */
const THREAD = 15;
/** Of a network that nobody measured: what its session holds for each byte of weights, and planes of a tile. */
const UNMEASURED = { weights: 3, planes: 224 } as const;
/** Slices of the result that are worked on together where classes are made one by one (`LabelExport`). */
const SLAB_SLICES = 8;

/** Bytes a voxel that are given away for each label, and of those of all labels the most that lies about. Fitted. */
const PROBABILITIES = { each: 20, most: 256 * MIB } as const;

/** What Segment will write besides labels. */
export interface SegmentAsks {
  readonly wantedLabels: number;
  readonly maps: readonly UncertaintyMap[];
  /** Of a member of an ensemble: each channel's probabilities are given away before the next one's are made. */
  readonly byChannel?: boolean;
}

const NOTHING: SegmentAsks = { wantedLabels: 0, maps: [] };

/** How networks are run. */
export interface RunsAtOnce {
  /** Runs of a network at once. */
  readonly workers: number;
  /** Tiles of a 2-D network in one run. */
  readonly batch: number;
  /** Whether logits are never made slab by slab, as on a GPU. @default false */
  readonly isWhole?: boolean;
}

/** What Segment holds, with so many runs at once; null for a classical method: each has memory of its own kind. */
export function segmentPhases(
  image: ImageShape,
  model: ModelPackage,
  asks: SegmentAsks,
  runsAtOnce: RunsAtOnce,
): readonly MemoryPhase[] | null {
  const { manifest } = model;
  if (isClassical(manifest)) return null;
  if (!isNetwork(manifest)) return ensemblePhases(image, model, manifest, asks, runsAtOnce);
  const own = networkPhases(image, model, manifest, asks, withinRuns(image, manifest, runsAtOnce));
  if (!asksOthers(manifest)) return own;
  // It starts from the source's image, which stays, and brings it to the network's grid itself.
  const floats = 4 * voxelCount(image.grid.size) * image.channels;
  const before = nestedPhases(image, model, runsAtOnce);
  // They stay loaded.
  const held = MIB * [...model.others.values()].reduce((sum, other) => sum + heldMiB(image, other, runsAtOnce), 0);
  const after = own.map((one) => ({
    ...one,
    terms: [...one.terms, { name: "networks that were asked", bytes: held }],
  }));
  // Of the copies that are turned and cut one is not collected when the tiles begin.
  return [...after, ...before].map((one) => ({
    name: one.name,
    terms: [...one.terms, ...phase("", { "source's image": floats, "turned and cut": floats }).terms],
  }));
}

/** Of the models that it asks; their networks stay loaded beside those of the next. */
function nestedPhases(image: ImageShape, model: ModelPackage, runsAtOnce: RunsAtOnce): readonly MemoryPhase[] {
  const phases: MemoryPhase[] = [];
  for (const other of model.others.values()) phases.push(...(segmentPhases(image, other, NOTHING, runsAtOnce) ?? []));
  return phases;
}

/** Bytes that Segment holds as it ends: what comes after it in the same process finds them, collected or not. */
export function bytesAtEnd(phases: readonly MemoryPhase[]): number {
  const own = phases.find(({ name }) => name === DECIDE) ?? phases.find(({ name }) => name === BACK);
  if (own !== undefined) return RUNTIME * MIB + phaseBytes(own);
  const last = phases.at(-1);
  return last === undefined ? 0 : phaseBytes(last);
}

function ensemblePhases(
  image: ImageShape,
  model: ModelPackage,
  manifest: EnsembleManifest,
  { wantedLabels, maps }: SegmentAsks,
  runsAtOnce: RunsAtOnce,
): readonly MemoryPhase[] {
  const members = [...model.others.values()];
  const [first] = members.map((other) => other.manifest).filter(isNetwork);
  if (first === undefined) return nestedPhases(image, model, runsAtOnce);
  const onSource = manifest.ensemble.grid === "source";
  const voxels = voxelCount(image.grid.size);
  const grid = planNetworkGrid(image.grid, first);
  const { classes } = first.network;
  const means = 4 * (onSource ? voxels : voxelCount(grid.size));
  const spreads = maps.includes("disagreement") ? (first.activation === "softmax" ? 1 : classes) : 0;
  const kept = {
    "source's image": 8 * voxels * image.channels,
    "means of probabilities": means * (classes + spreads),
  };
  const loaded = members.reduce((sum, other) => sum + heldMiB(image, other, runsAtOnce), 0);
  const beside = (held: number) => phase("", { ...kept, "networks of the other members": MIB * held }).terms;
  const ofMembers = members.flatMap((other) => {
    // On the source's grid all logits of a member wait, for one channel after the other.
    const asks = onSource ? { wantedLabels: 1, maps: [], byChannel: true } : NOTHING;
    const others = beside(loaded - heldMiB(image, other, runsAtOnce));
    return (segmentPhases(image, other, asks, runsAtOnce) ?? []).map((one) => ({
      ...one,
      terms: [...one.terms, ...others],
    }));
  });
  const end = phase(DECIDE, { labels: voxels * (4 + 4 * wantedLabels), maps: 12 * voxels * maps.length });
  return [...ofMembers, { ...end, terms: [...end.terms, ...beside(loaded)] }];
}

/** Of a model whose sessions stay open while another one's run. */
function heldMiB({ grid }: ImageShape, { manifest, cost }: ModelPackage, { workers }: RunsAtOnce): number {
  if (!isNetwork(manifest)) return 0;
  const { loadedMiB, runMiB } = cost ?? unmeasured(manifest);
  const sessions = (1 + manifest.network.folds.length) * sessionsOfAFold(grid, manifest, workers);
  return sessions * (Math.max(0, loadedMiB - RUNTIME) + runMiB);
}

/** No more runs at once than there are runs. */
function withinRuns({ grid }: ImageShape, manifest: ModelManifest, { workers, ...others }: RunsAtOnce): RunsAtOnce {
  return { ...others, workers: Math.min(workers, networkRuns(grid, manifest).all) };
}

/** A thread opens a network when it gets a run of it: no more of them do than there are runs. */
function sessionsOfAFold(grid: Grid, manifest: ModelManifest, workers: number): number {
  return Math.min(workers, networkRuns(grid, manifest).ofAFold);
}

/** Arrays of one network, from its input to labels on the source's grid, and its sessions. */
function networkPhases(
  image: ImageShape,
  { cost }: ModelPackage,
  manifest: ModelManifest,
  { wantedLabels, maps, byChannel = false }: SegmentAsks,
  runsAtOnce: RunsAtOnce,
): readonly MemoryPhase[] {
  const { workers, isWhole = false } = runsAtOnce;
  const { network, tiles, mirrorAxes, precision, activation } = manifest;
  const grid = planNetworkGrid(image.grid, manifest);
  const { size, box } = grid;
  const padded = planPadding(size, tiles.patchVox).size;
  const { classes } = network;
  const folds = 1 + network.folds.length;
  const passes = mirrorSubsets(mirrorAxes).length;
  const [batch = 1, read = 1, ...spatial] = batchShape(manifest);
  const plane = 4 * batch * spatial.reduce((product, length) => product * length, 1);
  const answer = plane * classes;
  const runs = tileBatches(padded, manifest).length * passes * folds;
  // What a run gives: logits, or the features of which they are made slab by slab.
  const features = isWhole ? undefined : cost?.features;
  const given = plane * (features ?? classes);
  const underWay = workers > 1 ? Math.min(runs, runsUnderWay(workers, given)) : 1;

  const inputs = manifest.channels.length + (manifest.previous?.labels.length ?? 0);
  const input = 4 * voxelCount(size) * inputs;
  const area = size[0] * size[1];
  const plain = padded[0] * padded[1] * tiles.patchVox[2];
  // Sums of several classes share a memory, and each memory has sums of weights and means of its own (`TileFront`).
  const window = (precision === "float16" ? 2 : 4) * plain;
  const share = windowShare({ size: padded, patch: tiles.patchVox, classes, precision });
  const memories = Math.ceil(classes / share.classes);
  const means = 4 * classes * padded[0] * padded[1] * Math.ceil(tiles.patchVox[2] / share.slices);
  const source = voxelCount(image.grid.size);
  const to = voxelCount(box.size);
  const labelBytes = largestLabel(manifest) < 256 ? 1 : 2;
  const isAlone = activation === "softmax" && wantedLabels === 0 && !maps.includes("uncertainty");
  const slice = classes * area * 4;
  const packed = classes * area * (precision === "float32" ? 4 : 2);
  const isPadded = padded.join() !== size.join();
  const depth = Math.min(box.size[2], Math.max(SLAB_SLICES, Math.ceil((SLAB_SLICES * box.size[2]) / size[2])));
  const slices = Math.min(size[2], wantedLabels > 0 ? size[2] : slicesOf(depth, box.size[2], size[2]) + 1);
  const slab = isAlone ? 0 : box.size[0] * box.size[1] * (8 * depth + 8 * slices);
  const isSoftmax = activation === "softmax";
  // Answers are freed as soon as they are added.
  const garbage = size[2] * ((isPadded ? slice : 0) + (isAlone ? 0 : packed));
  const largest = Math.max(isPadded ? slice : 0, isAlone ? 0 : packed);
  const fronts = folds * ((classes + memories) * window + means);
  // Slices with the largest values of each voxel, and the labels between them (`ResizedArgmax`).
  const between =
    slicesHeld(logitsResize(grid, manifest)) * (slice + 12 * area) +
    2 * Math.ceil(box.size[2] / size[2]) * box.size[0] * box.size[1];

  // Of a run in parts so much of what was measured, and its whole answer besides.
  const part = Math.min(1, runsAtOnce.batch / batch);
  const measured = cost ?? unmeasured(manifest);
  // The runtime's answer and our copy of it.
  const notMeasured = isWhole && cost?.features ? (2 * (classes - cost.features) * plane) / MIB : 0;
  const open = folds * sessionsOfAFold(image.grid, manifest, workers);
  const sessions = sessionBytes({ ...measured, runMiB: (measured.runMiB + notMeasured) * part }, open, workers);
  const [{ slices: slabDepth } = { slices: 1 }] = slabsOf(classes, tiles.patchVox);
  const logitsOfSlab = 4 * classes * tiles.patchVox[0] * tiles.patchVox[1] * slabDepth;
  const areKept = features !== undefined && keepsFeatures(passes, features, classes);
  const waiting = {
    "slices of logits that wait": isAlone ? between : slices * packed,
    "labels on the cut grid": labelBytes * to,
    "softmax over classes": wantedLabels > 0 && isSoftmax ? 8 * to : 0,
    slab,
    entropy: maps.includes("uncertainty") ? 4 * to : 0,
    disagreement: maps.includes("disagreement") ? 4 * voxelCount(size) : 0,
  };
  return [
    // The network's input lies in its file.
    phase("read", { "network's input": input }),
    phase("tiles", {
      ...sessions,
      "network's input": input,
      "padded input": isPadded ? 4 * voxelCount(padded) * inputs : 0,
      "window of the tiles": fronts + (maps.includes("disagreement") ? 8 * plain : 0),
      // Sums of slices that not every fold has come to, and the mean of one (`FoldMean`).
      "means of folds": folds > 1 ? classes * (window + 4 * padded[0] * padded[1]) : 0,
      "slice without its border": isPadded ? slice : 0,
      "weights of a tile": 4 * voxelCount(tiles.patchVox),
      "tiles as they are cut": plane * read * (passes > 1 ? 2 : 1) * (workers > 1 ? 2 * underWay : 1),
      // The answer of a run is part of what was measured.
      "mirrored answers": passes > 1 ? (areKept ? passes * given : answer) : 0,
      "answers under way": (underWay - workers + (part < 1 ? 1 : 0)) * given,
      // The runtime's, our copy, and the sum of mirrored ones; as much again of two stays with the allocator (fitted).
      "slab of logits": features === undefined ? 0 : (passes > 1 ? 5 : 4) * logitsOfSlab,
      "probabilities of a tile": maps.includes("disagreement") ? answer + plane : 0,
      ...waiting,
      "not yet collected": uncollected(garbage, largest),
    }),
    phase(BACK, {
      ...sessions,
      ...waiting,
      "turned back": 2 * labelBytes * source,
      "labels' file": labelBytes * source,
      probabilities: byChannel ? 16 * source : wantedLabels > 0 ? probabilityBytes(source, wantedLabels) : 0,
      maps: 8 * maps.length * source,
      "not yet collected": uncollected(garbage, largest),
    }),
  ];
}

/**
 * Probabilities of background and of one label as they are turned back, those that are kept, and what was made for the
 * labels before and not yet collected: no event comes between, in which V8 could look for it.
 */
function probabilityBytes(voxels: number, wanted: number): number {
  const { each, most } = PROBABILITIES;
  return (16 + 4 * wanted) * voxels + Math.min(each * (1 + wanted) * voxels, most + each * voxels);
}

/** Slices of the network's grid that so many of the result are made of. */
function slicesOf(depth: number, length: number, from: number): number {
  return Math.ceil((depth * from) / length) + 2;
}

function largestLabel({ activation, network }: ModelManifest): number {
  return activation === "softmax" ? network.classes - 1 : Math.max(...activation.regions);
}

/** Networks as they are open: in this thread, or in those beside it. @param open sessions of all folds and threads */
function sessionBytes(
  { loadedMiB, runMiB }: Pick<MeasuredCost, "loadedMiB" | "runMiB">,
  open: number,
  workers: number,
) {
  const loaded = Math.max(0, loadedMiB - RUNTIME);
  return {
    "loaded networks": MIB * loaded * open,
    "run of a network": MIB * runMiB * open,
    threads: workers > 1 ? MIB * THREAD * workers : 0,
  };
}

function unmeasured(manifest: ModelManifest): Pick<MeasuredCost, "loadedMiB" | "runMiB"> {
  const [batch = 1, , ...spatial] = batchShape(manifest);
  const plane = 4 * batch * spatial.reduce((product, length) => product * length, 1);
  const { parameters, classes, folds } = manifest.network;
  return {
    loadedMiB: RUNTIME + (UNMEASURED.weights * 4 * parameters) / (1 + folds.length) / MIB,
    // The runtime's answer and our copy of it.
    runMiB: (UNMEASURED.planes * plane + 2 * classes * plane) / MIB,
  };
}
