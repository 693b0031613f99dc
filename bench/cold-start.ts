import { execFileSync, spawnSync } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { hippocampusLike } from "../test/support/hippocampus-like.js";

/**
 * A small scan (36 x 52 x 38 voxels) from the start of the process to its results: the whole command `scanlane run`, each
 * time with an empty folder for results. `npm run build` first: it is dist/ that is measured.
 *
 * @example node --conditions=development --import tsx bench/cold-start.ts hippocampus-attention-unet3d [node...]
 */
const [model = "hippocampus-attention-unet3d", ...nodes] = process.argv.slice(2);
const programs = nodes.length === 0 ? [process.execPath] : nodes;
const main = fileURLToPath(new URL("../dist/src/cli/main.js", import.meta.url));
const folder = await mkdtemp(join(tmpdir(), "cold-start-"));
const scan = await hippocampusLike(join(folder, "scan.nii.gz"));

const seconds = new Map(programs.map((program) => [program, [] as number[]]));
for (let n = 0; n < 11; n++) {
  for (const [program, taken] of seconds) {
    const started = performance.now();
    const args = [main, "run", scan, "--model", model, "--out", join(folder, "out"), "--json"];
    const { status } = spawnSync(program, args, { stdio: "ignore" });
    // 3: done, with warnings.
    if (status !== 0 && status !== 3) throw new Error(`scanlane run ended with exit code ${status}`);
    taken.push((performance.now() - started) / 1000);
    await rm(join(folder, "out"), { recursive: true });
  }
}
for (const [program, taken] of seconds) {
  const version = execFileSync(program, ["--version"], { encoding: "utf8" }).trim();
  const sorted = taken.toSorted((a, b) => a - b);
  console.log(
    `${version}: median of 11 ${sorted[5]?.toFixed(2)} s, ${sorted[0]?.toFixed(2)} to ${sorted[10]?.toFixed(2)} s`,
  );
}
await rm(folder, { recursive: true });
