// Times of the classical kernels on one made-up volume, beside scikit-image and SimpleITK (speed.py) in turn:
// `node --conditions=development --import tsx bench/classical/speed.ts <python> [part of a row's name]`; the Python needs numpy, scipy,
// scikit-image and SimpleITK. Medians of three; one thread on both sides but for SimpleITK, which is held to one.
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Size3 } from "#src/imaging/affine.js";
import { chanVese } from "#src/imaging/classical/chan-vese.js";
import { quantileCentres, thinned } from "#src/imaging/classical/clusters.js";
import { fuzzyCMeans, fuzzyMemberships } from "#src/imaging/classical/fuzzy-c-means.js";
import { gaussianGradientMagnitude } from "#src/imaging/classical/gaussian.js";
import { geodesicContour, inverseGaussianGradient } from "#src/imaging/classical/geodesic-contour.js";
import { kMeans, nearestCentres } from "#src/imaging/classical/k-means.js";
import { growRegion } from "#src/imaging/classical/region-growing.js";
import { slic } from "#src/imaging/classical/slic.js";
import { watershed } from "#src/imaging/classical/watershed.js";
import { seededRandom } from "./random.js";

const RUNS = 3;
const size: Size3 = [256, 256, 128];
const voxels = size[0] * size[1] * size[2];
const python = process.argv[2];

const random = seededRandom(5);
const image = new Float32Array(voxels);
const start = new Uint8Array(voxels);
const markers = new Int32Array(voxels);
for (let i = 0; i < voxels; i++) {
  const [x, y, z] = [i % 256, (i >> 8) % 256, i >> 16];
  const inBall = (x - 120) ** 2 + (y - 130) ** 2 + 3 * (z - 60) ** 2 < 80 ** 2;
  image[i] = Math.round((inBall ? 100 : 40) + 8 * random.normal());
  start[i] = (x - 110) ** 2 + (y - 120) ** 2 + 3 * (z - 60) ** 2 < 60 ** 2 ? 1 : 0;
  if (i % 50_021 === 7) markers[i] = 1 + ((i / 50_021) | 0);
}
const seed = 120 + 256 * (130 + 256 * 60);
const spots = Int32Array.from({ length: 8 }, (_, n) => seed + n);
const gradient = gaussianGradientMagnitude(image, size, 1);
const edges = inverseGaussianGradient(image, size, 1, 1);
const contour = { iterations: 20, smoothing: 1 };
const rows: readonly (readonly [name: string, run: () => unknown])[] = [
  ["region growing", () => growRegion(image, size, spots, { low: 70, high: 200 })],
  ["gradient magnitude", () => gaussianGradientMagnitude(image, size, 1)],
  ["chan-vese, 20 rounds", () => chanVese(image, size, start, { ...contour, lambdaInside: 1, lambdaOutside: 1 })],
  [
    "geodesic contour, 20 rounds",
    () => geodesicContour(edges, size, start, { ...contour, balloon: 1, threshold: 0.5 }),
  ],
  ["watershed", () => watershed(gradient, size, markers)],
  [
    "slic, 2,048 superpixels, 10 rounds",
    () =>
      slic([image], size, { stepVox: [16, 16, 16], spacing: [1, 1, 1], edge: 16, compactness: 0.1, iterations: 10 }),
  ],
  [
    "k-means, 3 clusters, 20 rounds",
    () =>
      nearestCentres(
        [image],
        kMeans([image], quantileCentres(thinned([image], 10_000), 3), { iterations: 20, tolerance: 0 }),
      ),
  ],
  [
    "fuzzy c-means, 3 clusters, fitted on 200,000 voxels",
    () => {
      const fit = thinned([image], 200_000);
      const options = { fuzziness: 2, iterations: 100, tolerance: 1e-4 };
      return fuzzyMemberships([image], fuzzyCMeans(fit, quantileCentres(fit, 3), options), 2);
    },
  ],
];

const folder = mkdtempSync(join(tmpdir(), "classical-speed-"));
for (const [name, data] of Object.entries({ image, start, markers, gradient, edges })) {
  writeFileSync(join(folder, `${name}.bin`), new Uint8Array(data.buffer));
}
console.log("| Kernel, 256 x 256 x 128 | scanlane (s) | reference (s) | ratio |\n| --- | --- | --- | --- |");
for (const [name, run] of rows.filter(([name]) => name.includes(process.argv[3] ?? ""))) {
  const times: number[] = [];
  for (let n = 0; n < RUNS; n++) {
    const started = performance.now();
    run();
    times.push((performance.now() - started) / 1000);
  }
  const ours = times.sort((a, b) => a - b)[RUNS >> 1] ?? 0;
  const theirs = python === undefined ? Number.NaN : referenceSeconds(python, name);
  const cells = Number.isNaN(theirs) ? "- | -" : `${theirs.toFixed(2)} | ${(ours / theirs).toFixed(2)}`;
  console.log(`| ${name} | ${ours.toFixed(2)} | ${cells} |`);
}
rmSync(folder, { recursive: true });

/** Right after ours, so that both see the machine in the same state. */
function referenceSeconds(interpreter: string, name: string): number {
  const script = fileURLToPath(new URL("./speed.py", import.meta.url));
  return Number(execFileSync(interpreter, [script, folder, name, String(RUNS)], { encoding: "utf8" }));
}
