import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { comparedData } from "#src/cli/compare-cases.js";
import { writeNifti } from "#src/formats/nifti-write.js";
import { scanlane } from "../support/cli.js";
import { pointwiseNetwork } from "../support/onnx-file.js";
import { brightManifest, brightNetwork, modelsFolderWith } from "../support/tiny-models.js";

const SIZE = [8, 8, 8] as const;
const image = (data: Int16Array | Uint8Array) =>
  writeNifti({ size: SIZE, affineRas: [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0], spacingMm: [1, 1, 1], data });

/** Rises from 0 along the file; the truth is what is above 100, from voxel 101 + shift on. */
const ramp = (shift: number) => Int16Array.from({ length: 512 }, (_, i) => i - shift);
const truthOf = (values: Int16Array) => Uint8Array.from(values, (value) => (value > 100 ? 1 : 0));

/** Labels 1 and 2. */
function twofoldManifest(network: Uint8Array) {
  const { labels, network: one } = brightManifest(network);
  const second = labels.map((label) => ({ ...label, value: 2, name: "brighter", displayName: "Brighter" }));
  return brightManifest(network, {
    id: "twofold",
    network: { ...one, classes: 3 },
    labels: [...labels, ...second],
  });
}

let models = "";
let data = "";

beforeAll(async () => {
  const exact = brightNetwork();
  // Calls bright what is above 200: of 411 - shift true voxels it misses 100.
  const strict = pointwiseNetwork(3, [0, 1], [0, -200]);
  // Calls label 2, which no reference has, what is above 400; the rest as it should be.
  const twofold = pointwiseNetwork(3, [0, 1, 2], [0, -100, -500]);
  const blind = pointwiseNetwork(3, [0, 1], [0, -1000]);
  const broken = pointwiseNetwork(3, [0, 1], [0, Number.NaN]);
  models = await modelsFolderWith([
    { manifest: brightManifest(exact, { id: "exact" }), network: exact },
    { manifest: brightManifest(strict, { id: "strict" }), network: strict },
    { manifest: brightManifest(broken, { id: "broken" }), network: broken },
    { manifest: brightManifest(blind, { id: "blind" }), network: blind },
    { manifest: twofoldManifest(twofold), network: twofold },
  ]);
  data = await mkdtemp(join(tmpdir(), "compare-"));
  await mkdir(join(data, "images"));
  await mkdir(join(data, "labels"));
  for (const [n, shift] of [0, 20, 40].entries()) {
    await writeFile(join(data, "images", `case-${n}.nii`), image(ramp(shift)));
    await writeFile(join(data, "labels", `case-${n}.nii`), image(truthOf(ramp(shift))));
  }
});

async function compared(ids: string, ...more: string[]) {
  const out = await mkdtemp(join(tmpdir(), "compared-"));
  const args = ["compare", "--models", ids, "--data", data, "--packages", models, "--out", out, "--json", ...more];
  const { code, stdout, stderr } = await scanlane(args);
  return { code, stderr, out, document: stdout === "" ? null : JSON.parse(stdout) };
}

describe("scanlane compare", () => {
  it("scores, sizes and times each model on the same images", async () => {
    const { code, document, out } = await compared("exact,strict", "--timed", "2", "--jobs", "3");
    expect(code).toBe(0);
    const [exact, strict] = document.models;
    expect(document.cases).toBe(3);
    expect(exact.scores.dice).toMatchObject({ mean: 1, cases: 3 });
    expect(exact.scores.hd95Monai.mean).toBe(0);
    const dice = [0, 20, 40].map((shift) => (2 * (311 - shift)) / (311 - shift + 411 - shift));
    expect(strict.scores.dice.mean).toBeCloseTo(dice.reduce((sum, value) => sum + value, 0) / 3, 10);
    expect(strict.scores.specificity.mean).toBe(1);
    // One pass of two classes over a tile of 16 x 16 x 16.
    expect(exact.facts).toMatchObject({ parameters: 4, flopsATile: 2 * 2 * 4096, tile: [16, 16, 16] });
    expect(exact.time.scan).toHaveLength(2);
    expect(exact.time.network).toHaveLength(2);
    expect(exact.time.peakBytes).toBeGreaterThan(2 ** 20);
    const [pair] = document.pairs;
    expect(pair).toMatchObject({ first: "exact", second: "strict", cases: 3, p: 0.25, pHolm: 0.25 });
    expect(pair.meanDifference).toBeCloseTo(1 - strict.scores.dice.mean, 10);

    expect(await readFile(join(out, "compare.md"), "utf8")).toMatch(/\| exact \| 1\.000 \(1\.000 to 1\.000\) \|/);
    expect(await readFile(join(out, "compare.csv"), "utf8")).toMatch(/^exact,Dice,1,1,1$/m);
    const page = await readFile(join(out, "compare.html"), "utf8");
    expect(page).toContain('<th scope="row">strict</th>');
    // Heads stand over their numbers.
    expect(page).toContain('<th scope="col" class="number">Dice</th>');
    await rm(out, { recursive: true });
  });

  it("times nothing where nothing is asked for, and scores the labels that are", async () => {
    const { document } = await compared(
      "exact",
      "--timed",
      "0",
      "--labels",
      "both=1,2",
      "--seed",
      "7",
      "--resamples",
      "50",
    );
    expect(document.models[0].time).toBeNull();
    expect(document.models[0].cases[0].label).toBe("both");
    expect(document.bootstrap).toEqual({ resamples: 50, seed: 7 });
  });

  it("scores the labels of the references: one that only a model has is named and not counted", async () => {
    const { code, stderr, document, out } = await compared("twofold,exact", "--timed", "0");
    const [twofold, exact] = document.models;
    const dice = [0, 20, 40].map((shift) => (2 * 300) / (300 + 411 - shift));
    expect(twofold.scores.dice.mean).toBeCloseTo(dice.reduce((sum, value) => sum + value, 0) / 3, 10);
    expect(twofold.cases.map(({ label }: { label: string }) => label)).toEqual(["1", "1", "1"]);
    expect(exact.warnings).toEqual([]);
    expect(twofold.warnings).toHaveLength(3);
    expect(code).toBe(3);
    const said =
      "twofold: case 1 (case-0): the prediction has 111 voxels of 2, which is of no label asked for (3 such warnings)";
    expect(stderr).toContain(said);
    expect(await readFile(join(out, "compare.html"), "utf8")).toContain(said);
  });

  it("says of how many cases a figure is when some have no value, and counts what is done up to all of it", async () => {
    const out = await mkdtemp(join(tmpdir(), "compared-"));
    const args = ["--models", "blind,exact", "--data", data, "--packages", models, "--out", out, "--timed", "0"];
    const { stderr } = await scanlane(["compare", ...args]);
    expect([...stderr.matchAll(/^(\d) of 6: /gm)].map(([, n]) => n)).toEqual(["1", "2", "3", "4", "5", "6"]);
    const [blind] = JSON.parse(await readFile(join(out, "compare.json"), "utf8")).models;
    expect(blind.scores.dice).toMatchObject({ mean: 0, cases: 3 });
    expect(blind.scores.hd95Monai).toBeNull();
    const markdown = await readFile(join(out, "compare.md"), "utf8");
    expect(markdown).toMatch(/\| blind \| 0\.000 \(0\.000 to 0\.000\) \|.*\| none of 3 \| 0\.00 \|/);
    expect(markdown).toContain("blind 1.0.0");
  });

  it("reads every reference before it runs anything", async () => {
    const file = join(data, "labels", "case-2.nii");
    await writeFile(file, "no label map");
    const { code, stderr, out } = await compared("exact", "--timed", "0");
    await writeFile(file, image(truthOf(ramp(40))));
    expect(code).toBe(65);
    expect(stderr).toMatch(/^InputUnsupported: the reference of case 3 \(case-2\) /);
    await expect(readFile(join(out, "results", "index.jsonl"))).rejects.toThrow("ENOENT");
    expect(existsSync(join(out, "predictions"))).toBe(false);
  });

  it("refuses references whose values are no labels of the models before it runs anything", async () => {
    const file = join(data, "labels", "case-2.nii");
    await writeFile(file, image(truthOf(ramp(40)).map((value) => 255 * value)));
    const { code, stderr, out } = await compared("exact", "--timed", "0");
    const { document } = await compared("exact", "--timed", "0", "--labels", "bright=1+");
    await writeFile(file, image(truthOf(ramp(40))));
    expect(code).toBe(65);
    expect(stderr).toContain(
      "references hold 255, labels of the models are 1 (bright); say what is scored by --labels",
    );
    expect(existsSync(join(out, "predictions"))).toBe(false);
    expect(document.models[0].scores.dice).toMatchObject({ mean: 1, cases: 3 });
  }, 30_000);

  it("pairs names that hold dots", async () => {
    const names = ["1.2.3", "1.2.4"].map((name) => [join(data, "images", name), join(data, "labels", `${name}.nii`)]);
    for (const [picture, labels] of names) {
      await writeFile(picture ?? "", image(ramp(0)));
      await writeFile(labels ?? "", image(truthOf(ramp(0))));
    }
    const { cases, labels } = await comparedData(data);
    for (const name of names.flat()) await rm(name);
    expect(cases.map(({ name }) => name)).toEqual(["1.2.3", "1.2.4", "case-0", "case-1", "case-2"]);
    expect(labels).toEqual([{ name: "1", values: [1] }]);
  });

  it("names what failed, gives its model no scores and keeps the others", async () => {
    const { code, stderr, document } = await compared("broken,exact", "--timed", "1");
    expect(code).toBe(3);
    expect(document.models[0]).toMatchObject({ id: "broken", scores: null, time: { scan: [] } });
    expect(document.models[0].failed).toHaveLength(3);
    expect(stderr).toContain("broken on case-1: InferenceFailed");
    expect(document.models[1].scores.dice.mean).toBe(1);
    expect(document.pairs).toEqual([]);
  });

  it("refuses images without labels, and models that are not there", async () => {
    expect((await compared("nobody")).code).toBe(78);
    await writeFile(join(data, "images", "alone.nii"), image(ramp(0)));
    const { code, stderr } = await compared("exact");
    expect(code).toBe(65);
    expect(stderr).toMatch(/4 images, of which 1 have no label map \(alone.nii\), and 3 label maps/);
    await rm(join(data, "images", "alone.nii"));
  });
});
