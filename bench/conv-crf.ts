// Agreement and time of the CRF with a window beside the dense one, by the window's radius:
// `node --conditions=development --import tsx bench/conv-crf.ts --data <folder with msd-hippocampus and dsb2018-nuclei>`
// Hippocampus: the network's probabilities, 3-D. Nuclei: probabilities made from brightness, 2-D, lengths in pixels.
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { readOneImage } from "#src/cli/read-probabilities.js";
import { readNifti } from "#src/formats/nifti-read.js";
import { toNetworkGrid } from "#src/inference/network-grid.js";
import { ortSessions, THREADS_ALONE } from "#src/inference/ort-session.js";
import { runOnce } from "#src/inference/run-once.js";
import { segmentInput } from "#src/inference/segment-input.js";
import { isNetwork } from "#src/model/classical-manifest.js";
import { ConvCrfStep } from "#src/model/conv-crf-step.js";
import { folderModels } from "#src/model/model-library.js";
import { RefineStep } from "#src/model/refine-steps.js";
import { applyConvCrf } from "#src/refine/conv-crf.js";
import { applyDenseCrf } from "#src/refine/dense-crf.js";
import type { RefineInput } from "#src/refine/refine-state.js";

const { values: flags } = parseArgs({
  options: { data: { type: "string", default: "../shared/data" }, cases: { type: "string", default: "4" } },
});
const count = Number(flags.cases);
const kernels = {
  smoothness: { weight: 2, widthMm: 1.5 },
  appearance: { weight: 3, widthMm: 3, widthSd: 0.5 },
};
const run = runOnce(ortSessions("cpu", { threads: THREADS_ALONE }));

console.log(
  "| Data | Radius | Window | Agrees with `dense-crf` | Largest difference | Agrees with the widest | Largest difference | Seconds | `dense-crf` |",
);
console.log("| --- | --- | --- | --- | --- | --- | --- | --- | --- |");
await compare("hippocampus", hippocampus, 3, [1, 2, 3, 4, 6, 8]);
await compare("nuclei", nuclei, 2, [1, 2, 3, 4, 6, 9, 12]);

async function compare(
  name: string,
  cases: () => AsyncGenerator<RefineInput>,
  dimensions: 2 | 3,
  radii: readonly number[],
): Promise<void> {
  const rows = radii.map(() => ({ exact: [0, 0, 0], widest: [0, 0, 0], seconds: [] as number[] }));
  const exactSeconds: number[] = [];
  for await (const input of cases()) {
    const dense = RefineStep.parse({ kind: "dense-crf", dimensions, ...kernels });
    if (dense.kind !== "dense-crf") throw new TypeError("expected a dense CRF");
    const exact = await timed(exactSeconds, async () => applyDenseCrf(input, dense, "bench"));
    const found: RefineInput[] = [];
    for (const [r, radiusMm] of radii.entries()) {
      const step = ConvCrfStep.parse({ kind: "conv-crf", dimensions, radiusMm, ...kernels });
      found.push(await timed(rows[r]?.seconds ?? [], () => applyConvCrf(input, step, "bench", run)));
    }
    for (const [r, one] of found.entries()) {
      addDifference(rows[r]?.exact ?? [], one, exact);
      addDifference(rows[r]?.widest ?? [], one, found.at(-1) ?? one);
    }
  }
  for (const [r, { exact, widest, seconds }] of rows.entries()) {
    const edge = 2 * (radii[r] ?? 0) + 1;
    const shown = [exact, widest].flatMap(([same = 0, all = 1, most = 0]) => [
      `${((100 * same) / all).toFixed(3)} %`,
      most.toFixed(4),
    ]);
    const times = [median(seconds).toFixed(2), median(exactSeconds).toFixed(2)];
    console.log(`| ${[name, radii[r], edge ** dimensions, ...shown, ...times].join(" | ")} |`);
  }
}

async function timed<T>(into: number[], work: () => Promise<T>): Promise<T> {
  const started = performance.now();
  const result = await work();
  into.push((performance.now() - started) / 1000);
  return result;
}

/** Adds to voxels of the same label, voxels in all, and the largest difference of a marginal. */
function addDifference(sums: number[], a: RefineInput, b: RefineInput): void {
  for (let i = 0; i < a.labels.length; i++) if (a.labels[i] === b.labels[i]) sums[0] = (sums[0] ?? 0) + 1;
  sums[1] = (sums[1] ?? 0) + a.labels.length;
  for (const [label, values] of a.probabilities?.byLabel ?? []) {
    const others = b.probabilities?.byLabel.get(label) ?? values;
    for (let i = 0; i < values.length; i++) {
      sums[2] = Math.max(sums[2] ?? 0, Math.abs((values[i] ?? 0) - (others[i] ?? 0)));
    }
  }
}

async function* hippocampus(): AsyncGenerator<RefineInput> {
  const library = folderModels(fileURLToPath(new URL("../models", import.meta.url)));
  const model = await library.open("hippocampus-unet3d");
  const { manifest } = model;
  if (!isNetwork(manifest)) throw new TypeError("expected a network");
  const { network } = manifest;
  const session = await ortSessions("cpu")({ ...network, bytes: () => library.network(model, network) });
  const split = new URL("../models/workshop/splits/hippocampus.json", import.meta.url);
  const { validation }: { validation: string[] } = JSON.parse(await readFile(split, "utf8"));
  for (const id of validation.slice(0, count)) {
    const image = readNifti(await readFile(join(flags.data, "msd-hippocampus/images", `${id}.nii.gz`)));
    const data = Float32Array.from(image.data);
    const { grid, input } = toNetworkGrid([data], image, manifest);
    const { labels, probabilities } = await segmentInput(input, grid, manifest, [session], { wanted: [1, 2] });
    const boxed = probabilities && { ...probabilities.box, byLabel: probabilities.byLabel };
    yield { labels, size: image.size, spacingMm: image.spacingMm, probabilities: boxed, image: data };
  }
}

async function* nuclei(): AsyncGenerator<RefineInput> {
  const folder = join(flags.data, "dsb2018-nuclei/fluo256/images");
  for (const name of (await readdir(folder)).sort().slice(0, count)) {
    const { size, data } = await readOneImage(join(folder, name));
    const mean = data.reduce((sum, value) => sum + value, 0) / data.length;
    const sd = Math.sqrt(data.reduce((sum, value) => sum + (value - mean) ** 2, 0) / data.length) || 1;
    const p = data.map((value) => 1 / (1 + Math.exp((3 * (mean - value)) / sd + 1.5)));
    const labels = Uint8Array.from(p, (value) => (value > 0.5 ? 1 : 0));
    const probabilities = { start: [0, 0, 0], size, byLabel: new Map([[1, p]]) } as const;
    yield { labels, size, spacingMm: [1, 1, 1], probabilities, image: data };
  }
}

function median(numbers: readonly number[]): number {
  return numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? 0;
}
