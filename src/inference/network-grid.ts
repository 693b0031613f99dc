import { PipelineError } from "#src/core/errors.js";
import { type Affine, composeAffine, type Size3, type Vec3 } from "#src/imaging/affine.js";
import { type Box, cropBox, nonzeroBox, nonzeroMask } from "#src/imaging/crop.js";
import { fillHoles } from "#src/imaging/fill-holes.js";
import { type IntensityScheme, normalise, normaliseWhole, wholeTable } from "#src/imaging/normalise.js";
import { keepAxes, permuteAxes, planReorientation, type Reorientation, reorient } from "#src/imaging/orient.js";
import {
  centredSize,
  resizeByTable,
  resizedSize,
  resizeSeparateZ,
  resizeVolume,
  separateAxis,
} from "#src/imaging/resample.js";
import { resizeLabels } from "#src/imaging/resize-labels.js";
import { resizeInSlabs } from "#src/imaging/slab-resize.js";
import { type Grid, voxelCount } from "#src/imaging/volume.js";
import { type ModelManifest, needsForeground } from "#src/model/manifest.js";
import { freeArray } from "./free-array.js";
import type { NetworkInput } from "./predict-logits.js";

/** A channel of an image on its source's grid, x fastest: whole numbers may come as such. */
export type Channel = Float32Array | Int16Array;

/** Labels on the source grid, x fastest. */
export type LabelMap = Uint8Array | Uint16Array;

const AXES = ["x", "y", "z"] as const;
/** MONAI's AFFINE_TOL. */
const CENTRES_TOLERANCE_MM = 1e-3;

/** How a source grid relates to the grid on which the network works: source -> reorient -> crop -> resample. */
export interface NetworkGrid {
  readonly source: Grid;
  /** Axes of the source brought to the model's orientation. */
  readonly reorientation: Reorientation;
  /** The part of the reoriented volume that is used. */
  readonly box: Box;
  /** Voxels along x, y, z of what the network reads. */
  readonly size: Size3;
  readonly affineRas: Affine;
  /**
   * Distance of the network's voxels along x, y, z in voxels of the box, where the centres of their first voxels fall
   * together; null where the outer borders do.
   */
  readonly steps: Vec3 | null;
  /** The axis that is resampled apart from the others, on the way to the network and back; null: none is. */
  readonly separate: { readonly image: 0 | 1 | 2 | null; readonly logits: 0 | 1 | 2 | null };
}

/** Spacing of a reoriented grid: the source's, axis for axis; of ones where neither image nor model has any. */
function reorientedSpacing(source: Grid, reorientation: Reorientation, manifest: ModelManifest): Vec3 {
  const spacing = source.spacingMm;
  if (spacing !== null) return reorientation.axes.map((axis) => spacing[axis]) as unknown as Vec3;
  if (manifest.spacingMm.every((mm) => mm === null)) return [1, 1, 1];
  throw new PipelineError("InputMismatch", `image has no voxel spacing, ${manifest.id} expects millimetres`);
}

/**
 * The network's grid for a source grid.
 *
 * @param box the part of the reoriented volume to use (the whole of it, or its non-zero box)
 * @throws {PipelineError} `InputMismatch` when the image says nothing about its spacing but the model needs it
 */
export function planNetworkGrid(source: Grid, manifest: ModelManifest, box?: Box): NetworkGrid {
  const reorientation = planAxes(source, manifest);
  const used: Box = box ?? { start: [0, 0, 0], size: reorientation.size };
  const spacing = reorientedSpacing(source, reorientation, manifest);
  const target = manifest.spacingMm.map((mm, axis) => mm ?? spacing[axis]) as unknown as Vec3;
  const steps = manifest.resampling.grid === "centres" ? stepsBetween(spacing, target) : null;
  const size = steps === null ? resizedSize(used.size, spacing, target) : centredSize(used.size, [1, 1, 1], steps);
  const affineRas = networkAffine(reorientation.affine, used, size, steps);
  const separate = {
    image: axisApart(spacing, target, manifest),
    logits: axisApart(target, spacing, manifest),
  };
  return { source, reorientation, box: used, size, affineRas, steps, separate };
}

/** A spacing within a micrometre of the wanted one counts as the wanted one, as in MONAI's `Spacing`. */
function stepsBetween(spacing: Vec3, target: Vec3): Vec3 {
  const step = (axis: 0 | 1 | 2) =>
    Math.abs(spacing[axis] - target[axis]) <= CENTRES_TOLERANCE_MM ? 1 : target[axis] / spacing[axis];
  return [step(0), step(1), step(2)];
}

function planAxes({ affineRas, size }: Grid, { orientation, axes }: ModelManifest): Reorientation {
  const oriented =
    orientation === "source" ? keepAxes(affineRas, size) : planReorientation(affineRas, size, orientation);
  const [x, y, z] = axes.map((axis) => AXES.indexOf(axis) as 0 | 1 | 2);
  return permuteAxes(oriented, [x ?? 0, y ?? 1, z ?? 2]);
}

/**
 * nnU-Net's rule where the manifest asks for it, which nnU-Net applies to plans of 2-D networks too: slices that are not
 * far apart are resampled as one volume. Else the slice axis of a 2-D model.
 */
function axisApart(from: Vec3, to: Vec3, { network, resampling }: ModelManifest): 0 | 1 | 2 | null {
  if (resampling.separateZ === "auto") return separateAxis(from, to);
  return network.dimensions === 2 ? 2 : null;
}

/** Voxel i of the network's grid lies at (i + 0.5) * n_in / n_out - 0.5 of the box (half-pixel centres), or at i * step. */
function networkAffine(reoriented: Affine, box: Box, size: Size3, steps: Vec3 | null): Affine {
  const scale = steps ?? box.size.map((length, axis) => length / (size[axis] as number));
  const [sx = 1, sy = 1, sz = 1] = scale;
  const shift = scale.map((s, axis) => (box.start[axis] as number) + (steps === null ? 0.5 * s - 0.5 : 0));
  const [tx = 0, ty = 0, tz = 0] = shift;
  return composeAffine(reoriented, [sx, 0, 0, tx, 0, sy, 0, ty, 0, 0, sz, tz]);
}

/**
 * Brings an image to the network's grid: reorient, crop, normalise, resample, in nnU-Net's order.
 *
 * @param channels one array a channel on the source grid
 * @param previous labels of the model's previous stage on the source grid
 * @param mayFree whether nobody needs the channels any more: each is freed as soon as it is not needed here either
 * @throws {PipelineError} `InputMismatch` for another number of channels than the manifest has, and without spacing
 */
export function toNetworkGrid(
  channels: readonly Channel[],
  source: Grid,
  manifest: ModelManifest,
  previous?: LabelMap,
  mayFree = false,
): { grid: NetworkGrid; input: NetworkInput } {
  const expected = manifest.channels.length;
  if (channels.length !== expected) {
    const found = `image has ${channels.length} channels`;
    throw new PipelineError("InputMismatch", `${found}, ${manifest.id} expects ${expected}`);
  }
  const whole = planNetworkGrid(source, manifest);
  const { reorientation } = whole;
  const isTurned = reorientation.axes.some((axis, n) => axis !== n) || reorientation.flips.some((flip) => flip);
  const freed = (old: Channel, next: Channel): void => {
    if (old !== next && (mayFree || !channels.includes(old))) freeArray(old);
  };
  const reoriented = channels.map((channel) => {
    const turned = isTurned ? reorient(channel, source.size, reorientation) : channel;
    freed(channel, turned);
    return turned;
  });
  const grid =
    manifest.crop === "nonzero" ? planNetworkGrid(source, manifest, nonzeroBox(reoriented, reorientation.size)) : whole;

  const isCut = grid.box.size.join() !== reorientation.size.join();
  const cropped = reoriented.map((channel) => {
    const cut = isCut ? cropBox(channel, reorientation.size, grid.box) : channel;
    freed(channel, cut);
    return cut;
  });
  const isForegroundNeeded =
    (previous !== undefined && manifest.crop === "nonzero") ||
    manifest.channels.some(({ normalisation }) => needsForeground(normalisation));
  const foreground = isForegroundNeeded ? fillHoles(nonzeroMask(cropped, grid.box.size), grid.box.size) : null;
  const stage = previous === undefined ? [] : previousChannels(previous, grid, manifest, foreground);

  const input = cropped.map((channel, n) => {
    const scheme = manifest.channels[n]?.normalisation ?? { kind: "none" };
    if (manifest.normaliseOn === "network") {
      const resized = resize(channel, grid, manifest.resampling.imageOrder);
      freed(channel, resized);
      return scaled(resized, scheme, null);
    }
    const table = isCubic(grid, manifest) && channel instanceof Int16Array ? wholeTable(channel, scheme) : null;
    if (table !== null && channel instanceof Int16Array) {
      const resized = resizeByTable({ whole: channel, table }, grid.box.size, grid.size);
      freed(channel, resized);
      return resized;
    }
    const normalised = scaled(channel, scheme, foreground);
    freed(channel, normalised);
    const resized = resize(normalised, grid, manifest.resampling.imageOrder);
    freed(normalised, resized);
    return resized;
  });
  return { grid, input: { size: grid.size, channels: [...input, ...stage] } };
}

/**
 * Ones where the previous stage has a label, a channel each. As in nnU-Net, voxels without a label outside the
 * foreground are a label of their own (-1) while the map is resampled, and those with one count as foreground from then
 * on (`foreground` is changed): its mask is where that label map is not negative.
 */
function previousChannels(
  labels: LabelMap,
  { source, reorientation, box, size, separate, steps }: NetworkGrid,
  manifest: ModelManifest,
  foreground: Uint8Array | null,
): Float32Array[] {
  const turned = reorient(Int32Array.from(labels), source.size, reorientation);
  const cropped = cropBox(turned, reorientation.size, box);
  if (manifest.crop === "nonzero" && foreground !== null) {
    for (let i = 0; i < cropped.length; i++) {
      if (foreground[i] !== 0) continue;
      if (cropped[i] === 0) cropped[i] = -1;
      else foreground[i] = 1;
    }
  }
  if (steps !== null) throw new RangeError("labels of a previous stage are resampled by extents, not by centres");
  const resized = resizeLabels(cropped, box.size, size, separate.image);
  return (manifest.previous?.labels ?? []).map((label) => {
    const channel = new Float32Array(voxelCount(size));
    for (let i = 0; i < channel.length; i++) channel[i] = resized[i] === label ? 1 : 0;
    return channel;
  });
}

/** On the network's scale, in a new array. */
function scaled(channel: Channel, scheme: IntensityScheme, foreground: Uint8Array | null): Float32Array {
  return channel instanceof Int16Array
    ? normaliseWhole(channel, scheme, foreground)
    : normalise(channel, scheme, new Float32Array(channel.length), foreground);
}

/** Whether an image is resampled by cubic splines along all axes that change, and any does. */
export function isCubic(
  { box, size, separate, steps }: NetworkGrid,
  { resampling }: Pick<ModelManifest, "resampling">,
): boolean {
  const isChanged = box.size.join() !== size.join();
  return isChanged && steps === null && separate.image === null && resampling.imageOrder === 3;
}

/**
 * From the box to the network's grid: the array itself where that is the same. Along an axis apart, nearest neighbours,
 * as nnU-Net's `order_z` of 0.
 */
function resize<T extends Channel>(
  data: T,
  { box, size, separate, steps }: NetworkGrid,
  order: 0 | 1 | 3,
): T | Float32Array {
  if (steps !== null) {
    const each = order === 0 ? 0 : 1;
    return steps.every((step) => step === 1) ? data : resizeInSlabs(data, box.size, size, [each, each, each], steps);
  }
  if (box.size.join() === size.join()) return data;
  return separate.image === null
    ? resizeVolume(data, box.size, size, order)
    : resizeSeparateZ(data, box.size, size, separate.image, order, 0);
}
