import { chmod, cp, mkdir, symlink, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";
import { folderModels } from "#src/model/model-library.js";
import { Routes, routeOf } from "#src/model/routes.js";
import { asNobody } from "../../support/as-nobody.js";
import { brightManifest, brightNetwork, modelsFolderWith } from "../../support/tiny-models.js";

const network = brightNetwork();
const manifest = brightManifest(network);

async function library() {
  const root = await modelsFolderWith([{ manifest, network }]);
  return { root, models: folderModels(root) };
}

const twoRegions = {
  network: { ...manifest.network, classes: 2 },
  activation: { regions: [1, 2] },
  labels: ["whole", "core"].map((name, n) => ({ ...manifest.labels[0], value: n + 1, name })),
};

describe("folderModels", () => {
  it("lists and opens a package, and hands out its network", async () => {
    const { models } = await library();
    const [model] = await models.list();
    expect(model?.manifest).toEqual(manifest);
    expect(model && (await models.network(model))).toEqual(Buffer.from(network));
  });

  it("follows a link to a package, and passes over links to a file and to nothing", async () => {
    const { root } = await library();
    const linked = await modelsFolderWith([]);
    await symlink(join(root, "bright3d"), join(linked, "bright3d"));
    await symlink(join(root, "bright3d", "manifest.json"), join(linked, "file"));
    await symlink(join(root, "nowhere"), join(linked, "gone"));
    const models = folderModels(linked);
    expect((await models.list()).map((model) => model.manifest.id)).toEqual(["bright3d"]);
    expect(await models.network(await models.open("bright3d"))).toEqual(Buffer.from(network));
  });

  it("passes over a package that is still being made", async () => {
    const { root, models } = await library();
    await cp(join(root, "bright3d"), join(root, ".import-x"), { recursive: true });
    expect((await models.list()).map((model) => model.manifest.id)).toEqual(["bright3d"]);
  });

  it("passes over a folder that this user may not read", async () => {
    const { root, models } = await library();
    await mkdir(join(root, "of-another"), { mode: 0o000 });
    await mkdir(join(root, "behind"), { mode: 0o000 });
    await symlink(join(root, "behind", "folder"), join(root, "link"));
    // Of the folders made for this test alone.
    for (const folder of [dirname(root), root]) await chmod(folder, 0o755);
    expect((await asNobody(() => models.list())).map((model) => model.manifest.id)).toEqual(["bright3d"]);
  });

  it("names the models that there are when asked for another", async () => {
    const { models } = await library();
    await expect(models.open("liver")).rejects.toMatchObject({
      code: "ModelUnknown",
      message: 'model "liver" is not installed, expected one of bright3d',
    });
    await expect(models.open("../bright3d")).rejects.toMatchObject({ code: "ModelUnknown" });
  });

  it("refuses weights that are not the ones the manifest names", async () => {
    const { root, models } = await library();
    await writeFile(join(root, "bright3d", "network.onnx"), "other");
    const model = await models.open("bright3d");
    await expect(models.network(model)).rejects.toMatchObject({ code: "ModelDigestMismatch" });
  });

  for (const [what, changes, field] of [
    ["an unknown field", { speed: 9 }, "(root)"],
    ["a label beyond the classes", { labels: [{ ...manifest.labels[0], value: 2 }] }, "labels"],
    [
      "two labels of one name",
      {
        network: { ...manifest.network, classes: 3 },
        labels: [1, 2].map((value) => ({ ...manifest.labels[0], value })),
      },
      "labels: two labels share a name",
    ],
    [
      "two labels of one value",
      { labels: [manifest.labels[0], manifest.labels[0]] },
      "labels: two labels share a value",
    ],
    [
      "classes that no label describes",
      { network: { ...manifest.network, classes: 4 } },
      "labels: describes 1, the network gives 2, 3 too",
    ],
    [
      "regions that no label describes",
      { network: { ...manifest.network, classes: 2 }, activation: { regions: [1, 7] } },
      "labels: describes 1, the network gives 7 too",
    ],
    [
      "two regions of one label",
      { network: { ...manifest.network, classes: 2 }, activation: { regions: [1, 1] } },
      "activation",
    ],
    [
      "a CRF on probabilities of regions that may overlap",
      { ...twoRegions, postprocess: [{ kind: "dense-crf", smoothness: { weight: 1, widthMm: 1 } }] },
      "postprocess.0.kind: dense-crf on probabilities of regions 1, 2, which may overlap",
    ],
    [
      "a CRF with a window on them",
      { ...twoRegions, postprocess: [{ kind: "conv-crf", radiusMm: 2, smoothness: { weight: 1, widthMm: 1 } }] },
      "postprocess.0.kind: conv-crf on probabilities of regions 1, 2, which may overlap",
    ],
    [
      "a 2-D network mirrored along z",
      {
        network: { ...manifest.network, dimensions: 2 },
        tiles: { ...manifest.tiles, patchVox: [16, 16, 1] },
        mirrorAxes: ["z"],
      },
      "mirrorAxes: a 2-D network is mirrored along x and y alone",
    ],
    ["an unknown step", { postprocess: [{ kind: "polish" }] }, "postprocess.0.kind"],
    [
      "a step on a label that the model does not have",
      { postprocess: [{ kind: "fill-holes", labels: [7] }] },
      "postprocess.0.labels: fill-holes names label 7, which the model does not have",
    ],
    ["a 2-D network with a thick tile", { network: { ...manifest.network, dimensions: 2 } }, "tiles.patchVox"],
    [
      "neighbouring slices of a 3-D network",
      { network: { ...manifest.network, slices: 3 } },
      "network.slices: only a 2-D network",
    ],
    [
      "weights stored as nothing known",
      { network: { ...manifest.network, storage: "float8" } },
      "network.storage: Invalid option",
    ],
    ["an even number of slices", { network: { ...manifest.network, slices: 4 } }, "network.slices: must be odd"],
    ["another id than its folder's", { id: "dark3d" }, "id dark3d"],
  ] as const) {
    it(`names the field for ${what}`, async () => {
      const { root, models } = await library();
      await writeFile(join(root, "bright3d", "manifest.json"), JSON.stringify({ ...manifest, ...changes }));
      await expect(models.open("bright3d")).rejects.toMatchObject({
        code: "ModelInvalid",
        message: expect.stringContaining(field),
      });
    });
  }
});

describe("routeOf", () => {
  const facts = {
    modality: "MR",
    bodyPart: "HEAD",
    format: "dicom",
    dimensions: 3,
    imageType: ["ORIGINAL", "PRIMARY", "M"],
  } as const;
  const routes = Routes.parse({
    schemaVersion: 1,
    routes: [
      { imageType: "LOCALIZER", model: null },
      { modality: "MR", bodyPart: "KNEE", model: "knee", irregular: "resample" },
      { modality: "MR", dimensions: 3, model: "any-mr" },
      { format: "nifti", model: "any-nifti" },
    ],
  });

  it("takes the first rule whose conditions all hold", () => {
    expect(routeOf(facts, routes)?.model).toBe("any-mr");
    expect(routeOf({ ...facts, bodyPart: "KNEE" }, routes)?.model).toBe("knee");
    expect(routeOf({ ...facts, format: "nifti", modality: null }, routes)?.model).toBe("any-nifti");
  });

  it("leaves out images of a type, where a rule without a model comes first", () => {
    const localizer = { ...facts, imageType: ["ORIGINAL", "PRIMARY", "LOCALIZER"] };
    expect(routeOf(localizer, routes)?.model).toBeNull();
  });

  it("refuses irregular series unless the rule says otherwise", () => {
    expect(routeOf(facts, routes)?.irregular).toBe("reject");
    expect(routeOf({ ...facts, bodyPart: "KNEE" }, routes)?.irregular).toBe("resample");
  });

  it("gives nothing when no rule fits", () => {
    expect(routeOf({ ...facts, modality: "CT" }, routes)).toBeNull();
    expect(routeOf({ ...facts, dimensions: 2 }, routes)).toBeNull();
  });
});
