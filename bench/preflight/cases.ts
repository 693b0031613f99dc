import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { sha256 } from "#src/core/ids.js";
import { gzipDeterministic, type NiftiToWrite, writeNifti } from "#src/formats/nifti-write.js";
import type { Size3, Vec3 } from "#src/imaging/affine.js";
import { voxelCount } from "#src/imaging/volume.js";
import type { EnsembleManifest } from "#src/model/ensemble-manifest.js";
import type { ModelManifest } from "#src/model/manifest.js";
import { buildDicom } from "../../test/support/dicom-builder.js";
import { phantomSlice } from "../../test/support/phantom-series.js";
import { ensembleOf } from "../../test/support/tiny-ensemble.js";
import { brightManifest } from "../../test/support/tiny-models.js";
import { seededRandom } from "../classical/random.js";
import { randomUnet } from "./unet.js";

/** One run whose prediction is compared with what it held. */
export interface PreflightCase {
  readonly name: string;
  readonly model: string;
  /** Of those that are made, or a path. */
  readonly scan: string;
  readonly options?: readonly string[];
  /** Whether constants were fitted to it, or a formula corrected by it. */
  readonly isFitted?: boolean;
}

const TILES = { stepFraction: 0.8, placing: "even", blending: "gaussian", padding: "zero" } as const;

const ct = (classes: number, changes: Partial<ModelManifest> = {}) => ({
  classes,
  channels: [8, 16],
  manifest: {
    spacingMm: [1.5, 1.5, 1.5],
    precision: "float16",
    tiles: { patchVox: [96, 96, 64], ...TILES },
    resampling: { imageOrder: 3, logitsOrder: 1, separateZ: "never", grid: "extents", of: "logits" },
    ...changes,
  } satisfies Partial<ModelManifest>,
});

const NATIVE = {
  spacingMm: [null, null, null],
  precision: "float32",
  tiles: { patchVox: [64, 64, 64], ...TILES },
} satisfies Partial<ModelManifest>;

const IN_SLICES = {
  spacingMm: [null, null, null],
  tiles: { patchVox: [192, 192, 1], ...TILES },
} satisfies Partial<ModelManifest>;

interface MadeModel {
  readonly classes: number;
  /** Of each resolution. */
  readonly channels: readonly number[];
  readonly dimensions?: 2 | 3;
  readonly folds?: number;
  readonly manifest: Partial<ModelManifest>;
}

const MODELS = {
  "ct-3": ct(3),
  "ct-20": ct(20),
  "ct-30": ct(30),
  "ct-104": ct(104),
  "ct-104-mirrored": ct(104, { mirrorAxes: ["x", "y"] }),
  "ct-104-wide": { ...ct(104, { mirrorAxes: ["x", "y"] }), channels: [32, 64] },
  "ct-60-single": ct(60, { precision: "float32" }),
  "ct-folds": { ...ct(5), folds: 3 },
  "ct-mirrored": ct(4, { mirrorAxes: ["x", "y"] }),
  "ct-regions": ct(3, { activation: { regions: [1, 2, 3] } }),
  "ct-coarse": ct(3, { spacingMm: [3, 3, 3] }),
  "ct-member": ct(3),
  "ct-after": ct(3, { previous: { model: "ct-coarse", labels: [1, 2] } }),
  "ct-inside": ct(3, { region: { model: "ct-coarse", labels: [1], marginMm: 10 } }),
  "own-4": { ...ct(4, NATIVE), channels: [8, 16, 32] },
  "own-30": { ...ct(30, NATIVE), channels: [4, 8] },
  "slices-4": { ...ct(4, IN_SLICES), dimensions: 2 },
  "slices-24": { ...ct(24, IN_SLICES), dimensions: 2 },
  "slices-104": { ...ct(104, IN_SLICES), dimensions: 2 },
} as const satisfies Record<string, MadeModel>;

interface MadeScan {
  readonly size: Size3;
  readonly spacingMm: Vec3;
  readonly kind: "int16.gz" | "uint8.gz" | "float32" | "dicom";
}

export const SCANS = {
  small: { size: [64, 64, 40], spacingMm: [1, 1, 1], kind: "int16.gz" },
  head: { size: [160, 192, 128], spacingMm: [1, 1, 1.2], kind: "int16.gz" },
  "ct-150": { size: [256, 256, 150], spacingMm: [0.8, 0.8, 1], kind: "int16.gz" },
  "ct-70": { size: [400, 400, 70], spacingMm: [0.7, 0.7, 2.5], kind: "int16.gz" },
  "ct-220": { size: [320, 320, 220], spacingMm: [0.8, 0.8, 1], kind: "int16.gz" },
  "ct-300": { size: [512, 512, 300], spacingMm: [0.8, 0.8, 1], kind: "int16.gz" },
  bytes: { size: [220, 180, 140], spacingMm: [1.2, 1.2, 1.5], kind: "uint8.gz" },
  floats: { size: [200, 240, 90], spacingMm: [1, 1, 2], kind: "float32" },
  series: { size: [256, 256, 80], spacingMm: [0.9, 0.9, 1.5], kind: "dicom" },
  "series-512": { size: [512, 512, 160], spacingMm: [0.7, 0.7, 1.25], kind: "dicom" },
} as const satisfies Record<string, MadeScan>;

export const CASES: readonly PreflightCase[] = [
  { name: "64 x 64 x 40, 3 classes", model: "ct-3", scan: "small", isFitted: true },
  { name: "64 x 64 x 40, 104 classes", model: "ct-104", scan: "small", isFitted: true },
  { name: "160 x 192 x 128, own grid, 4 classes", model: "own-4", scan: "head", isFitted: true },
  { name: "256 x 256 x 150 CT, 3 classes", model: "ct-3", scan: "ct-150", isFitted: true },
  { name: "256 x 256 x 150 CT, 104 classes", model: "ct-104", scan: "ct-150", isFitted: true },
  { name: "400 x 400 x 70 CT, 20 classes", model: "ct-20", scan: "ct-70", isFitted: true },
  { name: "160 x 192 x 128, slices, 4 classes", model: "slices-4", scan: "head", isFitted: true },
  { name: "256 x 256 x 80 DICOM, 3 classes", model: "ct-3", scan: "series", isFitted: true },
  // Held out, but where it says otherwise: no constant was fitted to what follows.
  { name: "160 x 192 x 128, 20 classes", model: "ct-20", scan: "head" },
  { name: "160 x 192 x 128, own grid, 30 classes", model: "own-30", scan: "head" },
  { name: "160 x 192 x 128, 60 classes, float32", model: "ct-60-single", scan: "head" },
  { name: "256 x 256 x 150 CT, 30 classes", model: "ct-30", scan: "ct-150" },
  { name: "320 x 320 x 220 CT, 3 classes", model: "ct-3", scan: "ct-220" },
  { name: "320 x 320 x 220 CT, 104 classes", model: "ct-104", scan: "ct-220" },
  { name: "512 x 512 x 300 CT, 3 classes", model: "ct-3", scan: "ct-300" },
  { name: "220 x 180 x 140, 8 bits, 20 classes", model: "ct-20", scan: "bytes" },
  { name: "200 x 240 x 90, float32, 4 classes", model: "own-4", scan: "floats" },
  { name: "200 x 240 x 90, slices, 24 classes", model: "slices-24", scan: "floats" },
  { name: "256 x 256 x 150 CT, 3 folds, 5 classes", model: "ct-folds", scan: "ct-150" },
  { name: "160 x 192 x 128, mirrored, 4 classes", model: "ct-mirrored", scan: "head" },
  { name: "160 x 192 x 128, mirrored, 104 classes", model: "ct-104-mirrored", scan: "head" },
  { name: "160 x 192 x 128, mirrored, 104 classes of 32 features", model: "ct-104-wide", scan: "head" },
  { name: "200 x 240 x 90, slices, 104 classes", model: "slices-104", scan: "floats" },
  { name: "160 x 192 x 128, regions, 3 classes", model: "ct-regions", scan: "head" },
  { name: "160 x 192 x 128, cascade", model: "ct-after", scan: "head", isFitted: true },
  { name: "256 x 256 x 150 CT, in a region", model: "ct-inside", scan: "ct-150" },
  { name: "160 x 192 x 128, ensemble on the source's grid", model: "together-source", scan: "head" },
  { name: "160 x 192 x 128, ensemble on the network's grid", model: "together-network", scan: "head" },
  {
    name: "160 x 192 x 128, two workers, 20 classes",
    model: "ct-20",
    scan: "head",
    options: ["--workers", "2"],
    isFitted: true,
  },
  { name: "256 x 256 x 150 CT, uncertainty", model: "ct-3", scan: "ct-150", options: ["--outputs", "uncertainty"] },
  {
    name: "160 x 192 x 128, mirrored, both maps",
    ...{ model: "ct-mirrored", scan: "head", options: ["--outputs", "uncertainty", "disagreement"] },
  },
  {
    name: "160 x 192 x 128, probabilities",
    model: "ct-3",
    scan: "head",
    options: ["--outputs", "probabilities"],
    isFitted: true,
  },
  { name: "160 x 192 x 128, surfaces", model: "ct-3", scan: "head", options: ["--outputs", "glb", "stl"] },
  { name: "256 x 256 x 150 CT, cascade", model: "ct-after", scan: "ct-150" },
  { name: "256 x 256 x 150 CT, ensemble on the source's grid", model: "together-source", scan: "ct-150" },
  { name: "400 x 400 x 70 CT, two workers, 20 classes", model: "ct-20", scan: "ct-70", options: ["--workers", "2"] },
  {
    name: "220 x 180 x 140, 8 bits, probabilities of 19 labels",
    isFitted: true,
    ...{ model: "ct-20", scan: "bytes", options: ["--outputs", "probabilities"] },
  },
  { name: "512 x 512 x 160 DICOM, 3 classes", model: "ct-3", scan: "series-512" },
  { name: "256 x 256 x 80 DICOM, 104 segments", model: "ct-104", scan: "series" },
  { name: "256 x 256 x 80 DICOM, outlines", model: "ct-3", scan: "series", options: ["--outputs", "rtstruct", "sr"] },
  { name: "256 x 256 x 80 DICOM, fractional", model: "ct-3", scan: "series", options: ["--seg", "fractional"] },
];

/** Packages of all models. @returns their ids */
export async function makeModels(root: string): Promise<string[]> {
  const made = new Map<string, ModelManifest>();
  for (const [id, model] of Object.entries(MODELS)) made.set(id, await makeModel(root, id, model));
  const members = ["ct-3", "ct-member"].map((id) => [made.get(id) as ModelManifest, 1] as const);
  for (const grid of ["source", "network"] as const) {
    const id = `together-${grid}`;
    await writePackage(root, { ...ensembleOf(members, grid), id });
  }
  await writeFile(join(root, "routes.json"), JSON.stringify({ schemaVersion: 1, routes: [] }));
  return Object.keys(MODELS);
}

async function makeModel(root: string, id: string, model: MadeModel): Promise<ModelManifest> {
  const { classes, channels, dimensions = 3, folds = 0, manifest: changes } = model;
  const inputs = 1 + (changes.previous?.labels.length ?? 0);
  const networks = Array.from({ length: 1 + folds }, (_, n) =>
    randomUnet({ dimensions, inputs, classes, channels, seed: 1 + n + (id === "ct-member" ? 100 : 0) }),
  );
  const [first] = networks;
  if (first === undefined) throw new RangeError("a model has a network");
  const files = networks.map(({ file }, n) => ({ name: `network-${n}.onnx`, file }));
  const base = brightManifest(first.file);
  const isSoftmax = changes.activation === undefined || changes.activation === "softmax";
  const manifest: ModelManifest = {
    ...base,
    channels: [
      {
        ...{ name: "image", modalities: ["CT", "MR"] },
        normalisation: { kind: "ct", low: -500, high: 500, mean: 0, sd: 200 },
      },
    ],
    labels: Array.from({ length: isSoftmax ? classes - 1 : classes }, (_, n) => ({
      ...(base.labels[0] as ModelManifest["labels"][number]),
      ...{ value: n + 1, name: `label-${n + 1}`, displayName: `Label ${n + 1}` },
    })),
    ...changes,
    id,
    network: {
      ...base.network,
      ...{ file: "network-0.onnx", sha256: sha256(first.file), dimensions, classes, parameters: first.parameters },
      folds: files.slice(1).map(({ name, file }) => ({ file: name, sha256: sha256(file) })),
    },
  };
  const folder = await writePackage(root, manifest);
  for (const { name, file } of files) await writeFile(join(folder, name), file);
  return manifest;
}

async function writePackage(root: string, manifest: ModelManifest | EnsembleManifest): Promise<string> {
  const folder = join(root, manifest.id);
  await mkdir(join(folder, "golden"), { recursive: true });
  await writeFile(join(folder, "manifest.json"), JSON.stringify(manifest));
  return folder;
}

/** @returns the path of an image, which is made where it is not there */
export async function makeScan(root: string, name: string): Promise<string> {
  const scan: MadeScan | undefined = Object.entries(SCANS).find(([id]) => id === name)?.[1];
  if (scan === undefined) return name;
  const { size, spacingMm, kind } = scan;
  if (kind === "dicom") {
    const folder = join(root, name);
    await mkdir(folder, { recursive: true });
    for (let k = 0; k < size[2]; k++) {
      await writeFile(join(folder, `slice-${k}.dcm`), buildDicom(phantomSlice({ size, spacingMm }, k)));
    }
    return folder;
  }
  const [dx, dy, dz] = spacingMm;
  const data = phantom(size, kind);
  const volume = writeNifti({ size, spacingMm, affineRas: [dx, 0, 0, 0, 0, dy, 0, 0, 0, 0, dz, 0], data });
  const isZipped = kind !== "float32";
  const path = join(root, `${name}.nii${isZipped ? ".gz" : ""}`);
  await writeFile(path, isZipped ? gzipDeterministic(volume) : volume);
  return path;
}

/** Waves with noise on them, which packs about as badly as a CT. */
function phantom(size: Size3, kind: MadeScan["kind"]): NiftiToWrite["data"] {
  const random = seededRandom(7);
  const voxels = voxelCount(size);
  const out =
    kind === "uint8.gz"
      ? new Uint8Array(voxels)
      : kind === "float32"
        ? new Float32Array(voxels)
        : new Int16Array(voxels);
  const [middle, spread] = kind === "uint8.gz" ? [128, 0.2] : [0, 1];
  let i = 0;
  for (let z = 0; z < size[2]; z++) {
    for (let y = 0; y < size[1]; y++) {
      for (let x = 0; x < size[0]; x++) {
        const wave = Math.sin(x / 17) + Math.sin(y / 13 + z / 29) + Math.sin((x + z) / 19);
        out[i++] = middle + spread * (150 * wave + random.uniform(-30, 30));
      }
    }
  }
  return out;
}
