import { PipelineError } from "#src/core/errors.js";
import { type Affine, composeAffine, type Size3, type Vec3 } from "#src/imaging/affine.js";
import { type Box, cropBox, nonzeroBox } from "#src/imaging/crop.js";
import { normalise } from "#src/imaging/normalise.js";
import { planReorientation, type Reorientation, reorient } from "#src/imaging/orient.js";
import { resizedSize, resizeSeparateZ, resizeVolume } from "#src/imaging/resample.js";
import type { Grid } from "#src/imaging/volume.js";
import type { ModelManifest } from "#src/model/manifest.js";
import type { NetworkInput } from "./predict-logits.js";

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
}

/** Spacing of a reoriented grid: the source's, axis for axis. */
function reorientedSpacing(source: Grid, reorientation: Reorientation, modelId: string): Vec3 {
  const spacing = source.spacingMm;
  if (spacing === null) {
    throw new PipelineError("InputMismatch", `image has no voxel spacing, ${modelId} expects millimetres`);
  }
  return reorientation.axes.map((axis) => spacing[axis]) as unknown as Vec3;
}

/**
 * The network's grid for a source grid.
 *
 * @param box the part of the reoriented volume to use (the whole of it, or its non-zero box)
 * @throws {PipelineError} `InputMismatch` when the image says nothing about its spacing but the model needs it
 */
export function planNetworkGrid(source: Grid, manifest: ModelManifest, box?: Box): NetworkGrid {
  const reorientation = planReorientation(source.affineRas, source.size, manifest.orientation);
  const used: Box = box ?? { start: [0, 0, 0], size: reorientation.size };
  const spacing = reorientedSpacing(source, reorientation, manifest.id);
  const target = manifest.spacingMm.map((mm, axis) => mm ?? spacing[axis]) as unknown as Vec3;
  const size = resizedSize(used.size, spacing, target);
  return { source, reorientation, box: used, size, affineRas: networkAffine(reorientation.affine, used, size) };
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

  const input = reoriented.map((channel, n) => {
    const scheme = manifest.channels[n]?.normalisation ?? { kind: "none" };
    const normalised = normalise(cropBox(channel, reorientation.size, grid.box), scheme);
    return resize(normalised, grid.box.size, grid.size, manifest, manifest.resampling.imageOrder);
  });
  return { grid, input: { size: grid.size, channels: input } };
}

/** Resamples between the box and the network's grid; a 2-D model's slices are resampled one by one. */
export function resize(
  data: Float32Array,
  from: Size3,
  to: Size3,
  manifest: ModelManifest,
  order: 0 | 1 | 3,
): Float32Array {
  if (from.join() === to.join()) return data;
  return manifest.network.dimensions === 2
    ? resizeSeparateZ(data, from, to, 2, order, 0)
    : resizeVolume(data, from, to, order);
}
