import { mkdir, rename, writeFile } from "node:fs/promises";
import { basename, dirname, extname, join, resolve } from "node:path";
import { PipelineError } from "#src/core/errors.js";
import { findScans } from "#src/formats/find-scans.js";
import { loadScanCompact } from "#src/formats/load-scan.js";
import type { LoadedScan } from "#src/formats/scan.js";
import { openPath } from "#src/local/open-path.js";
import { imageFile, imageFileParts } from "#src/stages/volume-files.js";
import { meshFiles } from "./convert-mesh.js";

/** What an output's name asks for; a name with none of these endings is a folder of NIfTI files. */
const MESH_NAME = /\.(stl|glb)$/i;
const NIFTI_NAME = /\.nii(\.gz)?$/i;

/**
 * `scanlane convert`: every image of an upload as NIfTI, as the pipeline reads it, or a label map as surfaces.
 *
 * @param flags.smooth steps of smoothing, for surfaces. @default 0
 * @returns paths written
 * @throws {PipelineError} InputMismatch for a pair of input and output that cannot be
 */
export async function convert(
  input: string,
  output: string,
  flags: { readonly smooth?: number } = {},
): Promise<readonly string[]> {
  refuseUnknown(output, flags);
  const entries = await openPath(resolve(input));
  const { scans, warnings } = await findScans(entries);
  for (const warning of warnings) console.error(`${warning.code}: ${warning.message}`);
  const paths = outputPaths(resolve(output), scans.length);
  const written: string[] = [];
  for (const [n, scan] of scans.entries()) {
    const loaded = await loadScanCompact(scan, entries);
    for (const warning of loaded.warnings) console.error(`image ${n + 1}: ${warning.code}: ${warning.message}`);
    for (const { path, pieces } of filesOf(loaded.volume, paths[n] ?? "", flags.smooth ?? 0)) {
      await writeWhole(path, pieces);
      console.log(path);
      written.push(path);
    }
  }
  return written;
}

interface OutputFile {
  readonly path: string;
  readonly pieces: readonly Uint8Array[];
}

function filesOf(volume: LoadedScan<Float32Array | Int16Array>["volume"], path: string, smooth: number): OutputFile[] {
  if (!MESH_NAME.test(path)) {
    return [{ path, pieces: /\.gz$/i.test(path) ? [imageFile(volume)] : imageFileParts(volume) }];
  }
  const extension = extname(path);
  const format = extension.toLowerCase() === ".stl" ? "stl" : "glb";
  const stem = path.slice(0, -extension.length);
  return meshFiles(volume, format, smooth).map(({ suffix, bytes }) => ({
    path: `${stem}${suffix}${extension}`,
    pieces: [bytes],
  }));
}

function refuseUnknown(output: string, flags: { readonly smooth?: number }): void {
  const possible = ".nii and .nii.gz (images and label maps), .stl and .glb (label maps), or a folder";
  const extension = extname(output);
  if (/^\.[a-z][a-z0-9]{1,4}$/i.test(extension) && !MESH_NAME.test(output) && !NIFTI_NAME.test(output)) {
    throw new PipelineError("InputMismatch", `output ends in ${extension}, expected one of ${possible}`);
  }
  if (flags.smooth !== undefined && !MESH_NAME.test(output)) {
    throw new PipelineError("InputMismatch", "smoothing is for surfaces, expected an output ending in .stl or .glb");
  }
}

/** A name that ends as a file does is the file, for one image; anything else is a folder. */
function outputPaths(output: string, images: number): string[] {
  if (!NIFTI_NAME.test(output) && !MESH_NAME.test(output)) {
    return Array.from({ length: images }, (_, n) => join(output, `image-${String(n + 1).padStart(3, "0")}.nii.gz`));
  }
  if (images === 1) return [output];
  throw new PipelineError("InputMismatch", `input holds ${images} images, expected one, or a folder to write them to`);
}

/** A file that is cut short is never found under its name. */
async function writeWhole(path: string, pieces: readonly Uint8Array[]): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  const partial = join(dirname(path), `.${basename(path)}.partial`);
  await writeFile(partial, pieces);
  await rename(partial, path);
}
