import { PipelineError } from "#src/core/errors.js";
import { type Affine, composeAffine, type Size3, type Vec3 } from "#src/imaging/affine.js";
import { type Box, cropBox, nonzeroBox, nonzeroMask } from "#src/imaging/crop.js";
import { fillHoles } from "#src/imaging/fill-holes.js";
import { normalise } from "#src/imaging/normalise.js";
import { keepAxes, permuteAxes, planReorientation, type Reorientation, reorient } from "#src/imaging/orient.js";
import { resizedSize, resizeSeparateZ, resizeVolume, separateAxis } from "#src/imaging/resample.js";
import type { Grid } from "#src/imaging/volume.js";
import type { ModelManifest } from "#src/model/manifest.js";
import type { NetworkInput } from "./predict-logits.js";

const AXES = ["x", "y", "z"] as const;

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
  const size = resizedSize(used.size, spacing, target);
  const affineRas = networkAffine(reorientation.affine, used, size);
  const separate = {
    image: axisApart(spacing, target, manifest),
    logits: axisApart(target, spacing, manifest),
  };
  return { source, reorientation, box: used, size, affineRas, separate };
}

function planAxes({ affineRas, size }: Grid, { orientation, axes }: ModelManifest): Reorientation {
  const oriented =
    orientation === "source" ? keepAxes(affineRas, size) : planReorientation(affineRas, size, orientation);
  const [x, y, z] = axes.map((axis) => AXES.indexOf(axis) as 0 | 1 | 2);
  return permuteAxes(oriented, [x ?? 0, y ?? 1, z ?? 2]);
}

/** The slice axis of a 2-D model; nnU-Net's rule where the manifest asks for it. */
function axisApart(from: Vec3, to: Vec3, { network, resampling }: ModelManifest): 0 | 1 | 2 | null {
  if (network.dimensions === 2) return 2;
  return resampling.separateZ === "auto" ? separateAxis(from, to) : null;
}

/** Voxel i of the network's grid lies at (i + 0.5) * n_in / n_out - 0.5 of the box: half-pixel centres. */
function networkAffine(reoriented: Affine, box: Box, size: Size3): Affine {
  const scale = box.size.map((length, axis) => length / (size[axis] as number));
  const [sx = 1, sy = 1, sz = 1] = scale;
  const shift = scale.map((s, axis) => (box.start[axis] as number) + 0.5 * s - 0.5);
  const [tx = 0, ty = 0, tz = 0] = shift;
  return composeAffine(reoriented, [sx, 0, 0, tx, 0, sy, 0, ty, 0, 0, sz, tz]);
}

/**
 * Brings an image to the network's grid: reorient, crop, normalise, resample, in nnU-Net's order.
 *
 * @param channels one array a channel on the source grid, x fastest
 */
export function toNetworkGrid(
  channels: readonly Float32Array[],
  source: Grid,
  manifest: ModelManifest,
): { grid: NetworkGrid; input: NetworkInput } {
  const whole = planNetworkGrid(source, manifest);
  const { reorientation } = whole;
  const reoriented = channels.map((channel) => reorient(channel, source.size, reorientation));
  const grid =
    manifest.crop === "nonzero" ? planNetworkGrid(source, manifest, nonzeroBox(reoriented, reorientation.size)) : whole;

  const cropped = reoriented.map((channel) => cropBox(channel, reorientation.size, grid.box));
  const needsForeground = manifest.channels.some(
    ({ normalisation }) => normalisation.kind === "zscore" && normalisation.mask === "foreground",
  );
  const foreground = needsForeground ? fillHoles(nonzeroMask(cropped, grid.box.size), grid.box.size) : null;

  const input = cropped.map((channel, n) => {
    const scheme = manifest.channels[n]?.normalisation ?? { kind: "none" };
    const normalised = normalise(channel, scheme, channel, foreground);
    return resize(normalised, grid, manifest.resampling.imageOrder);
  });
  return { grid, input: { size: grid.size, channels: input } };
}

/** From the box to the network's grid. Along an axis apart, nearest neighbours, as nnU-Net's `order_z` of 0. */
function resize(data: Float32Array, { box, size, separate }: NetworkGrid, order: 0 | 1 | 3): Float32Array {
  if (box.size.join() === size.join()) return data;
  return separate.image === null
    ? resizeVolume(data, box.size, size, order)
    : resizeSeparateZ(data, box.size, size, separate.image, order, 0);
}
