import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { basename, join } from "node:path";
import { EXIT } from "#src/cli/exit-codes.js";
import { readNifti } from "#src/formats/nifti-read.js";

const main = join(import.meta.dirname, "../../dist/src/cli/main.js");

/** Runs the command, as it is built, in a process of its own. @throws {Error} when it fails; a result with warnings is one */
export function scanlane(...args: readonly string[]): string {
  const { status, stdout, stderr } = spawnSync(process.execPath, [main, ...args], {
    encoding: "utf8",
    maxBuffer: 2 ** 26,
  });
  const wasPublished = args[0] === "run" && status === EXIT.warnings;
  if (status !== EXIT.ok && !wasPublished) throw new Error(`scanlane ${args[0]} failed: ${stderr}${stdout}`);
  return stdout;
}

/** Labels that `scanlane run` publishes of an image. */
export function publishedLabels(work: string, image: string, ...options: readonly string[]): Uint16Array {
  const folder = mkdtempSync(join(work, "ours-"));
  scanlane("run", image, "--out", folder, "--outputs", "none", "--json", ...options);
  const files = readdirSync(folder, { recursive: true, encoding: "utf8" });
  const file = files.find((path) => basename(path) === "labels.nii.gz" && !path.startsWith(".work"));
  if (file === undefined) throw new Error(`no segmentation among ${files}`);
  const labels = Uint16Array.from(readNifti(readFileSync(join(folder, file))).data);
  rmSync(folder, { recursive: true });
  return labels;
}

/** Voxels whose label is not the same. */
export function differing(a: ArrayLike<number>, b: ArrayLike<number>): number {
  if (a.length !== b.length) throw new RangeError(`label maps have ${a.length} and ${b.length} voxels`);
  let count = 0;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) count += 1;
  return count;
}

/** How many voxels have each label. @throws {RangeError} for a label without any: two empty masks always agree */
export function voxelsOfLabels(labelMap: Uint16Array, labels: readonly number[], subject: string): number[] {
  const counted = labels.map((label) => labelMap.reduce((sum, value) => sum + (value === label ? 1 : 0), 0));
  if (counted.some((count) => count === 0)) throw new RangeError(`${subject}: the reference saw no voxel of a label`);
  return counted;
}

/** The largest of a map's values where two label maps differ; empty where they do not. */
export function largestWhereDifferent(a: Uint16Array, b: Uint16Array, values: ArrayLike<number>): string {
  const found = [...a.keys()].filter((i) => a[i] !== b[i]).map((i) => values[i] ?? Number.NaN);
  return found.length === 0 ? "" : Math.max(...found).toPrecision(2);
}
