// Trains the two classifiers of brain tissue and writes their parameters into their manifests:
// `node --conditions=development --import tsx bench/classical/train.ts`. Needs Debian's mricron-data; about two minutes.
import { voxelFeatures } from "#src/classical/voxel-features.js";
import { ClassicalMethod } from "#src/model/classical-method.js";
import { makePhantom, readAnatomy, TISSUES } from "./phantom.js";
import { TRAINING_SET } from "./phantom-sets.js";
import { seededRandom } from "./random.js";
import { type Samples, trainNetwork } from "./train-network.js";
import { changeManifest } from "./write-scores.js";

/** Voxels taken of each phantom, and tumour voxels on top: tumours are small. More of them find more that is none. */
const SAMPLES_A_PHANTOM = 9_000;
const TUMOUR_SAMPLES_A_PHANTOM = 50;
const MODELS = [
  { id: "brain-tissue-fuzzy-neuro", functions: 4 },
  { id: "brain-tissue-neural", functions: 0 },
];

const features = { mask: "nonzero", flattenMm: 30, smoothMm: [0, 2, 4, 8] } as const;
const anatomy = await readAnatomy();
const samples = gather();
console.log(`${samples.classes.length} samples of ${samples.features.length} features`);
for (const { id, functions } of MODELS) {
  const options = { seed: 1, hidden: 12, epochs: 20, classCount: TISSUES.length, functions };
  const labels = TISSUES.map((_, n) => n + 1);
  const method = { kind: "fuzzy-neuro", ...features, labels, ...trainNetwork(samples, options) };
  const classical = ClassicalMethod.parse(method);
  await changeManifest(id, (manifest) => ({ ...manifest, classical }));
  console.log(`wrote the parameters of ${id}`);
}

function gather(): Samples {
  const random = seededRandom(7);
  const columns: number[][] = features.smoothMm.map(() => []);
  const classes: number[] = [];
  for (const options of TRAINING_SET) {
    const { image, truth, size, spacingMm } = makePhantom(anatomy, options);
    const { voxels, features: values } = voxelFeatures([image], size, spacingMm, features);
    const tumour = [...voxels.keys()].filter((n) => truth[voxels[n] ?? 0] === TISSUES.length);
    const take = (n: number): void => {
      for (const [f, column] of columns.entries()) column.push(values[f]?.[n] ?? 0);
      classes.push((truth[voxels[n] ?? 0] ?? 1) - 1);
    };
    for (let k = 0; k < SAMPLES_A_PHANTOM; k++) take(Math.floor(random.uniform(0, voxels.length)));
    const extra = Math.min(TUMOUR_SAMPLES_A_PHANTOM, tumour.length);
    for (let k = 0; k < extra; k++) take(tumour[Math.floor(random.uniform(0, tumour.length))] ?? 0);
  }
  return { features: columns.map((column) => Float32Array.from(column)), classes: Uint8Array.from(classes) };
}
