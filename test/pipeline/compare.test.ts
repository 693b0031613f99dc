import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
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

let models = "";
let data = "";

beforeAll(async () => {
  const exact = brightNetwork();
  // Calls bright what is above 200: of 411 - shift true voxels it misses 100.
  const strict = pointwiseNetwork(3, [0, 1], [0, -200]);
  const broken = pointwiseNetwork(3, [0, 1], [0, Number.NaN]);
  models = await modelsFolderWith([
    { manifest: brightManifest(exact, { id: "exact" }), network: exact },
    { manifest: brightManifest(strict, { id: "strict" }), network: strict },
    { manifest: brightManifest(broken, { id: "broken" }), network: broken },
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
    expect(await readFile(join(out, "compare.html"), "utf8")).toContain('<th scope="row">strict</th>');
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
    expect(stderr).toMatch(/4 images, of which 1 have no label map, and 3 label maps/);
    await rm(join(data, "images", "alone.nii"));
  });
});
