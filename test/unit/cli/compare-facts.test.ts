import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, it } from "vitest";
import { modelFacts } from "#src/cli/compare-facts.js";
import { sha256 } from "#src/core/ids.js";
import { folderModels } from "#src/model/model-library.js";
import { onnxFile } from "#src/model/onnx/write.js";
import { brightManifest, brightNetwork, modelsFolderWith } from "../../support/tiny-models.js";

/** One channel to four to two, each by a convolution of 1 x 1 x 1. */
const wider = onnxFile({
  nodes: [
    { op: "Conv", inputs: ["image", "up"], outputs: ["four"] },
    { op: "Conv", inputs: ["four", "down"], outputs: ["logits"] },
  ],
  constants: [
    { name: "up", dims: [4, 1, 1, 1, 1], values: new Float32Array(4) },
    { name: "down", dims: [2, 4, 1, 1, 1], values: new Float32Array(8) },
  ],
  inputs: [{ name: "image", type: "float", dims: ["n", 1, "z", "y", "x"] }],
  outputs: [{ name: "logits", type: "float", dims: ["n", 2, "z", "y", "x"] }],
});

it("counts of several networks in one package what each of them takes", async () => {
  const own = brightNetwork();
  const manifest = brightManifest(own);
  const folds = [{ file: "network-1.onnx", sha256: sha256(wider) }];
  const both = { ...manifest, network: { ...manifest.network, folds, parameters: 4 + 12 } };
  const models = await modelsFolderWith([{ manifest: both, network: own }]);
  await writeFile(join(models, manifest.id, "network-1.onnx"), wider);
  const library = folderModels(models);
  expect(await modelFacts(await library.open(manifest.id), library)).toEqual({
    parameters: 16,
    bytes: own.length + wider.length,
    flopsATile: 2 * 16 ** 3 * (2 + 12),
    tile: [16, 16, 16],
  });
});
