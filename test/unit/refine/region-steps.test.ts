import { describe, expect, it } from "vitest";
import type { Size3 } from "#src/imaging/affine.js";
import { RefineSteps } from "#src/model/refine-steps.js";
import { applySteps, type RefineInput } from "#src/refine/apply-steps.js";

const SIZE: Size3 = [20, 20, 6];
const VOXELS = 2400;
const radius = (i: number): number => Math.hypot((i % 20) - 10, (Math.floor(i / 20) % 20) - 10);
const voxels = Array.from({ length: VOXELS }, (_, i) => i);
/** A whole with a core in it, a third label beside them, and an image that shows all. */
const inCore = (i: number): boolean => radius(i) < 4;
const inWhole = (i: number): boolean => radius(i) < 7;
const image = Float32Array.from(voxels, (i) => (inCore(i) ? 200 : inWhole(i) ? 120 : 20));

/** @param whole label of the outer region, which is written first */
function inputOf(whole: number, core: number): RefineInput {
  return {
    labels: Uint8Array.from(voxels, (i) => (inCore(i) ? core : inWhole(i) ? whole : 0)),
    size: SIZE,
    spacingMm: [1, 1, 1],
    probabilities: {
      start: [0, 0, 0],
      size: SIZE,
      byLabel: new Map([
        [whole, Float32Array.from(voxels, (i) => (inWhole(i) ? 0.98 : 0.02))],
        [core, Float32Array.from(voxels, (i) => (inCore(i) ? 0.93 : 0.01))],
      ]),
    },
    image,
    regions: [whole, core],
  };
}
const run = (input: RefineInput, ...steps: unknown[]) => applySteps(input, RefineSteps.parse(steps)).labels;

const DECIDING = [
  { kind: "threshold", labels: [1, 2], probability: 0.5, from: "probabilities" },
  { kind: "hysteresis", labels: [1, 2], low: 0.3, high: 0.6 },
  { kind: "score-triplet", labels: [1, 2], topScore: 0.6, bottomScore: 0.5, minVoxels: 1 },
  { kind: "score-triplet", labels: [1, 2], topScore: 0.6, bottomScore: 0.5, minVoxels: 1, scope: "component" },
  { kind: "otsu", labels: [1, 2] },
  { kind: "superpixel-vote", edgeMm: 2, compactness: 0.01, use: "probabilities" },
];

describe("steps that decide anew, of regions that lie in one another", () => {
  it.each(DECIDING)("keep a later region over an earlier one: %o", (step) => {
    const input = inputOf(1, 2);
    expect(run(input, step)).toEqual(input.labels);
    const renamed = inputOf(2, 1);
    expect(run(renamed, step)).toEqual(renamed.labels);
  });

  it("let an inner region grow into the outer one by its own threshold", () => {
    const input = inputOf(1, 2);
    const ring = voxels.map((i) => radius(i) >= 4 && radius(i) < 5);
    const core = Float32Array.from(voxels, (i) => (inCore(i) ? 0.93 : ring[i] ? 0.4 : 0.01));
    const byLabel = new Map([...(input.probabilities?.byLabel ?? [])]).set(2, core);
    const probabilities = { start: [0, 0, 0] as const, size: SIZE, byLabel };
    const step = { kind: "threshold", labels: [1, 2], probability: [0.5, 0.35], from: "probabilities" };
    const expected = input.labels.map((label, i) => (ring[i] ? 2 : label));
    expect(run({ ...input, probabilities }, step)).toEqual(expected);
  });

  it("decide by the likeliest again after a CRF, whose marginals exclude each other", () => {
    const input = inputOf(1, 2);
    const crf = {
      kind: "dense-crf",
      unary: { from: "labels", confidence: 0.9 },
      smoothness: { weight: 1, widthMm: 1 },
    };
    const all = { kind: "threshold", labels: [1, 2], probability: 0.001, from: "probabilities" };
    const labels = run(input, crf, all);
    expect(labels.filter((label) => label === 1).length).toBeGreaterThan(300);
    expect(labels.filter((label) => label === 2).length).toBeGreaterThan(200);
  });
});
