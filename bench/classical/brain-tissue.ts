// Compares classifiers of brain tissue on phantoms with known tissues and writes docs/bench/brain-tissue.md, and the scores
// of those that are models into their manifests and cards:
// `node --conditions=development --import tsx bench/classical/brain-tissue.ts [folder for volumes to look at]`
// Needs Debian's mricron-data; a few minutes.
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { segmentClassical } from "#src/classical/segment-classical.js";
import { overlapOfLabels } from "#src/evaluate/overlap.js";
import { writeNifti } from "#src/formats/nifti-write.js";
import { isClassical } from "#src/model/classical-manifest.js";
import type { ClassicalMethod, MethodOf } from "#src/model/classical-method.js";
import { folderModels } from "#src/model/model-library.js";
import { makePhantom, readAnatomy, TISSUES } from "./phantom.js";
import { NOISE_PERCENT, TEST_BIAS_PERCENT, TEST_SET, TRAINING_SET } from "./phantom-sets.js";
import { seededRandom } from "./random.js";
import { writeScores } from "./write-scores.js";

/** Resamplings of the mean for its interval. */
const BOOTSTRAPS = 10_000;

const library = folderModels(fileURLToPath(new URL("../../models", import.meta.url)));
const kMeans = await methodOf<"k-means">("brain-tissue-kmeans");
const fuzzy = await methodOf<"fuzzy-c-means">("brain-tissue-fcm");
/** With a cluster for tumour, between CSF and grey matter in brightness. */
const withTumour = [1, 4, 2, 3];
const METHODS: readonly { readonly name: string; readonly id?: string; readonly method: ClassicalMethod }[] = [
  { ...packaged("k-means, 3 clusters", "brain-tissue-kmeans"), method: kMeans },
  { name: "k-means, 4 clusters", method: { ...kMeans, labels: withTumour } },
  { ...packaged("fuzzy c-means, 3 clusters", "brain-tissue-fcm"), method: fuzzy },
  { name: "fuzzy c-means, 4 clusters", method: { ...fuzzy, labels: withTumour } },
  { ...packaged("plain neural network", "brain-tissue-neural"), method: await methodOf("brain-tissue-neural") },
  { ...packaged("fuzzy-neuro", "brain-tissue-fuzzy-neuro"), method: await methodOf("brain-tissue-fuzzy-neuro") },
];

/** Dice of each tissue: `dice[method][phantom][tissue]`. */
const dice: number[][][] = METHODS.map(() => []);
const seconds: number[][] = METHODS.map(() => []);
const folder = process.argv[2];
const anatomy = await readAnatomy();
for (const [n, options] of TEST_SET.entries()) {
  const phantom = makePhantom(anatomy, options);
  const tissues = TISSUES.map((_, t) => t + 1);
  for (const [m, { method }] of METHODS.entries()) {
    const started = performance.now();
    const { labels } = segmentClassical({ ...phantom, channels: [phantom.image] }, method);
    seconds[m]?.push((performance.now() - started) / 1000);
    dice[m]?.push(overlapOfLabels(labels, phantom.truth, tissues).map((overlap) => overlap.dice));
    if (folder !== undefined) await save(folder, `p${n}-m${m}`, phantom, labels);
  }
  if (folder !== undefined) {
    await save(folder, `p${n}-image`, phantom, Int16Array.from(phantom.image));
    await save(folder, `p${n}-truth`, phantom, phantom.truth);
  }
  console.log(`${n + 1} of ${TEST_SET.length}: ${JSON.stringify(options)}`);
}
await writeFile(fileURLToPath(new URL("../../docs/bench/brain-tissue.md", import.meta.url)), page());
for (const [m, { id }] of METHODS.entries()) {
  if (id === undefined) continue;
  const { labels } = (await library.open(id)).manifest;
  const scores = labels.map(({ name, value }) => {
    const { mean, low, high } = scoreOf(m, value - 1);
    const split = "test: other seeds, bias and tumour side than training";
    const facts = { dataset: "brain phantoms of bench/classical", split, label: name, metric: "Dice" };
    return { ...facts, mean, interval: [low, high] as [number, number], cases: TEST_SET.length };
  });
  const rows = scores.map(
    ({ label, mean, interval, cases }) =>
      `| ${label} | ${mean.toFixed(3)} | ${interval.map((end) => end.toFixed(3)).join("-")} | ${cases} |`,
  );
  await writeScores(id, scores, [header(["Label", "Dice, mean", "95 % interval", "Phantoms"]), ...rows]);
}

async function methodOf<Kind extends ClassicalMethod["kind"]>(id: string): Promise<MethodOf<Kind>> {
  const { manifest } = await library.open(id);
  if (!isClassical(manifest)) throw new TypeError(`${id} has a network, expected a classical method`);
  return manifest.classical as MethodOf<Kind>;
}

async function save(to: string, name: string, grid: Parameters<typeof writeNifti>[0] | object, data: unknown) {
  await mkdir(to, { recursive: true });
  await writeFile(
    join(to, `${name}.nii`),
    writeNifti({ ...(grid as Parameters<typeof writeNifti>[0]), data } as never),
  );
}

function columnOf(method: number, tissue: number, isWanted = (_phantom: number): boolean => true): number[] {
  return (dice[method] ?? []).filter((_, p) => isWanted(p)).map((row) => row[tissue] ?? 0);
}

function summary(values: readonly number[]): { mean: number; low: number; high: number } {
  const random = seededRandom(99);
  const mean = (of: readonly number[]): number => of.reduce((sum, value) => sum + value, 0) / of.length;
  const draws = Array.from({ length: BOOTSTRAPS }, () =>
    mean(values.map(() => values[Math.floor(random.uniform(0, values.length))] ?? 0)),
  ).sort((a, b) => a - b);
  return { mean: mean(values), low: draws[BOOTSTRAPS * 0.025] ?? 0, high: draws[BOOTSTRAPS * 0.975] ?? 0 };
}

/** Over all phantoms, to the digits that a manifest has: page, manifest and card then round the same number. */
function scoreOf(m: number, t: number): ReturnType<typeof summary> {
  const { mean, low, high } = summary(columnOf(m, t));
  const rounded = (value: number): number => Math.round(value * 10_000) / 10_000;
  return { mean: rounded(mean), low: rounded(low), high: rounded(high) };
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0;
}

function packaged(name: string, id: string): { readonly name: string; readonly id: string } {
  return { name: `${name} (\`${id}\`)`, id };
}

function header(heads: readonly string[]): string {
  return `| ${heads.join(" | ")} |\n|${" --- |".repeat(heads.length)}`;
}

function page(): string {
  const cell = (m: number, t: number): string => {
    const { mean, low, high } = scoreOf(m, t);
    return mean === 0 ? "-" : `${mean.toFixed(3)} (${low.toFixed(3)}-${high.toFixed(3)})`;
  };
  const all = METHODS.map(({ name }, m) => `| ${name} | ${TISSUES.map((_, t) => cell(m, t)).join(" | ")} |`);
  const byLevel = (levels: readonly number[], of: "noisePercent" | "biasPercent"): string[] =>
    METHODS.map(({ name }, m) => {
      const cells = levels.map((level) => {
        const isWanted = (p: number): boolean => TEST_SET[p]?.[of] === level;
        return TISSUES.map((_, t) => {
          const { mean } = summary(columnOf(m, t, isWanted));
          return mean === 0 ? "-" : mean.toFixed(2);
        }).join(" / ");
      });
      return `| ${name} | ${cells.join(" | ")} |`;
    });
  return `# Brain tissue by classical methods

Written by \`bench/classical/brain-tissue.ts\`: do not edit by hand. Models trained by \`bench/classical/train.ts\`.

${TEST_SET.length} test phantoms, ${TRAINING_SET.length} training phantoms (for the two networks alone). A phantom has the tissues of one real brain (Colin 27, \`ch2bet\` of Debian's mricron-data, k-means of its intensities), turned, stretched and bent by a seed, an ellipsoid of tumour (radii 8 to 17 mm, darker than grey and brighter than CSF), voxels of 2 mm that mix eight points each, made-up brightness with texture, a bias field and Rician noise. The truth is what most points of a voxel hold. Training and test differ in seed, in bias (10 and 30 % against ${TEST_BIAS_PERCENT.join(", ")} %) and in the side of the tumour (left against right). All are bent from the same head, so the numbers say how methods compare on such images and nothing about people.

## Dice, mean over all test phantoms

In brackets: 95 % bootstrap interval of the mean over phantoms. A dash: the method has no such class; a tumour then counts as an error of the tissue that it is given to.

${header(["Method", "CSF", "Grey matter", "White matter", "Tumour"])}
${all.join("\n")}

## By noise (% of white matter's brightness)

CSF / grey matter / white matter / tumour, over all bias fields.

${header(["Method", ...NOISE_PERCENT.map((level) => `${level} %`)])}
${byLevel(NOISE_PERCENT, "noisePercent").join("\n")}

## By bias field (range in %)

${header(["Method", ...TEST_BIAS_PERCENT.map((level) => `${level} %`)])}
${byLevel(TEST_BIAS_PERCENT, "biasPercent").join("\n")}

## Time

Median of one phantom (92 x 110 x 92 voxels) on one core of a shared machine: ${METHODS.map(({ name }, m) => `${name.split(" (")[0]} ${median(seconds[m] ?? []).toFixed(1)} s`).join("; ")}.
`;
}
