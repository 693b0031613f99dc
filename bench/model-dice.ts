// Dice of a model by the product's own code, without the workflow around it: the check that what the workshop
// measured in Python is what users get. `npm run bench:dice -- <model> <images> <labels> <list of ids, JSON>`
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { overlapOfLabels } from "#src/evaluate/overlap.js";
import { readNifti } from "#src/formats/nifti-read.js";
import { toNetworkGrid } from "#src/inference/network-grid.js";
import { ortSessions } from "#src/inference/ort-session.js";
import { segmentInput } from "#src/inference/segment-input.js";
import { isNetwork } from "#src/model/classical-manifest.js";
import { folderModels } from "#src/model/model-library.js";

const [modelId, images, labelsFolder, list] = process.argv.slice(2);
if (!modelId || !images || !labelsFolder || !list)
  throw new TypeError("expected: <model> <images> <labels> <ids.json>");

const library = folderModels(fileURLToPath(new URL("../models", import.meta.url)));
const model = await library.open(modelId);
const { manifest } = model;
if (!isNetwork(manifest)) throw new TypeError(`${modelId} has no network of its own, expected a model with one`);
const networks = [manifest.network, ...manifest.network.folds];
const open = ortSessions("cpu");
const sessions = await Promise.all(
  networks.map((one) => open({ ...manifest.network, ...one, bytes: () => library.network(model, one) })),
);
const ids: string[] = JSON.parse(await readFile(list, "utf8")).validation;
const scores = new Map(manifest.labels.map((label) => [label.value, [] as number[]]));
const times: number[] = [];

for (const id of ids) {
  const image = readNifti(await readFile(join(images, `${id}.nii.gz`)));
  const truth = Uint8Array.from(readNifti(await readFile(join(labelsFolder, `${id}.nii.gz`))).data);
  const started = performance.now();
  const { grid, input } = toNetworkGrid([Float32Array.from(image.data)], image, manifest);
  const { labels } = await segmentInput(input, grid, manifest, sessions);
  times.push(performance.now() - started);
  for (const overlap of overlapOfLabels(labels, truth, [...scores.keys()]))
    scores.get(overlap.label)?.push(overlap.dice);
}

for (const { value, name } of manifest.labels) {
  const values = scores.get(value) ?? [];
  console.log(
    `${name}: mean Dice ${(values.reduce((sum, dice) => sum + dice, 0) / values.length).toFixed(4)}, ${values.length} cases`,
  );
}
console.log(`median ${times.sort((a, b) => a - b)[times.length >> 1]?.toFixed(0)} ms a case`);
for (const session of sessions) await session.close();
