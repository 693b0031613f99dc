import { mkdir, mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { sha256 } from "#src/core/ids.js";
import type { ModelManifest } from "#src/model/manifest.js";
import { pointwiseNetwork } from "./onnx-file.js";

const sct = (value: string, meaning: string) => ({ value, scheme: "SCT" as const, meaning });

/** A 3-D model that calls a voxel `bright` where its value is above 100. */
export function brightManifest(network: Uint8Array, changes: Partial<ModelManifest> = {}): ModelManifest {
  return {
    schemaVersion: 1,
    id: "bright3d",
    version: "1.0.0",
    title: "Bright voxels",
    description: "Voxels above 100, for tests.",
    network: {
      file: "network.onnx",
      sha256: sha256(network),
      folds: [],
      inputName: "image",
      outputName: "logits",
      dimensions: 3,
      classes: 2,
      parameters: 4,
    },
    channels: [{ name: "any", modalities: ["MR", "CT"], normalisation: { kind: "none" } }],
    orientation: "RAS",
    axes: ["x", "y", "z"],
    spacingMm: [null, null, null],
    crop: "none",
    normaliseOn: "source",
    resampling: { imageOrder: 1, logitsOrder: 1, separateZ: "never", grid: "extents", of: "logits" },
    precision: "float32",
    tiles: { patchVox: [16, 16, 16], stepFraction: 0.5, placing: "even", blending: "gaussian", padding: "zero" },
    mirrorAxes: [],
    activation: "softmax",
    labels: [
      {
        value: 1,
        name: "bright",
        displayName: "Bright",
        category: sct("123037004", "Anatomical Structure"),
        type: sct("85756007", "Tissue"),
        colourRgb: [255, 0, 0],
      },
    ],
    postprocess: [],
    licence: { weights: "CC0-1.0" },
    trainingData: [{ name: "none", licence: "CC0-1.0" }],
    scores: [],
    golden: { input: "golden/input.nii.gz", labels: "golden/labels.nii.gz", tolerance: 0, reason: "exact arithmetic" },
    ...changes,
  };
}

/** The network of `brightManifest`: logits 0 and v - 100. */
export const brightNetwork = (axes: 2 | 3 = 3): Uint8Array => pointwiseNetwork(axes, [0, 1], [0, -100]);

/** A folder of model packages. */
export async function modelsFolderWith(
  models: readonly { readonly manifest: ModelManifest; readonly network: Uint8Array }[],
  routes: readonly Record<string, unknown>[] = [],
): Promise<string> {
  const root = await mkdtemp(join(tmpdir(), "models-"));
  for (const { manifest, network } of models) {
    await mkdir(join(root, manifest.id));
    await writeFile(join(root, manifest.id, "manifest.json"), JSON.stringify(manifest));
    await writeFile(join(root, manifest.id, manifest.network.file), network);
  }
  await writeFile(join(root, "routes.json"), JSON.stringify({ schemaVersion: 1, routes }));
  return root;
}
