// What the dense CRF does to a model's answer: Dice and HD95 with and without it, case by case.
// `node --conditions=development --import tsx bench/crf-effect.ts --model hippocampus-unet3d --data <msd-hippocampus>`
// `node --conditions=development --import tsx bench/crf-effect.ts --model brain-tissue-fcm` (needs Debian's mricron-data)
// Parameters are chosen by mean Dice on training cases alone, among those of GRID; the manifest's other steps follow.
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { segmentClassical } from "#src/classical/segment-classical.js";
import { meanInterval } from "#src/evaluate/bootstrap.js";
import { evaluateCase, type LabelVolume } from "#src/evaluate/evaluate-case.js";
import { readNifti } from "#src/formats/nifti-read.js";
import { cropBox } from "#src/imaging/crop.js";
import { toNetworkGrid } from "#src/inference/network-grid.js";
import { ortSessions } from "#src/inference/ort-session.js";
import { segmentInput } from "#src/inference/segment-input.js";
import { isClassical, isNetwork } from "#src/model/classical-manifest.js";
import { folderModels } from "#src/model/model-library.js";
import { RefineStep } from "#src/model/refine-steps.js";
import { applySteps, type RefineInput } from "#src/refine/apply-steps.js";
import { makePhantom, type PhantomOptions, readAnatomy } from "./classical/phantom.js";
import { TEST_SET, TRAINING_SET } from "./classical/phantom-sets.js";

const { values: flags } = parseArgs({
  options: {
    model: { type: "string", default: "hippocampus-unet3d" },
    data: { type: "string", default: "../shared/data/msd-hippocampus" },
    training: { type: "string", default: "16" },
    validation: { type: "string", default: "1000" },
  },
});

const SMOOTHNESS = [null, { weight: 1, widthMm: 1 }, { weight: 2, widthMm: 2 }] as const;
const APPEARANCE = [
  null,
  { weight: 1, widthMm: 3, widthSd: 0.3 },
  { weight: 2, widthMm: 3, widthSd: 1 },
  { weight: 4, widthMm: 5, widthSd: 0.3 },
] as const;
/** Every pair of kernels but none at all. */
const GRID = SMOOTHNESS.flatMap((smoothness) =>
  APPEARANCE.flatMap((appearance) =>
    smoothness === null && appearance === null
      ? []
      : [
          {
            kind: "dense-crf",
            ...(smoothness === null ? {} : { smoothness }),
            ...(appearance === null ? {} : { appearance }),
          },
        ],
  ),
);
const OPTIONS = {
  tolerance: 1,
  lesions: { connectivity: 26, overlap: 0 },
  bothEmpty: "skip",
  oneEmpty: "diagonal",
} as const;

interface Case {
  readonly input: RefineInput;
  readonly truth: LabelVolume;
}

const library = folderModels(fileURLToPath(new URL("../models", import.meta.url)));
const model = await library.open(flags.model);
const { manifest } = model;
const names = manifest.labels.map(({ value, name }) => ({ name, values: [value] }));
const { training, validation } = isClassical(manifest) ? await phantoms() : await crops();

const chosen = await choose();
console.log(`chosen on ${flags.training} training cases: ${JSON.stringify(chosen)}`);
const rows: { readonly without: readonly number[]; readonly with: readonly number[] }[] = [];
for await (const one of validation()) rows.push({ without: scores(one, []), with: scores(one, [chosen]) });
console.log(`| Label | Score | Without | With | Difference (95 %) |\n| --- | --- | --- | --- | --- |`);
for (const [l, { name }] of names.entries()) {
  for (const [m, metric] of ["Dice", "HD95 (mm)"].entries()) {
    const at = 2 * l + m;
    const column = (of: (row: (typeof rows)[number]) => number): number[] => rows.map(of).filter(Number.isFinite);
    const difference = column((row) => (row.with[at] ?? 0) - (row.without[at] ?? 0));
    const [low, high] = meanInterval(difference, { resamples: 10_000, seed: 1 }) ?? [0, 0];
    const without = mean(column((row) => row.without[at] ?? 0)).toFixed(4);
    const changed = mean(column((row) => row.with[at] ?? 0)).toFixed(4);
    const interval = `${mean(difference).toFixed(4)} (${low.toFixed(4)} to ${high.toFixed(4)})`;
    console.log(`| ${name} | ${metric}, ${difference.length} cases | ${without} | ${changed} | ${interval} |`);
  }
}

/** The step of the grid with the largest mean Dice over labels and training cases; of equals the first. */
async function choose(): Promise<object> {
  const sums = GRID.map(() => 0);
  let without = 0;
  for await (const one of training()) {
    without += diceOf(scores(one, []));
    for (const [g, step] of GRID.entries()) sums[g] = (sums[g] ?? 0) + diceOf(scores(one, [step]));
  }
  const count = Number(flags.training);
  console.log(`without, training: mean Dice ${(without / count).toFixed(4)}`);
  for (const [g, step] of GRID.entries()) console.log(((sums[g] ?? 0) / count).toFixed(4), JSON.stringify(step));
  return GRID[sums.indexOf(Math.max(...sums))] ?? {};
}

/** Dice and HD95 (MONAI's) of each label in turn. */
function scores({ input, truth }: Case, first: readonly object[]): number[] {
  const steps = [...first.map((step) => RefineStep.parse(step)), ...manifest.postprocess];
  const prediction = { ...truth, data: applySteps(input, steps).labels };
  const { labels } = evaluateCase(truth, prediction, names, OPTIONS, "case");
  return labels.flatMap((label) => [label.scores.dice, label.scores.hd95Monai]);
}

function diceOf(of: readonly number[]): number {
  return mean(of.filter((_, n) => n % 2 === 0));
}

function mean(numbers: readonly number[]): number {
  return numbers.reduce((sum, value) => sum + value, 0) / numbers.length;
}

/** Cases of the workshop's split, by the network. */
async function crops() {
  if (!isNetwork(manifest)) throw new TypeError("expected a network");
  const networks = [manifest.network, ...manifest.network.folds];
  const sessions = await Promise.all(
    networks.map((one) =>
      ortSessions("cpu")({ ...manifest.network, ...one, bytes: () => library.network(model, one) }),
    ),
  );
  const split = new URL("../models/workshop/splits/hippocampus.json", import.meta.url);
  const ids: { training: string[]; validation: string[] } = JSON.parse(await readFile(split, "utf8"));
  async function* read(list: readonly string[]): AsyncGenerator<Case> {
    for (const id of list) {
      const image = readNifti(await readFile(join(flags.data, "images", `${id}.nii.gz`)));
      const data = Float32Array.from(image.data);
      const truth = readNifti(await readFile(join(flags.data, "labels", `${id}.nii.gz`)));
      const { grid, input } = toNetworkGrid([data], image, manifest as Parameters<typeof toNetworkGrid>[2]);
      const wanted = manifest.labels.map(({ value }) => value);
      const found = await segmentInput(input, grid, manifest as Parameters<typeof segmentInput>[2], sessions, {
        wanted,
      });
      const { size, spacingMm, affineRas } = image;
      const probabilities = found.probabilities && { ...found.probabilities.box, byLabel: found.probabilities.byLabel };
      yield {
        input: { labels: found.labels, size, spacingMm, probabilities, image: data },
        truth: { size, spacingMm, affineRas, data: Uint8Array.from(truth.data) },
      };
    }
  }
  // Evenly over the list: its order is that of the data set.
  const every = Math.floor(ids.training.length / Number(flags.training));
  const some = ids.training.filter((_, n) => n % every === 0).slice(0, Number(flags.training));
  return {
    training: () => read(some),
    validation: () => read(ids.validation.slice(0, Number(flags.validation))),
  };
}

/** Slices in the middle of brain phantoms, by a classical method. */
async function phantoms() {
  if (!isClassical(manifest)) throw new TypeError("expected a classical method");
  const { classical } = manifest;
  const anatomy = await readAnatomy();
  async function* make(list: readonly PhantomOptions[]): AsyncGenerator<Case> {
    for (const options of list) {
      const whole = makePhantom(anatomy, options);
      const found = segmentClassical({ ...whole, channels: [whole.image] }, classical);
      const size = [whole.size[0], whole.size[1], 12] as const;
      const slab = { start: [0, 0, 42], size } as const;
      const byLabel = new Map(
        [...(found.probabilities ?? [])].map(([label, p]) => [label, cropBox(p, whole.size, slab)]),
      );
      // A voxel of tumour has no label of this method.
      const truth = cropBox(whole.truth, whole.size, slab);
      yield {
        input: {
          labels: cropBox(found.labels, whole.size, slab),
          size,
          spacingMm: whole.spacingMm,
          probabilities: { start: [0, 0, 0], size, byLabel },
          image: cropBox(whole.image, whole.size, slab),
        },
        truth: { size, spacingMm: whole.spacingMm, affineRas: whole.affineRas, data: truth },
      };
    }
  }
  return {
    training: () => make(TRAINING_SET.slice(0, Number(flags.training))),
    validation: () => make(TEST_SET.slice(0, Number(flags.validation))),
  };
}
