import { mkdir, rename, writeFile } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { PipelineError } from "#src/core/errors.js";
import { findScans } from "#src/formats/find-scans.js";
import { loadScanCompact } from "#src/formats/load-scan.js";
import { openPath } from "#src/local/open-path.js";
import { imageFile, imageFileParts } from "#src/stages/volume-files.js";

/** `scanlane convert`: every image of an upload as NIfTI, as the pipeline reads it. @returns paths written */
export async function convert(input: string, output: string): Promise<readonly string[]> {
  const entries = await openPath(resolve(input));
  const { scans, warnings } = await findScans(entries);
  for (const warning of warnings) console.error(`${warning.code}: ${warning.message}`);
  const paths = outputPaths(resolve(output), scans.length);
  for (const [n, scan] of scans.entries()) {
    const loaded = await loadScanCompact(scan, entries);
    for (const warning of loaded.warnings) console.error(`image ${n + 1}: ${warning.code}: ${warning.message}`);
    const path = paths[n] ?? "";
    await writeWhole(path, path.endsWith(".gz") ? [imageFile(loaded.volume)] : imageFileParts(loaded.volume));
    console.log(path);
  }
  return paths;
}

/** A name that ends as a NIfTI does is the file, for one image; anything else is a folder. */
function outputPaths(output: string, images: number): string[] {
  if (!/\.nii(\.gz)?$/i.test(output)) {
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
