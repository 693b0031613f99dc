import type { Size3 } from "#src/imaging/affine.js";
import { voxelCount } from "#src/imaging/volume.js";
import { activated } from "#src/inference/activated.js";
import { AnswerSpread } from "#src/inference/answer-spread.js";
import { EnsembleMean } from "#src/inference/ensemble-mean.js";
import { LabelExport, type LabelExportOptions } from "#src/inference/label-export.js";
import { uncertaintyScores } from "#src/stages/outputs/uncertainty-output.js";
import { proveProbabilities, proveUncertainty } from "#src/stages/proof/prove-nifti.js";
import {
  labelsFile,
  probabilitiesFileOf,
  probabilityFile,
  readLabels,
  readProbability,
  uncertaintyFile,
} from "#src/stages/volume-files.js";
import { seededRandom } from "../classical/random.js";

// Seconds of a processor for what goes on around networks where more than labels is asked for, each by itself: the
// constants of `src/inference/predict-around.ts`. No case of `bench/preflight/cases.ts` takes part.
// node --conditions=development --import tsx bench/preflight/rates.ts

const CLASSES = 6;
const FROM: Size3 = [100, 100, 60];
const TO: Size3 = [150, 150, 90];
const TILE: Size3 = [64, 64, 64];
const RUNS = 5;

/** Waves with noise on them, one array a class, of which the first is the largest in most voxels. */
function logitsOf(size: Size3): Float32Array[] {
  const random = seededRandom(3);
  return Array.from({ length: CLASSES }, (_, c) => {
    const out = new Float32Array(voxelCount(size));
    let i = 0;
    for (let z = 0; z < size[2]; z++) {
      for (let y = 0; y < size[1]; y++) {
        for (let x = 0; x < size[0]; x++) {
          const wave = Math.sin(x / (7 + c)) + Math.sin(y / 9 + z / 11 + c);
          out[i++] = (c === 0 ? 3 : 0) + wave + random.uniform(-0.5, 0.5);
        }
      }
    }
    return out;
  });
}

/** Least of several runs, of all threads of this process. */
function seconds(work: () => void): number {
  let least = Number.POSITIVE_INFINITY;
  for (let n = 0; n < RUNS; n++) {
    const before = process.cpuUsage();
    work();
    const { user, system } = process.cpuUsage(before);
    least = Math.min(least, (user + system) / 1e6);
  }
  return least;
}

function tell(what: string, took: number, values: number): void {
  console.log(`${what}: ${((took / values) * 1e9).toFixed(1)} ns`);
}

const logits = logitsOf(FROM);
const area = FROM[0] * FROM[1];
const base = {
  ...({ from: FROM, to: TO, orders: [1, 1, 1], classes: CLASSES, precision: "float16" } as const),
  ...({ activation: { kind: "regions", values: [1, 2, 3, 4, 5, 6] }, withProbabilities: false } as const),
} satisfies LabelExportOptions;

function exported(changes: Partial<LabelExportOptions>): LabelExport {
  const made = new LabelExport({ ...base, ...changes });
  for (let z = 0; z < FROM[2]; z++) {
    made.addSlice(
      z,
      logits.map((values) => values.subarray(z * area, (z + 1) * area)),
    );
  }
  return made;
}

const values = CLASSES * voxelCount(TO);
for (const [what, changes] of [
  ["labels of regions", {}],
  ["labels of regions, float32", { precision: "float32" }],
  ["entropy of regions", { withUncertainty: true }],
  ["labels of classes, kept", { activation: { kind: "softmax" }, withProbabilities: true }],
  ["entropy of classes", { activation: { kind: "softmax" }, withUncertainty: true }],
] satisfies [string, Partial<LabelExportOptions>][]) {
  tell(
    `${what}, a class and voxel of the result`,
    seconds(() => exported(changes)),
    values,
  );
}
const kept = exported({ activation: { kind: "softmax" }, withProbabilities: true });
tell(
  "probability, a class and voxel of the result",
  seconds(() => kept.probability(1)),
  voxelCount(TO),
);
tell(
  "softmax of a slice, a class and voxel",
  seconds(() => activated(logits, "softmax")),
  CLASSES * voxelCount(FROM),
);

const tile = voxelCount(TILE);
const answer = Float32Array.from(logitsOf(TILE).flatMap((values) => [...values]));
for (const kind of ["softmax", "regions"] as const) {
  const spread = new AnswerSpread(CLASSES, kind, tile);
  tell(
    `disagreement (${kind}), an answer's class and voxel`,
    seconds(() => spread.add({ logits: answer, offset: 0, stride: tile, first: 0, count: tile })),
    CLASSES * tile,
  );
  tell(
    `disagreement (${kind}), a tile's class and voxel`,
    seconds(() => void spread.take(1)),
    CLASSES * tile,
  );
}

const probabilities = activated(logits, "softmax");
for (const maps of [[], ["disagreement"], ["uncertainty"]] as const) {
  const mean = new EnsembleMean(FROM, CLASSES, "softmax", maps);
  const name = maps.length === 0 ? "mean" : `mean with ${maps.join()}`;
  tell(
    `${name}, a member's class and voxel`,
    seconds(() => mean.add(probabilities, 0.5)),
    CLASSES * voxelCount(FROM),
  );
  tell(
    `${name}, its end, a class and voxel`,
    seconds(() => {
      mean.divide(1);
      mean.segmentation("softmax", []);
    }),
    CLASSES * voxelCount(FROM),
  );
}

const grid = { size: TO, spacingMm: [1, 1, 1], affineRas: [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0] } as const;
const probability = kept.probability(1);
const box = { start: [0, 0, 0], size: TO } as const;
tell(
  "file of probabilities, a voxel",
  seconds(() => probabilityFile(probability, box, grid)),
  voxelCount(TO),
);
const { uncertainty } = exported({ activation: { kind: "softmax" }, withUncertainty: true });
if (uncertainty !== null) {
  tell(
    "file of a map, a voxel",
    seconds(() => uncertaintyFile(uncertainty, grid)),
    voxelCount(TO),
  );
  const file = uncertaintyFile(uncertainty, grid);
  const labels = new Uint8Array(voxelCount(TO));
  tell(
    "a map published, a voxel",
    seconds(() => {
      const values = proveUncertainty(file, grid, "uncertainty");
      uncertaintyScores([{ map: "uncertainty", values }], labels, CLASSES);
    }),
    voxelCount(TO),
  );
}

const inBox = probabilityFile(probability, box, grid);
tell(
  "probabilities published, a label and voxel",
  seconds(() => {
    const { data } = readProbability(inBox, grid);
    proveProbabilities(probabilitiesFileOf([data], grid), [data], grid);
  }),
  voxelCount(TO),
);

const { labels: found } = kept;
tell(
  "label map written and read, a voxel",
  seconds(() => readLabels(labelsFile(found, grid))),
  voxelCount(TO),
);
tell(
  "probabilities read, a label and voxel",
  seconds(() => readProbability(inBox, grid)),
  voxelCount(TO),
);
