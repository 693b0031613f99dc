import { basename, dirname, extname, join, resolve } from "node:path";
import { PipelineError } from "#src/core/errors.js";
import { printable } from "#src/core/printable.js";
import { findScans } from "#src/formats/find-scans.js";
import { loadScanCompact } from "#src/formats/load-scan.js";
import { gzipDeterministic, niftiParts, writeNifti } from "#src/formats/nifti-write.js";
import type { FoundScan, LoadedScan, UploadEntry } from "#src/formats/scan.js";
import { isSegFile } from "#src/formats/seg-labels.js";
import { openPath } from "#src/local/open-path.js";
import { assertApart } from "#src/local/own-below.js";
import { imageFile, imageFileParts } from "#src/stages/volume-files.js";
import { assertFolder } from "./assert-folder.js";
import { meshFiles } from "./convert-mesh.js";
import { type SegFlags, type SegImage, segImages } from "./convert-seg.js";
import { entryNames } from "./entry-names.js";
import { ownOutputs } from "./own-outputs.js";
import { writeWhole } from "./write-whole.js";

/** What an output's name asks for. */
const MESH_NAME = /\.(stl|glb)$/i;
const NIFTI_NAME = /\.nii(\.gz)?$/i;
/** Files of other programs that nothing is written as; any other name is a folder of NIfTI files. */
const OTHER_NAME =
  /\.(bmp|csv|dcm|gltf|gz|hdr|h5|img|jpe?g|json|mg[hz]|mh[ad]|mnc|nhdr|np[yz]|nrrd|obj|pdf|ply|png|seg|tar|tgz|tiff?|vt[kpi]|zip)$/i;

/** Options of `scanlane convert`. */
interface ConvertFlags extends SegFlags {
  /** Steps of smoothing, for surfaces. @default 0 */
  readonly smooth?: number;
  /** Labels that get a surface. @default all that occur */
  readonly labels?: readonly number[];
  /** Series of variable slice spacing or tilt: refused, or brought to a regular grid. @default "reject" */
  readonly irregular?: "reject" | "resample";
}

/**
 * `scanlane convert`: every image of an upload as NIfTI, as the pipeline reads it; every DICOM SEG as a label map,
 * placed by its frames; or a label map as surfaces.
 *
 * @returns paths written
 * @throws {PipelineError} InputMismatch for a pair of input, output and options that cannot be, as the folder of the
 *   input for that of the output: images might take the place of what they are made of
 */
export async function convert(input: string, output: string, flags: ConvertFlags = {}): Promise<readonly string[]> {
  refuseUnknown(output, flags);
  await assertApart(resolve(input), [resolve(output)]);
  const isFile = NIFTI_NAME.test(output) || MESH_NAME.test(output);
  await assertFolder(isFile ? dirname(resolve(output)) : resolve(output), "the output");
  const entries = await openPath(resolve(input), await ownOutputs(resolve(output)));
  try {
    return await convertEntries(entries, resolve(output), flags);
  } catch (error) {
    if (error instanceof PipelineError) for (const name of entryNames(error.message, entries)) console.error(name);
    throw error;
  }
}

async function convertEntries(
  entries: readonly UploadEntry[],
  output: string,
  flags: ConvertFlags,
): Promise<readonly string[]> {
  const segs = await segEntries(entries);
  if (segs.length === 0 && (flags.segments !== undefined || flags.threshold !== undefined)) {
    throw new PipelineError("InputMismatch", "input holds no DICOM SEG, which --segments and --threshold are for");
  }
  const scans = await scansOf(
    entries.filter((entry) => !segs.includes(entry)),
    segs,
    flags,
  );
  const paths = outputPaths(output, scans.length, segs.length);
  const written: string[] = [];
  const write = async ({ path, pieces }: OutputFile): Promise<void> => {
    await writeWhole(path, pieces);
    console.log(path);
    written.push(path);
  };
  for (const [n, scan] of scans.entries()) {
    const loaded = await loadScanCompact(scan, entries);
    const words = [...scan.warnings, ...loaded.warnings].map(({ code, message }) => `${code}: ${message}`);
    for (const word of new Set(words)) console.error(`image ${n + 1}: ${word}`);
    if (paths.length > 1) console.error(madeOf(paths[n] ?? "", scan.entries, entries));
    for (const file of filesOf(loaded.volume, paths[n] ?? "", flags)) await write(file);
  }
  for (const [n, entry] of segs.entries()) {
    const subject = `entry ${entry.ordinal}`;
    if (paths.length > 1) console.error(madeOf(paths[scans.length + n] ?? "", [entry.ordinal], entries));
    for (const image of segImages(await entry.read(), subject, flags)) {
      for (const file of filesOfSeg(image, paths[scans.length + n] ?? "", flags, subject)) await write(file);
    }
  }
  return written;
}

/** Which files an output is made of, for people: "image-001.nii.gz <- 20 files, the first IM0001 (entry 0)". */
function madeOf(path: string, ordinals: readonly number[], entries: readonly UploadEntry[]): string {
  const files = new Set(ordinals);
  const first = Math.min(...files);
  const name = printable(entries.find((entry) => entry.ordinal === first)?.name ?? "");
  const count = files.size === 1 ? "" : `${files.size} files, the first `;
  return `${basename(path)} <- ${count}${name} (entry ${first})`;
}

/** The files that are DICOM segmentations: results of others, which no other reader takes for images. */
async function segEntries(entries: readonly UploadEntry[]): Promise<UploadEntry[]> {
  const found: UploadEntry[] = [];
  for (const entry of entries) {
    if (isSegFile((await entry.readHead?.(1024)) ?? (await entry.read()))) found.push(entry);
  }
  return found;
}

async function scansOf(
  entries: readonly UploadEntry[],
  segs: readonly UploadEntry[],
  { irregular = "reject" }: ConvertFlags,
): Promise<readonly FoundScan[]> {
  try {
    const options = { irregular, headersOnly: true, willLoad: true, takenElsewhere: segs };
    const { scans, warnings } = await findScans(entries, options);
    for (const warning of warnings) console.error(`${warning.code}: ${warning.message}`);
    return scans;
  } catch (error) {
    if (segs.length > 0 && error instanceof PipelineError && error.code === "NoImage") return [];
    throw error;
  }
}

interface OutputFile {
  readonly path: string;
  readonly pieces: readonly Uint8Array[];
}

function filesOf(
  volume: LoadedScan<Float32Array | Int16Array>["volume"],
  path: string,
  flags: ConvertFlags,
): OutputFile[] {
  if (MESH_NAME.test(path)) return surfacesOf(volume, path, flags);
  return [{ path, pieces: isGzip(path) ? [imageFile(volume)] : imageFileParts(volume) }];
}

function filesOfSeg(
  { image, suffix, isLabelMap }: SegImage,
  path: string,
  flags: ConvertFlags,
  subject: string,
): OutputFile[] {
  const named = withSuffix(path, suffix);
  if (!MESH_NAME.test(path)) {
    return [{ path: named, pieces: isGzip(path) ? [gzipDeterministic(writeNifti(image))] : niftiParts(image) }];
  }
  if (!isLabelMap) {
    throw new PipelineError("InputMismatch", `${subject} is FRACTIONAL, expected --threshold for surfaces of it`);
  }
  return surfacesOf(image, named, flags);
}

function surfacesOf(
  volume: Parameters<typeof meshFiles>[0],
  path: string,
  { smooth = 0, labels = null }: { readonly smooth?: number; readonly labels?: readonly number[] | null },
): OutputFile[] {
  const format = /stl$/i.test(path) ? "stl" : "glb";
  return meshFiles(volume, format, smooth, labels).map(({ suffix, bytes }) => ({
    path: withSuffix(path, suffix),
    pieces: [bytes],
  }));
}

function isGzip(path: string): boolean {
  return /\.gz$/i.test(path);
}

/** What stands between a name's stem and its extension. */
function withSuffix(path: string, suffix: string): string {
  return path.replace(/(\.nii)?\.[a-z]+$/i, (extension) => `${suffix}${extension}`);
}

function refuseUnknown(output: string, flags: ConvertFlags): void {
  const possible = ".nii and .nii.gz (images and label maps), .stl and .glb (label maps), or a folder";
  if (OTHER_NAME.test(output) && !NIFTI_NAME.test(output)) {
    throw new PipelineError("InputMismatch", `output ends in ${extname(output)}, expected one of ${possible}`);
  }
  if (flags.smooth !== undefined && !MESH_NAME.test(output)) {
    throw new PipelineError("InputMismatch", "smoothing is for surfaces, expected an output ending in .stl or .glb");
  }
  if (flags.labels !== undefined && !MESH_NAME.test(output)) {
    throw new PipelineError("InputMismatch", "--labels is for surfaces, expected an output ending in .stl or .glb");
  }
  if (flags.threshold === 0) {
    throw new PipelineError("InputMismatch", "threshold is 0, expected a share above 0 and at most 1");
  }
}

/** A name that ends as a file does is the file, for one image; anything else is a folder. */
function outputPaths(output: string, images: number, segs: number): string[] {
  if (!NIFTI_NAME.test(output) && !MESH_NAME.test(output)) {
    const numbered = (name: string, count: number) =>
      Array.from({ length: count }, (_, n) => join(output, `${name}-${String(n + 1).padStart(3, "0")}.nii.gz`));
    return [...numbered("image", images), ...numbered("segmentation", segs)];
  }
  if (images + segs === 1) return [output];
  throw new PipelineError(
    "InputMismatch",
    `input holds ${images + segs} images, expected one, or a folder to write them to`,
  );
}
