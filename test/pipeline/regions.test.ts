import { mkdir, mkdtemp, readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { readNifti } from "#src/formats/nifti-read.js";
import { writeNifti } from "#src/formats/nifti-write.js";
import type { ModelManifest } from "#src/model/manifest.js";
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
/** A row of background, whole and core. */
const VALUES = [10, 150, 300, 250, 120, 60];
const size = [6, 4, 4] as const;
const expected = Array.from({ length: 96 }, (_, i) => [0, 1, 2, 2, 1, 0][i % 6]);

let models: string;

beforeAll(async () => {
  const other = { ...regions, id: "other" };
  models = await modelsFolderWith([regions, other].map((manifest) => ({ manifest, network })));
  const together = ensembleOf([
    [regions, 1],
    [other, 1],
  ]);
  await mkdir(join(models, "together"));
  await writeFile(join(models, "together", "manifest.json"), JSON.stringify(together));
  const data = Float32Array.from({ length: 96 }, (_, i) => VALUES[i % 6] ?? 0);
  const affineRas = [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0] as const;
  await writeFile(join(models, "volume.nii"), writeNifti({ size, affineRas, spacingMm: [1, 1, 1], data }));
});

describe("a model of regions that lie in one another", () => {
  it.each(["regions", "together"])("keeps the inner one through a step that decides anew: %s", async (model) => {
    const out = await mkdtemp(join(tmpdir(), "regions-out-"));
    const upload = join(models, "volume.nii");
    const { stdout } = await scanlane(["run", upload, "--model", model, "--models", models, "--out", out, "--json"]);
    const { folder } = JSON.parse(stdout).outcomes[0];
    expect([...readNifti(await readFile(join(folder, "labels.nii.gz"))).data]).toEqual(expected);
  });
});
