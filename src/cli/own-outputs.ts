import { readdir } from "node:fs/promises";
import { basename, dirname, join } from "node:path";

/**
 * What `convert` writes as one output, or wrote there before: the file, and where it takes several files, those beside it
 * (`out-segment-2.nii.gz`, `out-liver.stl`); a folder is itself.
 *
 * @param output absolute path
 * @returns absolute paths
 */
export async function ownOutputs(output: string): Promise<string[]> {
  const [extension] = /(\.nii(\.gz)?|\.stl|\.glb)$/i.exec(output) ?? [];
  if (extension === undefined) return [output];
  const stem = basename(output).slice(0, -extension.length);
  // Surfaces have the names of their labels.
  const part = /^\.stl$/i.test(extension) ? /^-.+$/ : /^-segment-\d+$/;
  const isOwn = (name: string) =>
    name.startsWith(stem) && name.endsWith(extension) && part.test(name.slice(stem.length, -extension.length));
  const beside = await readdir(dirname(output)).catch(() => []);
  return [output, ...beside.filter(isOwn).map((name) => join(dirname(output), name))];
}
