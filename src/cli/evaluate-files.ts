import { readdir, readFile, stat } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { PipelineError } from "#src/core/errors.js";
import { printable } from "#src/core/printable.js";
import type { LabelVolume } from "#src/evaluate/evaluate-case.js";
import { isNifti, readNifti } from "#src/formats/nifti-read.js";
import type { UploadEntry } from "#src/formats/scan.js";
import { isDicomFile, readSegLabels, segGrid } from "#src/formats/seg-labels.js";
import { loadVolume, volumeScans } from "#src/formats/volume-scans.js";
import type { Volume } from "#src/imaging/volume.js";
import { RESULT_FILES } from "#src/storage/keys.js";
import { caseNameOf } from "./case-name.js";
import { resultCases } from "./result-cases.js";

/** A label map of a case: its name without folder and ending, and where to read it. */
export interface CaseFile {
  readonly name: string;
  readonly entry: UploadEntry;
  /** All files of the folder: a header may name a data file. */
  readonly entries: readonly UploadEntry[];
  /** Why it cannot be told which file is meant. */
  readonly clash?: string;
}

const ENDING = /(\.seg)?(\.nii(\.gz)?|\.nrrd|\.nhdr|\.mha|\.mhd|\.png|\.tiff?|\.dcm)$/i;

/** The label maps of a folder by the name of their case, sorted. */
export async function caseFiles(folder: string, subject: string): Promise<readonly CaseFile[]> {
  const names = await readdir(resolve(folder)).catch((cause: unknown) => {
    throw new PipelineError("StoreMissing", `${subject} is not there, expected a folder`, { cause });
  });
  const shown = names.filter((name) => !name.startsWith(".")).sort();
  const entries = await Promise.all(shown.map((name, ordinal) => entryOf(join(resolve(folder), name), ordinal)));
  const files = entries
    .filter(({ name }) => ENDING.test(name))
    .map((entry) => ({ name: caseNameOf(entry.name), entry, entries }));
  if (files.length === 0) {
    throw new PipelineError("NoImage", `${subject} holds no label map (NIfTI, NRRD, MetaImage, PNG, TIFF, DICOM SEG)`);
  }
  const twice = files.find(({ name }, n) => files.findIndex((other) => other.name === name) < n);
  if (twice !== undefined) {
    const message = `${subject} holds two label maps of case ${printable(twice.name)}, expected one`;
    throw new PipelineError("InputMismatch", message);
  }
  return files;
}

/** A path that is a label map itself, with the files beside it; null for a folder, and where nothing is. */
export async function singleFile(path: string): Promise<CaseFile | null> {
  const file = resolve(path);
  if (!(await isFile(file))) return null;
  const name = basename(file);
  const beside = (await readdir(dirname(file))).filter(
    (other) => /\.(raw|zraw|img|gz)$/i.test(other) || other === name,
  );
  const entries = await Promise.all(beside.sort().map((other, n) => entryOf(join(dirname(file), other), n)));
  const entry = entries.find((one) => one.name === name);
  return entry === undefined ? null : { name: caseNameOf(name), entry, entries };
}

/** The label maps of a folder of results by the names of their uploads; null for a folder that is none. */
export async function resultFiles(path: string, model?: string): Promise<readonly CaseFile[] | null> {
  const cases = await resultCases(path, model);
  if (cases === null) return null;
  if (cases.length === 0) {
    const of = model === undefined ? "" : ` of model ${model}`;
    throw new PipelineError(
      "NoImage",
      `the folder of results holds no result${of} with its upload's name, expected some`,
    );
  }
  return Promise.all(
    cases.map(async ({ folder, ...one }) => {
      const picture = join(folder, RESULT_FILES.labelsPng);
      const entry = await entryOf((await isFile(picture)) ? picture : join(folder, RESULT_FILES.labels), 0);
      return { ...one, entry, entries: [entry] };
    }),
  );
}

/** A label map as it is read: a DICOM SEG gets its grid from the other maps of its case. */
export type ReadMap =
  | { readonly kind: "volume"; readonly volume: LabelVolume }
  | { readonly kind: "seg"; readonly bytes: Uint8Array; readonly subject: string };

/** @throws {PipelineError} any code of the readers, `InputMismatch` for an image that is no label map */
export async function readMap({ entry, entries }: CaseFile, subject: string): Promise<ReadMap> {
  const bytes = await entry.read();
  if (isDicomFile(bytes)) return { kind: "seg", bytes, subject };
  return { kind: "volume", volume: await readVolume(bytes, entry, entries, subject) };
}

/** Maps of a case as volumes: a DICOM SEG on the grid of the first map that has one, else on that of all its frames. */
export function volumesOf(maps: readonly ReadMap[], subject: string): readonly LabelVolume[] {
  const grid =
    maps.flatMap((map) => (map.kind === "volume" ? [map.volume] : []))[0] ??
    segGrid(
      maps.flatMap((map) => (map.kind === "seg" ? [map.bytes] : [])),
      subject,
    );
  return maps.map((map) => (map.kind === "volume" ? map.volume : readSegLabels(map.bytes, grid, map.subject)));
}

async function readVolume(
  bytes: Uint8Array,
  entry: UploadEntry,
  entries: readonly UploadEntry[],
  subject: string,
): Promise<LabelVolume> {
  if (isNifti(bytes)) {
    const image = readNifti(bytes, { subject });
    if (image.channels !== 1) throw new PipelineError("InputMismatch", `${subject} is 4-D, expected a label map`);
    return labelVolume(image, image.warnings, subject);
  }
  const [scan, ...others] = (await volumeScans(bytes, entry, entries)) ?? [];
  if (scan === undefined || others.length > 0) {
    const found = scan === undefined ? "is of no format of label maps" : `holds ${others.length + 1} volumes`;
    throw new PipelineError(
      "InputUnsupported",
      `${subject} ${found}, expected one NIfTI, NRRD, MetaImage, PNG, TIFF or DICOM SEG`,
    );
  }
  const { volume, colours, warnings } = await loadVolume(scan, entry, entries);
  if (colours !== undefined) {
    throw new PipelineError("InputMismatch", `${subject} is a colour image, expected a label in every pixel`);
  }
  return labelVolume(volume, warnings, subject);
}

async function isFile(path: string): Promise<boolean> {
  return stat(path).then(
    (info) => info.isFile(),
    () => false,
  );
}

async function entryOf(path: string, ordinal: number): Promise<UploadEntry> {
  return { ordinal, name: basename(path), size: (await stat(path)).size, read: () => readFile(path) };
}

function labelVolume(
  { size, affineRas, spacingMm, data }: Volume,
  warnings: readonly { readonly code: string }[],
  subject: string,
): LabelVolume {
  const grid = { size, affineRas, spacingMm };
  if (data instanceof Uint8Array || data instanceof Uint16Array) return { ...grid, data };
  let most = 0;
  let isWhole = !warnings.some(({ code }) => code === "NonFiniteVoxels");
  for (let i = 0; i < data.length && isWhole; i++) {
    const value = data[i] ?? 0;
    isWhole = value >= 0 && value <= 65_535 && value === Math.trunc(value);
    if (value > most) most = value;
  }
  if (!isWhole) {
    throw new PipelineError("InputMismatch", `${subject} holds other values than whole labels from 0 to 65535`);
  }
  return { ...grid, data: most < 256 ? Uint8Array.from(data) : Uint16Array.from(data) };
}
