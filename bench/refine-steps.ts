import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import type { Size3 } from "#src/imaging/affine.js";
import { voxelCount } from "#src/imaging/volume.js";
import { RefineStep } from "#src/model/refine-steps.js";
import { applySteps } from "#src/refine/apply-steps.js";

/**
 * Time and memory of the steps on components over a label map of many labels, beside SciPy and cc3d on the same map.
 *
 * @example node --conditions=development --import tsx bench/refine-steps.ts --python <python with scipy and cc3d>
 */
const { values } = parseArgs({
  options: {
    python: { type: "string" },
    size: { type: "string", default: "512x512x600" },
    labels: { type: "string", default: "100" },
    repeats: { type: "string", default: "3" },
  },
});
const [nx = 0, ny = 0, nz = 0] = values.size.split("x").map(Number);
const size: Size3 = [nx, ny, nz];
const count = Number(values.labels);
const all = Array.from({ length: count }, (_, n) => n + 1);
const map = organs(size, count);
const share = map.reduce((n, v) => n + (v > 0 ? 1 : 0), 0) / map.length;
console.log(`${values.size} voxels, ${count} labels, ${(100 * share).toFixed(0)} % of them labelled`);

const STEPS: readonly object[] = [
  { kind: "largest-component", labels: all, scope: "label", connectivity: 26 },
  { kind: "largest-component", labels: all, scope: "label", connectivity: 6, ties: "first" },
  { kind: "remove-small", labels: all, connectivity: 6, minMm3: 200, atLimit: "remove" },
  { kind: "fill-holes", labels: all },
  { kind: "fill-holes", labels: all, dimensions: 2 },
  { kind: "screen-components", labels: all, shape: { maxElongation: 4 } },
  { kind: "morphology", labels: all, operation: "open", radiusMm: 2 },
  { kind: "keep-near", labels: all.slice(1), anatomy: [1], withinMm: 10 },
];
console.log("ours".padEnd(46), "seconds", "changed voxels", "peak MB");
for (const raw of STEPS) {
  const step = RefineStep.parse(raw);
  const seconds: number[] = [];
  let changed = 0;
  for (let n = 0; n < Number(values.repeats); n++) {
    const start = performance.now();
    const input = { labels: map, size, spacingMm: [0.8, 0.8, 1] as const, probabilities: null, image: null };
    changed = applySteps(input, [step]).steps[0]?.changedVoxels ?? 0;
    seconds.push((performance.now() - start) / 1000);
  }
  const { labels: _, ...shown } = { labels: null, ...raw };
  console.log(
    JSON.stringify(shown).slice(0, 90).padEnd(92),
    median(seconds).toFixed(2).padStart(7),
    String(changed).padStart(9),
    (process.resourceUsage().maxRSS / 1024).toFixed(0).padStart(6),
  );
}

if (values.python !== undefined) {
  const folder = mkdtempSync(join(tmpdir(), "refine-bench-"));
  const file = join(folder, "map.raw");
  writeFileSync(file, map);
  const script = new URL("refine-steps-oracle.py", import.meta.url).pathname;
  spawnSync(values.python, [script, file, ...size.map(String), values.repeats], { stdio: "inherit" });
  rmSync(folder, { recursive: true });
}

/** Ellipsoids all over the volume, with hollow spots and specks of every label. */
function organs([sx, sy, sz]: Size3, labels: number): Uint8Array {
  const out = new Uint8Array(voxelCount([sx, sy, sz]));
  let seed = 7;
  const draw = (): number => {
    seed = (seed * 48_271) % 2_147_483_647;
    return seed / 2_147_483_647;
  };
  const ball = (label: number, at: Size3, radii: Size3): void => {
    for (let z = Math.max(0, at[2] - radii[2]); z <= Math.min(sz - 1, at[2] + radii[2]); z++) {
      for (let y = Math.max(0, at[1] - radii[1]); y <= Math.min(sy - 1, at[1] + radii[1]); y++) {
        const rest = 1 - ((y - at[1]) / radii[1]) ** 2 - ((z - at[2]) / radii[2]) ** 2;
        if (rest < 0) continue;
        const half = Math.floor(radii[0] * Math.sqrt(rest));
        const row = sx * (y + sy * z);
        out.fill(label, row + Math.max(0, at[0] - half), row + Math.min(sx, at[0] + half + 1));
      }
    }
  };
  const point = (): Size3 => [Math.floor(draw() * sx), Math.floor(draw() * sy), Math.floor(draw() * sz)];
  const radii = (least: number, most: number): Size3 => {
    const radius = (): number => Math.floor(least + draw() * (most - least));
    return [radius(), radius(), radius()];
  };
  for (let label = 1; label <= labels; label++) ball(label, point(), radii(sx / 16, sx / 7));
  for (let n = 0; n < 40 * labels; n++) ball(Math.ceil(draw() * labels), point(), radii(1, 4));
  for (let n = 0; n < 10 * labels; n++) ball(0, point(), radii(1, 3));
  return out;
}

function median(numbers: readonly number[]): number {
  return numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? 0;
}
