import { mkdir, mkdtemp, readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { readNifti } from "#src/formats/nifti-read.js";
import { writeNifti } from "#src/formats/nifti-write.js";
import type { Affine, Size3 } from "#src/imaging/affine.js";
import { scanlane } from "../support/cli.js";
import { brightManifest } from "../support/tiny-models.js";

/** Oblique, anisotropic, with a flipped axis. */
const affineRas: Affine = [-0.8, 0.6, 0, 30, 0.6, 0.8, 0, -20, 0, 0, 2.5, 10];
const size: Size3 = [20, 24, 18];
const inBlock = (i: number): boolean => {
  const [x, y, z] = [i % 20, Math.floor(i / 20) % 24, Math.floor(i / 480)];
  return x >= 3 && x <= 8 && y >= 4 && y <= 11 && z >= 5 && z <= 9;
};
/** A bright voxel alone, far from the block. */
const LONE = 17 + 20 * (20 + 24 * 14);

let models: string;
let volume: string;

beforeAll(async () => {
  models = await mkdtemp(join(tmpdir(), "classical-models-"));
  const { schemaVersion, version, title, description, labels, licence, scores } = brightManifest(new Uint8Array());
  const common = { schemaVersion, version, title, description, labels, licence, scores, trainingData: [] };
  const channels = [{ name: "any", modalities: ["MR"] }];
  const fuzzy = { kind: "fuzzy-c-means", labels: [0, 1] };
  const crf = { kind: "dense-crf", smoothness: { weight: 20, widthMm: 1.5 } };
  const manifests = [
    { id: "fuzzy", classical: fuzzy, postprocess: [] },
    { id: "fuzzy-crf", classical: fuzzy, postprocess: [crf] },
    { id: "hard-crf", classical: { ...fuzzy, kind: "k-means" }, postprocess: [crf] },
    { id: "hard", classical: { ...fuzzy, kind: "k-means" }, postprocess: [] },
    { id: "vote", classical: fuzzy, postprocess: [{ kind: "superpixel-vote", edgeMm: 5 }] },
    { id: "wrong-label", classical: { ...fuzzy, labels: [0, 2] }, postprocess: [] },
    {
      id: "wrong-size",
      classical: {
        kind: "fuzzy-neuro",
        labels: [0, 1],
        memberships: [],
        hidden: { weights: [[1, 2]], bias: [0] },
        output: { weights: [[1], [1]], bias: [0, 0] },
      },
      postprocess: [],
    },
    { id: "both", classical: fuzzy, network: {}, postprocess: [] },
  ];
  for (const manifest of manifests) {
    await mkdir(join(models, manifest.id));
    await writeFile(join(models, manifest.id, "manifest.json"), JSON.stringify({ ...common, channels, ...manifest }));
  }
  await writeFile(join(models, "routes.json"), JSON.stringify({ schemaVersion: 1, routes: [] }));
  const data = Int16Array.from({ length: size[0] * size[1] * size[2] }, (_, i) => (inBlock(i) ? 150 : 10) + (i % 3));
  data[LONE] = 150;
  volume = join(models, "volume.nii");
  await writeFile(volume, writeNifti({ size, affineRas, spacingMm: [1, 1, 2.5], data }));
});

async function run(model: string, ...flags: string[]) {
  const out = await mkdtemp(join(tmpdir(), "classical-out-"));
  const result = await scanlane([
    "run",
    volume,
    "--model",
    model,
    "--models",
    models,
    "--out",
    out,
    "--json",
    ...flags,
  ]);
  const [outcome] = JSON.parse(result.stdout || "null")?.outcomes ?? [];
  const labels = async () => readNifti(await readFile(join(outcome.folder, "labels.nii.gz"))).data;
  return { ...result, outcome, labels };
}

describe("a model without a network", () => {
  it("runs from upload to report on the image's own grid", async () => {
    const { code, outcome, labels } = await run("fuzzy");
    expect(code).toBe(0);
    expect(outcome.result.structures).toMatchObject([{ name: "bright", voxels: 6 * 8 * 5 + 1 }]);
    const wrong = [...(await labels())].filter((label, i) => label !== (inBlock(i) ? 1 : 0));
    expect(wrong).toHaveLength(1);
  });

  it("hands its memberships to steps on probabilities, and the image to a superpixel vote", async () => {
    for (const model of ["fuzzy-crf", "vote"]) {
      const labels = await (await run(model)).labels();
      expect([labels[LONE], labels[5 + 20 * (7 + 24 * 7)]]).toEqual([0, 1]);
    }
  });

  it("is not asked for probabilities by a kind of DICOM segmentation that a volume file is not answered with", async () => {
    const { code, outcome } = await run("hard", "--seg", "fractional");
    expect(code).toBe(0);
    expect(outcome.result.structures).toMatchObject([{ name: "bright", voxels: 6 * 8 * 5 + 1 }]);
  });

  it("is refused before anything runs where it cannot give the probabilities asked for", async () => {
    const { code, outcome } = await run("hard", "--outputs", "probabilities");
    expect(code).not.toBe(0);
    expect(outcome.record).toMatchObject({
      step: "inspect",
      code: "InputMismatch",
      message: "probabilities were asked for, but hard gives labels alone (k-means), expected another model",
    });
  });

  it.each([
    ["hard-crf", "has a step on probabilities, but k-means gives labels alone"],
    ["wrong-label", "field labels: describes 1, the method gives 2"],
    ["wrong-size", "field classical: membership functions, layers and labels must fit each other"],
    ["both", "network"],
  ])("is refused when its parts do not fit: %s", async (model, message) => {
    const { code, stdout, stderr } = await run(model);
    expect(code).toBe(78);
    expect(stdout + stderr).toContain(message);
  });
});

describe("scanlane models", () => {
  it("names the method where others have dimensions", async () => {
    const folder = await mkdtemp(join(tmpdir(), "classical-list-"));
    await mkdir(join(folder, "fuzzy"));
    await writeFile(join(folder, "fuzzy", "manifest.json"), await readFile(join(models, "fuzzy", "manifest.json")));
    const { stdout } = await scanlane(["models", "--models", folder]);
    expect(stdout).toMatch(/fuzzy +1\.0\.0 +MR +fuzzy-c-means +- +bright/);
  });
});
