import type { Size3 } from "#src/imaging/affine.js";
import { RunningArgmax } from "#src/imaging/argmax.js";
import { type Box, cropBox, pasteBox } from "#src/imaging/crop.js";
import { foregroundBox, growBox } from "#src/imaging/foreground-box.js";
import { invertReorientation, reorient } from "#src/imaging/orient.js";
import { voxelCount } from "#src/imaging/volume.js";
import type { ModelManifest } from "#src/model/manifest.js";
import { type NetworkGrid, resize } from "./network-grid.js";

/** A segmentation on the source grid. */
export interface Segmentation {
  readonly labels: Uint8Array | Uint16Array;
  /** Probabilities of the labels asked for, inside the box where the network saw anything but background. */
  readonly probabilities: { readonly box: Box; readonly byLabel: ReadonlyMap<number, Float32Array> } | null;
}

/** Probability of background below which a voxel belongs to the foreground box. */
const FOREGROUND_BELOW = 0.99;
/** Voxels that the foreground box is grown by, so that a step can move an outline outwards. */
const FOREGROUND_MARGIN_VOX = 5;

/**
 * Takes logits from the network's grid to labels on the source grid, class by class: resample, keep the running
 * maximum, paste into the uncropped volume (background outside), turn back to the source's axes. Beyond the logits
 * only one class is held at a time.
 *
 * @param logits one array a class on the network's grid, background first
 * @param wanted labels whose probabilities are needed
 */
export function toSourceGrid(
  logits: readonly Float32Array[],
  grid: NetworkGrid,
  manifest: ModelManifest,
  wanted: readonly number[],
): Segmentation {
  const onBox = (label: number): Float32Array =>
    resize(logits[label] as Float32Array, grid.size, grid.box.size, manifest, manifest.resampling.logitsOrder);
  const argmax = new RunningArgmax(voxelCount(grid.box.size), logits.length, wanted.length > 0);
  for (let label = 0; label < logits.length; label++) argmax.add(onBox(label));

  const labels = back(argmax.labels, 0, grid);
  if (wanted.length === 0) return { labels, probabilities: null };

  const size = grid.source.size;
  const background = back(argmax.probability(onBox(0)), 1, grid);
  const tight = foregroundBox(background, size, FOREGROUND_BELOW);
  if (tight === null) return { labels, probabilities: null };
  const box = growBox(tight, size, FOREGROUND_MARGIN_VOX);
  const byLabel = new Map(
    wanted.map((label) => [label, cropBox(back(argmax.probability(onBox(label)), 0, grid), size, box)]),
  );
  return { labels, probabilities: { box, byLabel } };
}

/** From the box on the reoriented grid to the source grid. */
function back<T extends Uint8Array | Uint16Array | Float32Array>(data: T, outside: number, grid: NetworkGrid): T {
  const full: Size3 = grid.reorientation.size;
  const pasted = pasteBox(data, grid.box, full, outside);
  return reorient(pasted, full, invertReorientation(grid.reorientation));
}
