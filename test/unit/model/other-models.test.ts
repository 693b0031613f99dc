import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { ModelManifest } from "#src/model/manifest.js";
import { folderModels } from "#src/model/model-library.js";
import { ensembleOf } from "../../support/tiny-ensemble.js";
import { brightManifest, brightNetwork, modelsFolderWith } from "../../support/tiny-models.js";

const network = brightNetwork();
const first = { ...brightManifest(network), id: "first" };
const previous = { model: "first", labels: [1] };
const second = { ...brightManifest(network), id: "second", previous };

const twoLabels = ["bright", "brighter"].flatMap((name, n) =>
  first.labels.map((label) => ({ ...label, value: n + 1, name })),
);
const twoClasses = { network: { ...first.network, classes: 3 }, labels: twoLabels };
const twoRegions = { activation: { regions: [1, 2] }, labels: twoLabels };

/** A folder with two models and an ensemble of them, changed. */
async function ensembleFolder(one: ModelManifest, two: ModelManifest, changes: object = {}): Promise<string> {
  const root = await folderOf(one, two);
  await mkdir(join(root, "together"));
  const manifest = {
    ...ensembleOf([
      [one, 1],
      [two, 1],
    ]),
    ...changes,
  };
  await writeFile(join(root, "together", "manifest.json"), JSON.stringify(manifest));
  return root;
}

const folderOf = (...manifests: ModelManifest[]) =>
  modelsFolderWith(manifests.map((manifest) => ({ manifest, network })));

describe("models that ask others", () => {
  it("are opened with them, and their digest changes with them", async () => {
    const open = async (one: ModelManifest) => folderModels(await folderOf(one, second)).open("second");
    const model = await open(first);
    expect(model.others.get("first")?.manifest).toEqual(first);
    expect((await open(first)).digest).toBe(model.digest);
    expect((await open({ ...first, mirrorAxes: ["x"] })).digest).not.toBe(model.digest);
  });

  it("are refused by name where one is missing", async () => {
    const root = await folderOf(first, second);
    await rm(join(root, "first"), { recursive: true });
    await expect(folderModels(root).open("second")).rejects.toMatchObject({
      code: "ModelInvalid",
      message: "model second asks model first, which is not installed",
    });
  });

  it.each([
    ["labels that it has not", { previous: { model: "first", labels: [1, 4] } }, "has labels 1, expected label 4 too"],
    [
      "another number of channels",
      { channels: [...first.channels, ...first.channels] },
      "model second asks model first, which reads 1 channels, expected 2",
    ],
    [
      "another colour",
      { channels: first.channels.map((channel) => ({ ...channel, colour: "red" as const })) },
      "model second asks model first, which reads brightness as channel 0, expected red",
    ],
    ["itself", { previous: { model: "second", labels: [1] } }, "a model cannot run before itself"],
    [
      "a stage on a grid of centres",
      { resampling: { ...second.resampling, grid: "centres" as const } },
      "labels of a previous stage are resampled by extents",
    ],
  ])("are refused with %s", async (_, changes, message) => {
    const models = folderModels(await folderOf(first, { ...second, ...changes }));
    await expect(models.open("second")).rejects.toMatchObject({
      code: "ModelInvalid",
      message: expect.stringContaining(message),
    });
  });

  it("are refused in a circle", async () => {
    const models = folderModels(
      await folderOf({ ...first, region: { model: "second", labels: [1], marginMm: 1 } }, second),
    );
    await expect(models.open("second")).rejects.toMatchObject({
      code: "ModelInvalid",
      message: "models ask each other in a circle: second, first, second",
    });
  });
});

describe("ensembles", () => {
  const other = { ...first, id: "other" };

  it("are opened with their members and have no network of their own", async () => {
    const models = folderModels(await ensembleFolder(first, other));
    const model = await models.open("together");
    expect([...model.others.keys()]).toEqual(["first", "other"]);
    await expect(models.network(model)).rejects.toMatchObject({ code: "ContractViolation" });
  });

  it("are refused by name where a member is missing", async () => {
    const root = await ensembleFolder(first, other);
    await rm(join(root, "other"), { recursive: true });
    await expect(folderModels(root).open("together")).rejects.toMatchObject({
      code: "ModelInvalid",
      message: "model together asks model other, which is not installed",
    });
  });

  const members = (...list: (readonly [string, number])[]) => list.map(([model, weight]) => ({ model, weight }));
  it.each([
    ["one member", { ensemble: { grid: "source", members: members(["first", 1]) } }, {}, "ensemble.members"],
    [
      "a weight of nothing",
      { ensemble: { grid: "source", members: members(["first", 1], ["other", 0]) } },
      {},
      "ensemble.members.1.weight",
    ],
    [
      "a member twice",
      { ensemble: { grid: "source", members: members(["first", 1], ["first", 2]) } },
      {},
      "ensemble.members: names a model twice",
    ],
    [
      "an unknown grid",
      { ensemble: { grid: "world", members: members(["first", 1], ["other", 1]) } },
      {},
      "ensemble.grid",
    ],
    [
      "two labels of one name",
      { labels: [1, 2].map((value) => ({ ...first.labels[0], value })) },
      {},
      "labels: two labels share a name",
    ],
    [
      "labels that a member has not",
      { labels: [{ ...first.labels[0], value: 3 }] },
      {},
      "model together asks model first, which has labels 1, expected label 3 too",
    ],
    [
      "members of other outputs",
      {},
      { network: { ...first.network, classes: 3 }, labels: twoLabels },
      "model together asks model other, which gives softmax of 3, expected softmax of 2 as first",
    ],
    [
      "a member of another colour",
      {},
      { channels: first.channels.map((channel) => ({ ...channel, colour: "green" as const })) },
      "model together asks model other, which reads green as channel 0, expected brightness",
    ],
    [
      "a mean on the grid of a member that works in a region",
      { ensemble: { grid: "network", members: members(["first", 1], ["other", 1]) } },
      { region: { model: "first", labels: [1], marginMm: 1 } },
      "model together asks model other, which works in a region",
    ],
  ])("are refused with %s", async (_, changes, otherChanges, message) => {
    const root = await ensembleFolder(first, { ...other, ...otherChanges }, changes);
    await expect(folderModels(root).open("together")).rejects.toMatchObject({
      code: "ModelInvalid",
      message: expect.stringContaining(message),
    });
  });

  it("are refused where a label that the members give has no description", async () => {
    const one = { ...first, ...twoClasses };
    const root = await ensembleFolder(one, { ...one, id: "other" }, { labels: first.labels });
    await expect(folderModels(root).open("together")).rejects.toMatchObject({
      code: "ModelInvalid",
      message: "model together asks model first, which gives 2 too, expected labels 1 alone, as together describes",
    });
    const all = await ensembleFolder(one, { ...one, id: "other" });
    expect((await folderModels(all).open("together")).manifest.labels).toHaveLength(2);
  });

  it("are refused with a CRF on probabilities of regions that may overlap", async () => {
    const one = { ...first, ...twoRegions };
    const crf = { kind: "dense-crf", smoothness: { weight: 1, widthMm: 1 } };
    const open = async (steps: object[]) =>
      folderModels(await ensembleFolder(one, { ...one, id: "other" }, { postprocess: steps })).open("together");
    await expect(open([crf])).rejects.toMatchObject({
      code: "ModelInvalid",
      message: expect.stringContaining("field postprocess.0.kind: dense-crf on probabilities of regions 1, 2"),
    });
    await expect(open([{ ...crf, unary: { from: "labels", confidence: 0.9 } }])).resolves.toBeDefined();
  });
});
