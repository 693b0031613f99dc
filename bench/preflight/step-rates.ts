import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { segmentClassical } from "#src/classical/segment-classical.js";
import type { Size3 } from "#src/imaging/affine.js";
import { voxelCount } from "#src/imaging/volume.js";
import { ortSessions, THREADS_ALONE } from "#src/inference/ort-session.js";
import { watchPeak } from "#src/inference/peak-memory.js";
import { runOnce } from "#src/inference/run-once.js";
import { ClassicalMethod } from "#src/model/classical-method.js";
import { RefineStep } from "#src/model/refine-steps.js";
import { applyStepsWith } from "#src/refine/apply-steps.js";
import { seededRandom } from "../classical/random.js";

// What each step after a network, and each classical method, takes for each voxel: seconds of a processor, and the most
// that its process holds beyond what was handed over. Each is a process of its own, on made-up volumes of two sizes, with
// 2 labels (or 8 where it says so): the constants of `src/refine/predict-steps.ts` and `src/classical/predict-method.ts`.
// node --conditions=development --import tsx bench/preflight/step-rates.ts [part of a kind's name]

const SIZES: readonly Size3[] = [
  [128, 128, 96],
  [192, 192, 144],
];
/** Of what takes seconds for each thousand voxels. */
const SMALL: readonly Size3[] = [
  [48, 48, 32],
  [64, 64, 48],
];
const ONE = [1];
const BOTH = [1, 2];
const CRF = {
  smoothness: { weight: 2, widthMm: 2 },
  appearance: { weight: 3, widthMm: 10, widthSd: 0.5 },
};
const STEPS: readonly object[] = [
  { kind: "threshold", labels: BOTH, probability: 0.5 },
  { kind: "threshold", labels: BOTH, probability: 0.5, from: "probabilities" },
  { kind: "otsu", labels: BOTH },
  { kind: "otsu", labels: BOTH, source: "image" },
  { kind: "hysteresis", labels: BOTH, low: 0.3, high: 0.7 },
  { kind: "score-triplet", labels: BOTH, topScore: 0.7, bottomScore: 0.3, minVoxels: 10 },
  { kind: "largest-component", labels: BOTH },
  { kind: "remove-small", labels: BOTH, minVoxels: 100 },
  { kind: "fill-holes", labels: BOTH },
  { kind: "fill-holes", labels: BOTH, dimensions: 2 },
  { kind: "morphology", labels: BOTH, operation: "open", radiusMm: 3 },
  { kind: "keep-near", labels: ONE, anatomy: [2], withinMm: 10 },
  { kind: "screen-components", labels: BOTH, shape: { maxElongation: 4 } },
  { kind: "superpixel-vote", edgeMm: 10 },
  { kind: "superpixel-vote", edgeMm: 10, use: "probabilities" },
  { kind: "chan-vese", labels: BOTH },
  { kind: "geodesic-contour", labels: BOTH },
  { kind: "region-grow", labels: BOTH, withinMm: 10 },
  { kind: "watershed", bandMm: 4 },
  { kind: "dense-crf", ...CRF, iterations: 5 },
  { kind: "dense-crf", ...CRF, iterations: 10 },
  { kind: "dense-crf", ...CRF, iterations: 5, labels8: true },
  { kind: "dense-crf", ...CRF, iterations: 5, dimensions: 2 },
  { kind: "dense-crf", smoothness: CRF.smoothness, iterations: 5 },
  { kind: "dense-crf", smoothness: { weight: 2, widthMm: 1 }, appearance: { weight: 3, widthMm: 3, widthSd: 0.2 } },
  { kind: "conv-crf", ...CRF, iterations: 5, radiusMm: 2 },
  { kind: "conv-crf", ...CRF, iterations: 5, radiusMm: 3 },
];
const clusters = { labels: [1, 2, 3], mask: "all" };
const layers = (inputs: number) => ({
  hidden: { weights: Array.from({ length: 8 }, () => new Array(inputs).fill(0.1)), bias: new Array(8).fill(0) },
  output: { weights: Array.from({ length: 4 }, () => new Array(8).fill(0.1)), bias: new Array(4).fill(0) },
});
const fuzzy = Array.from({ length: 4 }, () => [-1, 0, 1].map((centre) => ({ centre, width: 1 })));
const METHODS: readonly object[] = [
  { kind: "k-means", ...clusters },
  { kind: "k-means", ...clusters, flattenMm: 30, smoothMm: [0, 2] },
  { kind: "fuzzy-c-means", ...clusters },
  { kind: "fuzzy-c-means", ...clusters, flattenMm: 30, smoothMm: [0, 2] },
  { kind: "fuzzy-neuro", labels: [1, 2, 3, 4], flattenMm: 30, smoothMm: [0, 2, 4, 8], memberships: [], ...layers(4) },
  {
    kind: "fuzzy-neuro",
    labels: [1, 2, 3, 4],
    flattenMm: 30,
    smoothMm: [0, 2, 4, 8],
    memberships: fuzzy,
    ...layers(12),
  },
  { kind: "region-growing", seeds: { rule: "above-percentile", percentile: 99 }, accept: { rule: "otsu" } },
  { kind: "region-growing", seeds: { rule: "above-percentile", percentile: 99 }, accept: { rule: "confidence" } },
  { kind: "chan-vese" },
  { kind: "chan-vese", start: "checkerboard" },
  { kind: "geodesic-contour" },
  { kind: "watershed", backgroundPercentile: 30, objectPercentile: 95 },
];

const [, , given = "", sizeText] = process.argv;
if (sizeText === undefined) {
  for (const [what, all] of [
    ["step", STEPS],
    ["method", METHODS],
  ] as const) {
    for (const [n, one] of all.entries()) {
      if (!`${what} ${JSON.stringify(one)}`.includes(given)) continue;
      const cells = (JSON.stringify(one).includes("conv-crf") ? SMALL : SIZES).map((size) => {
        const args = ["--conditions=development", "--import", "tsx", "--expose-gc", fileURLToPath(import.meta.url)];
        const { stdout, stderr } = spawnSync(process.execPath, [...args, `${what}:${n}`, size.join("x")], {
          encoding: "utf8",
        });
        return stdout.trim() || stderr.slice(-300);
      });
      console.log(`${JSON.stringify(one).slice(0, 110).padEnd(112)} ${cells.join(" | ")}`);
    }
  }
} else {
  const [what, n = "0"] = given.split(":");
  const [x = 0, y = 0, z = 0] = sizeText.split("x").map(Number);
  await measure(what === "step" ? STEPS[Number(n)] : METHODS[Number(n)], what === "step", [x, y, z]);
}

async function measure(raw: object | undefined, isStep: boolean, size: Size3): Promise<void> {
  const { labels8 = false, ...fields } = { ...raw } as { labels8?: boolean };
  const { image, labels, byLabel } = phantom(size, labels8 ? 8 : 2);
  drawThrough(labels, size, 2);
  const spacingMm = [1, 1, 1] as const;
  globalThis.gc?.();
  const before = process.memoryUsage.rss();
  const peak = watchPeak();
  const cpu = process.cpuUsage();
  if (isStep) {
    const probabilities = { start: [0, 0, 0] as const, size, byLabel };
    const run = runOnce(ortSessions("cpu", { threads: THREADS_ALONE }));
    await applyStepsWith({ labels, size, spacingMm, probabilities, image }, [RefineStep.parse(fields)], run);
  } else {
    const affineRas = [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0] as const;
    segmentClassical({ size, affineRas, spacingMm, channels: [image] }, ClassicalMethod.parse(fields));
  }
  const { user, system } = process.cpuUsage(cpu);
  const voxels = voxelCount(size);
  const bytes = (peak() - before) / voxels;
  console.log(`${bytes.toFixed(0)} B, ${(((user + system) * 1e3) / voxels).toFixed(0)} ns`);
}

/** A ball for each label in noise, with specks and soft outlines. */
function phantom([nx, ny, nz]: Size3, count: number) {
  const random = seededRandom(11);
  const voxels = nx * ny * nz;
  const image = new Float32Array(voxels);
  const labels = new Uint8Array(voxels);
  const byLabel = new Map(Array.from({ length: count }, (_, n) => [n + 1, new Float32Array(voxels)] as const));
  const centres = Array.from({ length: count }, () => [
    nx * random.uniform(0.2, 0.8),
    ny * random.uniform(0.2, 0.8),
    nz * random.uniform(0.2, 0.8),
  ]);
  const radius = nx / (count > 2 ? 9 : 5);
  let i = 0;
  for (let z = 0; z < nz; z++) {
    for (let y = 0; y < ny; y++) {
      for (let x = 0; x < nx; x++, i++) {
        let nearest = 0;
        let inside = Number.NEGATIVE_INFINITY;
        for (const [n, [cx = 0, cy = 0, cz = 0]] of centres.entries()) {
          const depth = radius - Math.hypot(x - cx, y - cy, z - cz);
          if (depth > inside) [inside, nearest] = [depth, n + 1];
        }
        const noise = random.normal();
        image[i] = Math.round((inside > 0 ? 60 + 20 * nearest : 40) + 8 * noise);
        const p = 1 / (1 + Math.exp(-inside / 2 - noise / 2));
        (byLabel.get(nearest) as Float32Array)[i] = p;
        labels[i] = p > 0.5 ? nearest : 0;
      }
    }
  }
  return { image, labels, byLabel };
}

/** A line of each label from corner to corner: boxes around labels and their components are the whole volume. */
function drawThrough(labels: Uint8Array, [nx, ny, nz]: Size3, count: number): void {
  for (let z = 0; z < nz; z++) {
    const [x, y] = [Math.floor((z * nx) / nz), Math.floor((z * ny) / nz)];
    for (let label = 1; label <= count; label++) {
      for (let d = 0; d < 3; d++)
        labels[Math.min(nx - 1, x + d) + nx * (label === 1 ? y : ny - 1 - y) + nx * ny * z] = label;
    }
  }
}
