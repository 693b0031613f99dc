import { rm } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { ModelManifest } from "#src/model/manifest.js";
import { folderModels } from "#src/model/model-library.js";
import { brightManifest, brightNetwork, modelsFolderWith } from "../../support/tiny-models.js";

const network = brightNetwork();
const first = { ...brightManifest(network), id: "first" };
const previous = { model: "first", labels: [1] };
const second = { ...brightManifest(network), id: "second", previous };

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
