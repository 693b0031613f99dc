import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { evaluateCase } from "#src/evaluate/evaluate-case.js";
import { METRIC_KEYS } from "#src/evaluate/metrics.js";
import { writeNifti } from "#src/formats/nifti-write.js";
import type { Size3, Vec3 } from "#src/imaging/affine.js";

/**
 * All scores of a pair of label maps of 512 x 512 x 300 voxels with five organs, and of one of these beside MONAI, MedPy
 * and surface-distance, each of which gives a part of them.
 *
 * @example node --conditions=development --import tsx bench/evaluate.ts --python <python with the three>
 */
const { values } = parseArgs({
  options: { python: { type: "string", default: "python3" }, repeats: { type: "string", default: "3" } },
});
const size: Size3 = [512, 512, 300];
const spacingMm: Vec3 = [0.8, 0.8, 1.5];
/** Centre and radii as shares of the grid. */
const ORGANS = [
  [0.35, 0.45, 0.5, 0.17, 0.14, 0.3],
  [0.68, 0.4, 0.55, 0.07, 0.06, 0.15],
  [0.6, 0.65, 0.4, 0.05, 0.05, 0.14],
  [0.4, 0.68, 0.4, 0.05, 0.05, 0.14],
  [0.5, 0.55, 0.6, 0.03, 0.12, 0.05],
] as const;

/** The organ that all are timed on: as large as a spleen. */
const ONE = "2";

/** Ellipsoids with a wavy surface; another phase makes another outline. */
function organs(phase: number): Uint8Array {
  const out = new Uint8Array(size[0] * size[1] * size[2]);
  let i = 0;
  for (let z = 0; z < size[2]; z++) {
    for (let y = 0; y < size[1]; y++) {
      const wave = 1 + 0.04 * Math.sin(y * 0.11 + z * 0.07 + phase);
      for (let x = 0; x < size[0]; x++, i++) {
        for (const [n, [cx, cy, cz, rx, ry, rz]] of ORGANS.entries()) {
          const a = (x / size[0] - cx) / rx;
          const b = (y / size[1] - cy) / ry;
          const c = (z / size[2] - cz) / rz;
          if (a * a + b * b + c * c < wave) out[i] = n + 1;
        }
      }
    }
  }
  return out;
}

const folder = mkdtempSync(join(tmpdir(), "evaluate-"));
try {
  const grid = { size, spacingMm, affineRas: [0.8, 0, 0, 0, 0, 0.8, 0, 0, 0, 0, 1.5, 0] as const };
  const [truth, prediction] = [organs(0), organs(1.3)];
  const files = [truth, prediction].map((data, n) => {
    const path = join(folder, `${n}.nii`);
    writeFileSync(path, writeNifti({ ...grid, data }));
    return path;
  });
  const options = {
    tolerance: 2,
    lesions: { connectivity: 26, overlap: 0 },
    bothEmpty: "skip",
    oneEmpty: "skip",
  } as const;
  const pair = [
    { ...grid, data: truth },
    { ...grid, data: prediction },
  ] as const;
  const timed = (labels: Parameters<typeof evaluateCase>[2]) => {
    const seconds: number[] = [];
    let labelScores: ReturnType<typeof evaluateCase>["labels"] = [];
    for (let n = 0; n < Number(values.repeats); n++) {
      const started = performance.now();
      labelScores = evaluateCase(...pair, labels, options, "the pair").labels;
      seconds.push((performance.now() - started) / 1000);
    }
    return { labelScores, median: seconds.toSorted((a, b) => a - b)[Math.floor(seconds.length / 2)] ?? 0 };
  };
  const all = timed(null);
  const count = Object.keys(all.labelScores[0]?.scores ?? {}).length;
  const peakMb = Math.round(process.resourceUsage().maxRSS / 1024);
  console.log(`ours, ${count} scores of ${ORGANS.length} labels: ${all.median.toFixed(2)} s, peak ${peakMb} MB`);
  const one = timed([{ name: ONE, values: [Number(ONE)] }]);
  console.log(`ours, ${count} scores of one: ${one.median.toFixed(2)} s`);
  const oracle: { seconds: Record<string, number>; scores: Record<string, number> } = JSON.parse(
    execFileSync(values.python, [join(import.meta.dirname, "evaluate-oracle.py"), ...files, ONE, values.repeats], {
      encoding: "utf8",
    }),
  );
  for (const [name, time] of Object.entries(oracle.seconds)) console.log(`${name}: ${time.toFixed(2)} s`);
  const found = one.labelScores[0]?.scores;
  for (const key of METRIC_KEYS.filter((name) => name in oracle.scores)) {
    const apart = Math.abs((found?.[key] ?? Number.NaN) - (oracle.scores[key] ?? Number.NaN));
    console.log(`${key}: ${found?.[key]}, apart by ${apart.toExponential(1)}`);
  }
} finally {
  rmSync(folder, { recursive: true });
}
