import { niftiChannel, readNifti } from "#src/formats/nifti-read.js";
import { gzipDeterministic, niftiParts, writeNifti } from "#src/formats/nifti-write.js";
import { gzipStored } from "#src/formats/stored-gzip.js";
import { type Affine, applyAffine, composeAffine, invertAffine, type Size3 } from "#src/imaging/affine.js";
import type { Box } from "#src/imaging/crop.js";
import { type Grid, type Volume, voxelCount } from "#src/imaging/volume.js";
import type { Channel, NetworkGrid } from "#src/inference/network-grid.js";
import type { NetworkInput } from "#src/inference/predict-logits.js";
import type { PackageManifest } from "#src/model/classical-manifest.js";

// How the volumes that stages hand over are kept. All are NIfTI, so that any viewer opens them.

type LabelArray = Uint8Array | Uint16Array;
/** Probabilities are kept in 16 bits: steps of 1 / 65535. */
const PROBABILITY_SLOPE = 1 / 65_535;

/** The source image: 16-bit where that loses nothing, as with most scanners, else float32. */
export function imageFile(volume: Volume<Float32Array | Int16Array>): Uint8Array {
  return gzipDeterministic(writeNifti({ ...volume, data: compact(volume.data) }));
}

/** The same for a file that is read once and soon: what it saves by packing it costs, as noise packs badly. */
export function imageFileStored(volume: Volume<Float32Array | Int16Array>): Uint8Array {
  return gzipStored(imageFileParts(volume));
}

/** The same without compression, in pieces that follow each other. */
export function imageFileParts(volume: Volume<Float32Array | Int16Array>): readonly Uint8Array[] {
  return niftiParts({ ...volume, data: compact(volume.data) });
}

/**
 * The image with its voxels as they are kept.
 *
 * @param bytes the caller's own: the voxels lie in them
 */
export function readImage(bytes: Uint8Array): Volume<Float32Array | Int16Array> {
  const image = readNifti(bytes, { mayShare: true });
  const { data } = image;
  const isKept = data instanceof Int16Array || data instanceof Float32Array;
  return { ...gridOf(image), data: isKept ? data : new Float32Array(data) };
}

/** The network's input, channels along the fourth axis; not compressed, as it is read once and soon. */
export function networkInputFile(
  input: { readonly size: Size3; readonly channels: readonly Channel[] },
  grid: Pick<NetworkGrid, "source" | "affineRas">,
): Uint8Array {
  const data = oneAfterAnother(input.channels, voxelCount(input.size));
  const spacingMm = grid.source.spacingMm;
  return writeNifti({ size: input.size, affineRas: grid.affineRas, spacingMm, data, channels: input.channels.length });
}

function oneAfterAnother(channels: readonly Channel[], voxels: number): Float32Array {
  const [only, ...others] = channels;
  if (only instanceof Float32Array && others.length === 0) return only;
  const data = new Float32Array(voxels * channels.length);
  for (const [n, channel] of channels.entries()) data.set(channel, n * voxels);
  return data;
}

/** @param bytes the caller's own: the channels lie in them */
export function readNetworkInput(bytes: Uint8Array, manifest: PackageManifest): NetworkInput {
  const image = readNifti(bytes, { mayShare: true });
  const channels = manifest.channels.map((_, n) => {
    const { data } = niftiChannel(image, n);
    return data instanceof Float32Array ? data : new Float32Array(data);
  });
  return { size: image.size, channels };
}

export function labelsFile(labels: LabelArray, grid: Grid): Uint8Array {
  return gzipDeterministic(writeNifti({ ...gridOf(grid), data: labels }));
}

export function readLabels(bytes: Uint8Array): Volume<LabelArray> {
  const image = readNifti(bytes);
  const data = image.data instanceof Uint8Array ? image.data : new Uint16Array(image.data);
  return { ...gridOf(image), data };
}

/** Where a network is unsure, 0 to 1 on the whole grid: nothing is rounded. */
export function uncertaintyFile(values: Float32Array, grid: Grid): Uint8Array {
  return gzipDeterministic(writeNifti({ ...gridOf(grid), data: values }));
}

/**
 * Probabilities of one label inside a box; the file's affine says where the box lies in the source grid. Of a grid
 * without spacing it counts voxels: a file that says no spacing has no place either.
 */
export function probabilityFile(values: Float32Array, box: Box, grid: Grid): Uint8Array {
  const data = Uint16Array.from(values, (value) => Math.round(value / PROBABILITY_SLOPE));
  const [x, y, z] = box.start;
  const affineRas = composeAffine(placeOf(grid), [1, 0, 0, x, 0, 1, 0, y, 0, 0, 1, z]);
  const spacingMm = grid.spacingMm ?? ([1, 1, 1] as const);
  return gzipDeterministic(writeNifti({ size: box.size, affineRas, spacingMm, data, slope: PROBABILITY_SLOPE }));
}

/** Probabilities of several labels on a whole grid, one after the other along the fourth axis. */
export function probabilitiesFileOf(byLabel: readonly Float32Array[], grid: Grid): Uint8Array {
  const voxels = voxelCount(grid.size);
  const data = new Uint16Array(voxels * byLabel.length);
  for (const [n, values] of byLabel.entries()) {
    for (let i = 0; i < voxels; i++) data[n * voxels + i] = Math.round((values[i] as number) / PROBABILITY_SLOPE);
  }
  return gzipDeterministic(writeNifti({ ...gridOf(grid), data, channels: byLabel.length, slope: PROBABILITY_SLOPE }));
}

/** @param grid the source grid, to find the box in it */
export function readProbability(bytes: Uint8Array, grid: Grid): { box: Box; data: Float32Array } {
  const image = readNifti(bytes);
  const origin = applyAffine(image.affineRas, [0, 0, 0]);
  const start = applyAffine(invertAffine(placeOf(grid)), origin).map(Math.round) as unknown as Size3;
  return { box: { start, size: image.size }, data: new Float32Array(image.data) };
}

/** The affine that boxes are placed by. */
function placeOf({ affineRas, spacingMm }: Grid): Affine {
  return spacingMm === null ? [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0] : affineRas;
}

function gridOf({ size, affineRas, spacingMm }: Grid): Grid {
  return { size, affineRas, spacingMm };
}

/** The same values in 16 bits when every one of them is a whole number that fits. */
function compact(data: Float32Array | Int16Array): Float32Array | Int16Array {
  if (data instanceof Int16Array) return data;
  const whole = new Int16Array(data.length);
  for (let i = 0; i < data.length; i++) {
    const value = data[i] as number;
    whole[i] = value;
    if (whole[i] !== value) return data;
  }
  return whole;
}
