import type { Size3 } from "#src/imaging/affine.js";
import { RefineStep } from "#src/model/refine-steps.js";
import { applySteps, type RefineInput } from "#src/refine/apply-steps.js";
import { denseCrf } from "#src/refine/crf/dense-crf.js";
import { gridFeatures } from "#src/refine/crf/grid-features.js";
import { bruteForceCrf } from "../test/unit/refine/crf/brute-force-crf.js";

/**
 * What `uncertainOnly` of dense-crf saves and changes, on a ball with a soft rim in a noisy image; and how far the
 * lattice lies from exact sums on small grids.
 *
 * @example node --conditions=development --import tsx bench/crf-uncertain.ts
 */
const SIZE: Size3 = [128, 128, 64];
const noise = (i: number): number => Math.sin(i * 12.9898 + Math.sin(i * 78.233) * 43);
const voxels = SIZE[0] * SIZE[1] * SIZE[2];
const image = new Float32Array(voxels);
const p = new Float32Array(voxels);
for (let i = 0; i < voxels; i++) {
  const [x, y, z] = [i % SIZE[0], Math.floor(i / SIZE[0]) % SIZE[1], Math.floor(i / (SIZE[0] * SIZE[1]))];
  const depth = 24 - Math.hypot(x - 64, y - 60, z - 32) + 2 * Math.sin(x / 5) * Math.cos(y / 4);
  image[i] = 100 + (depth > 0 ? 60 : 0) + 15 * noise(i);
  p[i] = 1 / (1 + Math.exp(-(depth + 1.2 * noise(i + 3e6)) / 1.2));
}
const input: RefineInput = {
  labels: Uint8Array.from(p, (v) => (v > 0.5 ? 1 : 0)),
  size: SIZE,
  spacingMm: [1, 1, 1],
  probabilities: { start: [0, 0, 0], size: SIZE, byLabel: new Map([[1, p]]) },
  image,
};
const kernels = {
  smoothness: { weight: 3, widthMm: 3 },
  appearance: { weight: 10, widthMm: 10, width: 20 },
};
const cases: readonly (object | undefined)[] = [
  undefined,
  ...[2, 5, 10, 20].map((marginMm) => ({ below: 0.99, marginMm })),
];
const seconds: number[][] = cases.map(() => []);
const found = cases.map(() => new Uint8Array(0) as Uint8Array | Uint16Array);
for (let round = 0; round < 6; round++) {
  for (const [n, uncertainOnly] of cases.entries()) {
    const step = RefineStep.parse({ kind: "dense-crf", ...kernels, ...(uncertainOnly && { uncertainOnly }) });
    const start = performance.now();
    found[n] = applySteps(input, [step]).labels;
    if (round > 0) seconds[n]?.push((performance.now() - start) / 1000);
  }
}
const whole = found[0] ?? new Uint8Array(0);
for (const [n, uncertainOnly] of cases.entries()) {
  const others = found[n] ?? whole;
  let [differing, changed] = [0, 0];
  for (let i = 0; i < voxels; i++) {
    if (whole[i] !== others[i]) differing++;
    if (input.labels[i] !== others[i]) changed++;
  }
  const median = (seconds[n] ?? []).toSorted((a, b) => a - b)[2] ?? 0;
  console.log(
    JSON.stringify(uncertainOnly ?? "everywhere").padEnd(32),
    `${(1000 * median).toFixed(0)} ms, ${changed} voxels changed, ${differing} other than everywhere`,
  );
}

const small: Size3 = [20, 20, 1];
const grey = Float32Array.from({ length: 400 }, (_, i) => (i % 20 < 10 ? 0 : 40) + 6 * noise(i));
const q = grey.map((_, i) => 0.5 + 0.3 * Math.tanh((Math.hypot((i % 20) - 9, Math.floor(i / 20) - 9) - 5) / 2));
for (const width of [2, 4, 8]) {
  const positionsVox = [width, width];
  for (const [name, features, dimensions] of [
    ["positions", gridFeatures(small, { positionsVox }), 2],
    ["positions and intensity", gridFeatures(small, { positionsVox, channels: [13] }, [grey]), 3],
  ] as const) {
    const problem = {
      probabilities: [q.map((v) => 1 - v + 0.1 * noise(v * 999)), q.map((v) => v - 0.1 * noise(v * 999))],
      kernels: [{ features, dimensions, weight: 3 }],
      iterations: 5,
    };
    const [exact, ours] = [bruteForceCrf(problem)[1], denseCrf(problem).marginals[1]];
    const errors = (exact ?? q).map((v, i) => Math.abs(v - (ours?.[i] ?? 0)));
    const labels = (exact ?? q).filter((v, i) => v > 0.5 !== (ours?.[i] ?? 0) > 0.5).length;
    const mean = errors.reduce((sum, v) => sum + v, 0) / errors.length;
    console.log(
      `${name}, width ${width} voxels: marginals off by ${mean.toFixed(4)} on average, ${Math.max(...errors).toFixed(3)} at most; ${labels} of 400 labels differ`,
    );
  }
}
