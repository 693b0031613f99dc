import { mkdir, mkdtemp, readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { readNifti } from "#src/formats/nifti-read.js";
import { writeNifti } from "#src/formats/nifti-write.js";
import type { ModelManifest } from "#src/model/manifest.js";
import { RefineSteps } from "#src/model/refine-steps.js";
import { scanlane } from "../support/cli.js";
import { pointwiseNetwork } from "../support/onnx-file.js";
import { ensembleOf } from "../support/tiny-ensemble.js";
import { brightManifest, modelsFolderWith } from "../support/tiny-models.js";

/** Two regions, what is above 100 and in it what is above 200, with a step that decides them anew. */
const network = pointwiseNetwork(3, [1, 1], [-100, -200]);
const base = brightManifest(network);
const [bright] = base.labels;
const labels = ["whole", "core"].flatMap((name, n) => (bright ? [{ ...bright, value: n + 1, name }] : []));
const regions: ModelManifest = {
  ...base,
  id: "regions",
  activation: { regions: [1, 2] },
  labels,
  postprocess: [{ kind: "threshold", labels: [1, 2], probability: 0.5, from: "probabilities" }],
};
/** Starts from labels, and what follows names a label that an image may not have. */
const smoothed: ModelManifest = {
  ...regions,
  id: "smoothed",
  postprocess: RefineSteps.parse([
    {
      kind: "dense-crf",
      unary: { from: "labels", confidence: 0.9 },
      smoothness: { weight: 0.1, widthMm: 1 },
      penalties: [[0, 1, 1], [1, 0, 5], [1, 5, 0]], // biome-ignore format: a matrix
    },
    { kind: "threshold", labels: [1, 2], probability: 0.6 },
  ]),
};
/** Looks for the region in the image, and then asks how probable it is. */
const screened: ModelManifest = {
  ...regions,
  id: "screened",
  postprocess: RefineSteps.parse([
    { kind: "otsu", labels: [1], source: "image" },
    { kind: "screen-components", labels: [1], score: { statistic: "mean", min: 0.5 } },
  ]),
};
const size = [6, 4, 4] as const;
/** Each row the same. */
const repeated = (row: readonly number[]) => Array.from({ length: 96 }, (_, i) => row[i % 6] ?? 0);

let models: string;

beforeAll(async () => {
  const other = { ...regions, id: "other" };
  models = await modelsFolderWith([regions, other, smoothed, screened].map((manifest) => ({ manifest, network })));
  const together = ensembleOf([
    [regions, 1],
    [other, 1],
  ]);
  await mkdir(join(models, "together"));
  await writeFile(join(models, "together", "manifest.json"), JSON.stringify(together));
});

/** Labels of a volume whose rows are all the same. */
async function labelsOf(row: readonly number[], model: string): Promise<number[]> {
  const out = await mkdtemp(join(tmpdir(), "steps-out-"));
  const affineRas = [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0] as const;
  const data = Float32Array.from(repeated(row));
  const upload = join(out, "volume.nii");
  await writeFile(upload, writeNifti({ size, affineRas, spacingMm: [1, 1, 1], data }));
  const flags = ["--model", model, "--models", models, "--out", join(out, "results"), "--json"];
  const { stdout } = await scanlane(["run", upload, ...flags]);
  const { folder } = JSON.parse(stdout).outcomes[0];
  return [...readNifti(await readFile(join(folder, "labels.nii.gz"))).data];
}

describe("the steps of a model", () => {
  it.each(["regions", "together"])("keep an inner region where they decide anew: %s", async (model) => {
    expect(await labelsOf([10, 150, 300, 250, 120, 60], model)).toEqual(repeated([0, 1, 2, 2, 1, 0]));
  });

  it("do nothing to a label that an image does not have", async () => {
    expect(await labelsOf([10, 150, 150, 150, 150, 60], "smoothed")).toEqual(repeated([0, 1, 1, 1, 1, 0]));
    expect(await labelsOf([10, 300, 300, 300, 300, 60], "smoothed")).toEqual(repeated([0, 2, 2, 2, 2, 0]));
  });

  it("take what the image shows for improbable where the network saw nothing", async () => {
    expect(await labelsOf([10, 10, 80, 80, 10, 10], "screened")).toEqual(repeated([0, 0, 0, 0, 0, 0]));
    expect(await labelsOf([10, 10, 180, 180, 10, 10], "screened")).toEqual(repeated([0, 0, 1, 1, 0, 0]));
  });
});
