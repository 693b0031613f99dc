import { mkdir, mkdtemp, readdir, readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PNG } from "pngjs";
import { beforeAll, describe, expect, it } from "vitest";
import { writePngLabels } from "#src/formats/png-labels.js";
import { ScoreTripletStep } from "#src/model/threshold-steps.js";
import { scanlane } from "../support/cli.js";
import { ensembleOf } from "../support/tiny-ensemble.js";
import { brightManifest, brightNetwork, modelsFolderWith } from "../support/tiny-models.js";

const WIDTH = 21;
const HEIGHT = 17;
/** A bright bar, not symmetric in any direction. */
const isBright = (x: number, y: number) => x >= 2 && x <= 8 && y >= 3 && y <= 5;

let models: string;
let picture: string;

beforeAll(async () => {
  const network = brightNetwork(2);
  const base = brightManifest(network);
  const manifest = brightManifest(network, {
    id: "bright2d",
    network: { ...base.network, dimensions: 2 },
    tiles: { ...base.tiles, patchVox: [16, 16, 1] },
  });
  const green = brightManifest(network, {
    ...manifest,
    id: "green2d",
    channels: manifest.channels.map((channel) => ({ ...channel, colour: "green" as const })),
  });
  const other = { ...green, id: "other2d" };
  // A step on probabilities that changes nothing where the network is certain.
  const triplet = ScoreTripletStep.parse({
    ...{ kind: "score-triplet", labels: [1], scope: "component" },
    ...{ topScore: 0.5, minVoxels: 1, bottomScore: 0.3 },
  });
  const refined = { ...manifest, id: "refined2d", postprocess: [triplet] };
  const packages = [manifest, green, other, refined].map((of) => ({ manifest: of, network }));
  models = await modelsFolderWith(packages, [{ format: "png", dimensions: 2, model: "bright2d" }]);
  const together = ensembleOf([
    [green, 1],
    [other, 1],
  ]);
  await mkdir(join(models, together.id));
  await writeFile(join(models, together.id, "manifest.json"), JSON.stringify(together));
  const pixels = new Uint8Array(WIDTH * HEIGHT).map((_, i) => (isBright(i % WIDTH, Math.floor(i / WIDTH)) ? 150 : 10));
  picture = join(await mkdtemp(join(tmpdir(), "pictures-")), "slide.png");
  await writeFile(picture, writePngLabels(pixels, [WIDTH, HEIGHT, 1]));
}, 60_000);

async function run(image: string, ...options: string[]) {
  const out = await mkdtemp(join(tmpdir(), "pictures-out-"));
  const result = await scanlane(["run", image, "--models", models, "--out", out, "--json", ...options]);
  return { code: result.code, json: JSON.parse(result.stdout || "null"), stderr: result.stderr };
}

describe("scanlane run on a picture", () => {
  it("writes a PNG label map on the picture's own pixels, and no millimetres", async () => {
    const { code, json } = await run(picture);
    expect([0, 3]).toContain(code);
    const [outcome] = json.outcomes;
    expect(outcome.result.structures).toMatchObject([{ voxels: 7 * 3, volumeMl: null, centroidRasMm: null }]);
    expect((await readdir(outcome.folder)).toSorted()).toEqual([
      "labels.png",
      "report.html",
      "report.json",
      "result.json",
      "run.json",
    ]);
    const labels = PNG.sync.read(await readFile(join(outcome.folder, "labels.png")));
    expect([labels.width, labels.height]).toEqual([WIDTH, HEIGHT]);
    const wrong = Array.from({ length: WIDTH * HEIGHT }, (_, i) => i).filter(
      (i) => labels.data[4 * i] !== (isBright(i % WIDTH, Math.floor(i / WIDTH)) ? 1 : 0),
    );
    expect(wrong).toEqual([]);
    expect(await readFile(join(outcome.folder, "report.html"), "utf8")).toContain(">PNG<");
    const report = JSON.parse(await readFile(join(outcome.folder, "report.json"), "utf8"));
    expect(report.source.orientation).toBeNull();
    expect(report.pictures).toEqual([expect.stringMatching(/^plane x-y: /)]);
  });

  it("keeps a structure in its place through a step on probabilities, far from every edge too", async () => {
    const [width, height] = [60, 50];
    const isBar = (i: number) => isBright((i % width) - 30, Math.floor(i / width) - 20);
    const pixels = new Uint8Array(width * height).map((_, i) => (isBar(i) ? 150 : 10));
    const file = join(await mkdtemp(join(tmpdir(), "pictures-")), "far.png");
    await writeFile(file, writePngLabels(pixels, [width, height, 1]));
    const { json } = await run(file, "--model", "refined2d");
    const labels = PNG.sync.read(await readFile(join(json.outcomes[0].folder, "labels.png")));
    const wrong = [...pixels.keys()].filter((i) => labels.data[4 * i] !== (isBar(i) ? 1 : 0));
    expect(wrong).toEqual([]);
  });

  it("reads the colour that the model names, else the brightness", async () => {
    const image = new PNG({ width: WIDTH, height: HEIGHT });
    // The bar is green of brightness 88, all else magenta of brightness 105.
    for (let i = 0; i < WIDTH * HEIGHT; i++) {
      image.data.set(isBright(i % WIDTH, Math.floor(i / WIDTH)) ? [0, 150, 0, 255] : [255, 0, 255, 255], 4 * i);
    }
    const file = join(await mkdtemp(join(tmpdir(), "pictures-")), "stain.png");
    await writeFile(file, PNG.sync.write(image));
    const bar = 7 * 3;
    for (const [model, voxels, warned] of [
      ["green2d", bar, []],
      ["together", bar, []],
      ["bright2d", WIDTH * HEIGHT - bar, ["ColourReduced"]],
    ] as const) {
      const { json } = await run(file, "--model", model);
      const { structures, warnings } = json.outcomes[0].result;
      expect(structures).toMatchObject([{ voxels }]);
      const codes = warnings.map(({ code }: { code: string }) => code);
      expect(codes.filter((code: string) => code === "ColourReduced")).toEqual(warned);
    }
  });
});
