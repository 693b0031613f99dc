import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { PipelineError } from "#src/core/errors.js";
import { findScans } from "#src/formats/find-scans.js";
import { loadScan } from "#src/formats/load-scan.js";
import { niftiChannel, readNifti } from "#src/formats/nifti-read.js";
import { readNpy } from "#src/formats/npy-read.js";
import type { Size3 } from "#src/imaging/affine.js";
import { type Grid, type Volume, voxelCount } from "#src/imaging/volume.js";
import { openPath } from "#src/local/open-path.js";

/** Probabilities as networks save them. */
export interface ProbabilityMaps {
  /** Null for a numpy file, which does not say where its voxels lie. */
  readonly grid: Grid | null;
  readonly size: Size3;
  /** Background (0) too, where the file has it. */
  readonly byLabel: ReadonlyMap<number, Float32Array>;
}

/** Largest value that a label map holds. */
const MOST_LABEL = 65_535;
/** How far a sum of classes may be from 1: half precision and 16-bit files round. */
const SUM_TOLERANCE = 0.01;

/**
 * A 4-D NIfTI with the class axis last, a folder with one `<label>.nii.gz` a label, or nnU-Net's `.npz` (classes, z,
 * y, x). A 3-D NIfTI is no probability map but a label map: null.
 *
 * @param regions labels that the channels write, where they are regions that may overlap (no background among them)
 * @param channels labels of the channels, where they are not 0, 1, 2 and so on; without 0 among them, background is what
 *   they leave. A 3-D NIfTI then is the probability of one label
 * @throws {PipelineError} any input code; `InputMismatch` for probabilities that are none
 */
export async function readProbabilities(
  path: string,
  regions?: readonly number[],
  channels?: readonly number[],
): Promise<ProbabilityMaps | null> {
  const maps = await readMaps(path, regions ?? channels);
  if (maps !== null) checkMaps(maps, regions !== undefined);
  return maps;
}

/** @throws {PipelineError} `InputMismatch` where channels are said to be regions and labels that exclude each other */
export function assertOneNaming(regions: readonly number[] | undefined, channels: readonly number[] | undefined): void {
  if (regions === undefined || channels === undefined) return;
  throw new PipelineError("InputMismatch", "both --regions and --channels are given, expected one of them");
}

async function readMaps(path: string, named?: readonly number[]): Promise<ProbabilityMaps | null> {
  const info = await stat(path).catch((cause: unknown) => {
    throw new PipelineError("StoreMissing", "probabilities are not there, expected a file or a folder", { cause });
  });
  if (info.isDirectory()) return readFolder(path);
  if (path.endsWith(".npz")) return readNpz(path, named);
  const image = readNifti(await readFile(path), { subject: "the probability file" });
  if (image.channels === 1 && named?.length !== 1) return null;
  refuseNonFinite(image.warnings, "the probability file");
  const values = named ?? Array.from({ length: image.channels }, (_, n) => n);
  assertChannels(image.channels, values.length);
  const channels = values.map((value, n) => [value, asFloats(niftiChannel(image, n).data)] as const);
  return { grid: gridOf(image), size: image.size, byLabel: new Map(channels) };
}

async function readFolder(path: string): Promise<ProbabilityMaps> {
  const names = (await readdir(path)).filter((name) => /^\d+\.nii(\.gz)?$/.test(name));
  if (names.length === 0) {
    throw new PipelineError("NoImage", "the folder holds no file named <label>.nii.gz, such as 1.nii.gz");
  }
  const files = new Map<number, string>();
  for (const name of names) {
    const label = Number.parseInt(name, 10);
    if (label > MOST_LABEL) {
      throw new PipelineError("InputMismatch", `the folder has a file of label ${label}, expected 0 to ${MOST_LABEL}`);
    }
    if (files.has(label)) {
      throw new PipelineError("InputMismatch", `the folder has two files of label ${label}, expected one`);
    }
    files.set(label, name);
  }
  let grid: Grid | null = null;
  const byLabel = new Map<number, Float32Array>();
  for (const [label, name] of [...files].sort(([a], [b]) => a - b)) {
    const subject = `the probability file of label ${label}`;
    const image = readNifti(await readFile(join(path, name)), { subject });
    refuseNonFinite(image.warnings, subject);
    if (image.channels !== 1) throw new PipelineError("InputMismatch", `${subject} is 4-D, expected one volume`);
    grid ??= gridOf(image);
    assertSameGrid(image, grid, subject);
    byLabel.set(label, asFloats(image.data));
  }
  if (grid === null) throw new PipelineError("NoImage", "the folder holds no probabilities");
  return { grid, size: grid.size, byLabel };
}

async function readNpz(path: string, named?: readonly number[]): Promise<ProbabilityMaps> {
  const entries = await openPath(path);
  const [entry, ...others] = entries.filter(({ name }) => /^(softmax|probabilities)\.npy$/.test(name));
  if (entry === undefined || others.length > 0) {
    throw new PipelineError("InputMismatch", "the .npz file has no array named softmax or probabilities");
  }
  const { shape, data } = readNpy(await entry.read(), "the array of the .npz file");
  const [classes, z, y, x, ...rest] = shape;
  if (classes === undefined || z === undefined || y === undefined || x === undefined || rest.length > 0) {
    throw new PipelineError("InputMismatch", `the .npz array has ${shape.length} axes, expected classes, z, y, x`);
  }
  const values = named ?? Array.from({ length: classes }, (_, n) => n);
  assertChannels(classes, values.length);
  const size: Size3 = [x, y, z];
  const voxels = voxelCount(size);
  const channels = values.map((value, n) => [value, data.subarray(n * voxels, (n + 1) * voxels)] as const);
  return { grid: null, size, byLabel: new Map(channels) };
}

/** A label map from a NIfTI file. @throws {PipelineError} `InputMismatch` for voxels that are no labels */
export async function readLabelMap(path: string, subject: string): Promise<Volume<Uint8Array | Uint16Array>> {
  const file = await readFile(path).catch((cause: unknown) => {
    throw new PipelineError("StoreMissing", `${subject} is not there`, { cause });
  });
  const image = readNifti(file, { subject });
  if (image.channels !== 1) throw new PipelineError("InputMismatch", `${subject} is 4-D, expected a label map`);
  let most = 0;
  for (const value of image.data) {
    if (!(Number.isInteger(value) && value >= 0 && value <= 65_535)) {
      const message = `${subject} holds ${value}, expected whole labels from 0 to 65535 (probabilities of one label: a folder with 1.nii.gz)`;
      throw new PipelineError("InputMismatch", message);
    }
    if (value > most) most = value;
  }
  return { ...gridOf(image), data: most < 256 ? Uint8Array.from(image.data) : Uint16Array.from(image.data) };
}

/**
 * The one image of a file, folder or archive of any format that the pipeline reads.
 *
 * @throws {PipelineError} `InputMismatch` for another number of images, or voxels that are not finite; any input code
 */
export async function readOneImage(path: string): Promise<Volume<Float32Array>> {
  const entries = await openPath(path);
  const { scans } = await findScans(entries);
  const [scan, ...others] = scans;
  if (scan === undefined || others.length > 0) {
    throw new PipelineError("InputMismatch", `--image holds ${scans.length} images, expected one`);
  }
  const { volume, warnings } = await loadScan(scan, entries);
  refuseNonFinite([...scan.warnings, ...warnings], "--image", "finite voxels");
  return volume;
}

/** @throws {PipelineError} `InputMismatch` unless both grids have one size and place (to a tenth of a millimetre) */
export function assertSameGrid(found: Grid, expected: Grid, subject: string): void {
  if (found.size.some((length, axis) => length !== expected.size[axis])) {
    const message = `${subject} has ${found.size.join(" x ")} voxels, expected ${expected.size.join(" x ")}`;
    throw new PipelineError("InputMismatch", message);
  }
  if (found.spacingMm === null || expected.spacingMm === null) return;
  const apart = found.affineRas.some((value, n) => {
    const reach = n % 4 === 3 ? 1 : (found.size[n % 4] ?? 1);
    return Math.abs(value - (expected.affineRas[n] ?? 0)) * reach > 0.1;
  });
  if (apart) throw new PipelineError("InputMismatch", `${subject} lies elsewhere in space, expected the same grid`);
}

function checkMaps({ byLabel }: ProbabilityMaps, mayOverlap: boolean): void {
  for (const [label, values] of byLabel) {
    const bad = values.find((value) => !(value >= -SUM_TOLERANCE && value <= 1 + SUM_TOLERANCE));
    if (bad === undefined) continue;
    const hint = Number.isNaN(bad) ? "" : "; logits must be turned into probabilities first";
    throw new PipelineError("InputMismatch", `probability of label ${label} is ${bad}, expected 0 to 1${hint}`);
  }
  if (mayOverlap) return;
  const [first, ...others] = byLabel.values();
  if (first === undefined) return;
  const least = byLabel.has(0) ? 1 - SUM_TOLERANCE : 0;
  for (let i = 0; i < first.length; i++) {
    let sum = first[i] ?? 0;
    for (const values of others) sum += values[i] ?? 0;
    if (sum >= least && sum <= 1 + SUM_TOLERANCE) continue;
    const expected = byLabel.has(0) ? "1" : "at most 1";
    const message = `probabilities add to ${sum.toFixed(3)} in a voxel, expected ${expected} (of regions: name them by --regions; of labels without background: by --channels)`;
    throw new PipelineError("InputMismatch", message);
  }
}

function refuseNonFinite(
  warnings: readonly { readonly code: string; readonly message: string }[],
  subject: string,
  expected = "0 to 1",
): void {
  if (!warnings.some(({ code }) => code === "NonFiniteVoxels")) return;
  throw new PipelineError("InputMismatch", `${subject} holds voxels that are not finite numbers, expected ${expected}`);
}

function assertChannels(found: number, expected: number): void {
  if (found === expected) return;
  throw new PipelineError("InputMismatch", `the probabilities have ${found} channels, expected ${expected} as named`);
}

function asFloats(data: Volume["data"]): Float32Array {
  return data instanceof Float32Array ? data : Float32Array.from(data);
}

function gridOf({ size, affineRas, spacingMm }: Grid): Grid {
  return { size, affineRas, spacingMm };
}
