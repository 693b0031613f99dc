// Dice of `bright-region` on made-up ellipsoids, beside Otsu's threshold alone and region growing, written into its
// manifest and card:
// `node --conditions=development --import tsx bench/classical/bright-region.ts`
import { fileURLToPath } from "node:url";
import { segmentClassical } from "#src/classical/segment-classical.js";
import { overlapOfLabels } from "#src/evaluate/overlap.js";
import type { Affine, Size3 } from "#src/imaging/affine.js";
import { gaussianSmooth } from "#src/imaging/classical/gaussian.js";
import { otsuThreshold } from "#src/imaging/otsu.js";
import { isClassical } from "#src/model/classical-manifest.js";
import { ClassicalMethod } from "#src/model/classical-method.js";
import { folderModels } from "#src/model/model-library.js";
import { applySteps } from "#src/refine/apply-steps.js";
import { seededRandom } from "./random.js";
import { writeScores } from "./write-scores.js";

const CASES = 10;
/** Contrast over the standard deviation of the noise. */
const CONTRASTS = [6, 3, 2];
const size: Size3 = [64, 64, 48];
const affineRas: Affine = [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0];
const spacingMm = [1, 1, 1] as const;

const { manifest } = await folderModels(fileURLToPath(new URL("../../models", import.meta.url))).open("bright-region");
if (!isClassical(manifest)) throw new TypeError("bright-region has a network, expected a classical method");
const growing = ClassicalMethod.parse({
  kind: "region-growing",
  seeds: { rule: "above-percentile", percentile: 99.5 },
  accept: { rule: "otsu" },
});

const table = ["| Contrast to noise | Otsu alone | region growing | bright-region |", "| --- | --- | --- | --- |"];
const scores: Parameters<typeof writeScores>[1] = [];
for (const contrast of CONTRASTS) {
  const dice: [number[], number[], number[]] = [[], [], []];
  for (let seed = 1; seed <= CASES; seed++) {
    const { image, truth } = ellipsoid(seed, contrast);
    const threshold = otsuThreshold(image);
    const input = { size, affineRas, spacingMm, channels: [image] };
    const contour = segmentClassical(input, manifest.classical).labels;
    const maps = [
      Uint8Array.from(image, (value) => (value > threshold ? 1 : 0)),
      segmentClassical(input, growing).labels,
      applySteps({ labels: contour, size, spacingMm, probabilities: null, image }, manifest.postprocess).labels,
    ];
    for (const [n, map] of maps.entries()) dice[n]?.push(overlapOfLabels(map, truth, [1])[0]?.dice ?? 0);
  }
  const means = dice.map((values) => values.reduce((sum, value) => sum + value, 0) / values.length);
  const cells = dice.map(
    (values, n) => `${means[n]?.toFixed(3)} (${Math.min(...values).toFixed(3)}-${Math.max(...values).toFixed(3)})`,
  );
  table.push(`| ${contrast} | ${cells.join(" | ")} |`);
  scores.push({
    dataset: `made-up ellipsoids, contrast to noise ${contrast}`,
    split: "test: nothing was trained",
    label: "bright-region",
    metric: "Dice",
    mean: Math.round(1000 * (means[2] ?? 0)) / 1000,
    cases: CASES,
  });
}
await writeScores("bright-region", scores, table);
console.log(table.join("\n"));

/** An ellipsoid with radii of 6 to 16 voxels, its edge blurred by one, in noise. */
function ellipsoid(seed: number, contrast: number): { image: Float32Array; truth: Uint8Array } {
  const random = seededRandom(seed);
  const centre = [0, 1, 2].map(() => random.uniform(20, 28));
  const radii = [0, 1, 2].map(() => random.uniform(6, 16));
  const truth = new Uint8Array(size[0] * size[1] * size[2]);
  for (let i = 0; i < truth.length; i++) {
    const at = [i % 64, (i >> 6) % 64, i >> 12];
    const distance = at.reduce((sum, v, axis) => sum + ((v - (centre[axis] ?? 0)) / (radii[axis] ?? 1)) ** 2, 0);
    truth[i] = distance < 1 ? 1 : 0;
  }
  const image = gaussianSmooth(Float32Array.from(truth), size, [1, 1, 1]);
  for (let i = 0; i < image.length; i++) image[i] = contrast * (image[i] ?? 0) + random.normal();
  return { image, truth };
}
