import { describe, expect, it } from "vitest";
import type { Size3 } from "#src/imaging/affine.js";
import { RefineStep } from "#src/model/refine-steps.js";
import { applySteps, type RefineInput } from "#src/refine/apply-steps.js";

const SIZE: Size3 = [17, 13, 7];
const VOXELS = 17 * 13 * 7;

/** Blobs of three labels from waves; no two axes are alike. */
function scene(): RefineInput {
  const wave = (i: number, k: number): number => {
    const [x, y, z] = [i % 17, Math.floor(i / 17) % 13, Math.floor(i / 221)];
    return Math.sin(0.7 * x + k) + Math.cos(0.9 * y - 2 * k) + Math.sin(1.1 * z + 0.3 * k * x) + (k === 0 ? 0.3 : 0);
  };
  const scores = [0, 1, 2, 3].map((k) => Float32Array.from({ length: VOXELS }, (_, i) => Math.exp(2 * wave(i, k))));
  const sums = Float32Array.from({ length: VOXELS }, (_, i) => scores.reduce((sum, s) => sum + (s[i] ?? 0), 0));
  const p = scores.map((s) => s.map((v, i) => v / (sums[i] ?? 1)));
  const labels = Uint8Array.from({ length: VOXELS }, (_, i) =>
    // With holes of single voxels.
    i % 37 === 0 ? 0 : p.reduce((best, s, k) => ((s[i] ?? 0) > (p[best]?.[i] ?? 0) ? k : best), 0),
  );
  const byLabel = new Map([1, 2, 3].map((k) => [k, p[k] ?? new Float32Array(0)]));
  return {
    labels,
    size: SIZE,
    spacingMm: [0.8, 1.1, 2],
    probabilities: { start: [0, 0, 0], size: SIZE, byLabel },
    image: Float32Array.from(labels, (label, i) => 40 * label + 5 * wave(i, 5)),
  };
}

const input = scene();
const all = [1, 2, 3];
const STEPS: readonly object[] = [
  { kind: "threshold", labels: all, probability: 0.7 },
  { kind: "threshold", labels: all, probability: [0.3, 0.4, 0.5], from: "probabilities" },
  { kind: "otsu", labels: all },
  { kind: "otsu", labels: all, over: "labels", classes: 3, keep: [1, 2] },
  { kind: "otsu", labels: [2], source: "image", over: "labels" },
  { kind: "hysteresis", labels: all, low: 0.3, high: 0.9 },
  { kind: "score-triplet", labels: all, topScore: 0.8, minVoxels: 5, bottomScore: 0.3, scope: "component" },
  { kind: "largest-component", labels: all, scope: "label", connectivity: 6 },
  { kind: "remove-small", labels: all, minMm3: 20, connectivity: 6 },
  { kind: "fill-holes", labels: all, dimensions: 2 },
  { kind: "morphology", labels: all, operation: "open", radiusMm: 1.2 },
  { kind: "morphology", labels: all, operation: "erode", radiusMm: 1 },
  { kind: "keep-near", labels: [1, 2], anatomy: [3], withinMm: 2.5 },
  { kind: "screen-components", labels: all, size: { minMm3: 12, maxVoxels: 60 }, connectivity: 6 },
  { kind: "screen-components", labels: all, shape: { maxElongation: 1.5 }, connectivity: 6 },
  { kind: "screen-components", labels: all, shape: { minSphericity: 0.75 }, connectivity: 6 },
  { kind: "screen-components", labels: all, shape: { minExtent: 0.6 }, connectivity: 6 },
  { kind: "screen-components", labels: all, score: { statistic: "mean", min: 0.6 }, connectivity: 6 },
];
const named = STEPS.map((step) => [JSON.stringify(step), step] as const);
const run = (from: RefineInput, step: object) => applySteps(from, [RefineStep.parse(step)]).labels;

/** Every label n as `to[n]`, in map, probabilities and step. */
const TO = [0, 2, 3, 1] as const;
const renamed = (labels: ArrayLike<number>): Uint8Array => Uint8Array.from(labels, (label) => TO[label] ?? 0);
function renamedStep(step: object): object {
  const swap = (values: unknown): unknown => (Array.isArray(values) ? values.map((v) => TO[v] ?? 0) : values);
  const fields = new Map<string, unknown>(Object.entries(step));
  for (const field of ["labels", "anatomy"]) if (fields.has(field)) fields.set(field, swap(fields.get(field)));
  return Object.fromEntries(fields);
}

describe("every step", () => {
  it.each(named)("changes something here: %s", (_, step) => {
    expect(run(input, step)).not.toEqual(input.labels);
  });

  it.each(named)("does the same to mirrored input: %s", (_, step) => {
    const { probabilities, image } = input;
    const mirrored: RefineInput = {
      ...input,
      labels: input.labels.toReversed(),
      image: image?.toReversed() ?? null,
      probabilities: probabilities && {
        ...probabilities,
        byLabel: new Map([...probabilities.byLabel].map(([label, values]) => [label, values.toReversed()])),
      },
    };
    expect(run(mirrored, step)).toEqual(run(input, step).toReversed());
  });

  it.each(named)("does the same to renamed labels: %s", (_, step) => {
    const { probabilities } = input;
    const other: RefineInput = {
      ...input,
      labels: renamed(input.labels),
      probabilities: probabilities && {
        ...probabilities,
        byLabel: new Map([...probabilities.byLabel].map(([label, values]) => [TO[label] ?? 0, values])),
      },
    };
    expect(run(other, renamedStep(step))).toEqual(renamed(run(input, step)));
  });

  const IDEMPOTENT = named.filter(([text]) => !/erode|"over":"labels"|keep-near/.test(text));
  it.each(IDEMPOTENT)("changes nothing the second time: %s", (_, step) => {
    const once = run(input, step);
    expect(run({ ...input, labels: once }, step)).toEqual(once);
  });

  it.each(named)("leaves an empty map without probabilities empty: %s", (_, step) => {
    const empty = { ...input, labels: new Uint8Array(VOXELS), probabilities: null };
    expect(run(empty, step)).toEqual(empty.labels);
  });
});

describe("otsu", () => {
  it("changes nothing where a constant image separates nothing", () => {
    const flat = { ...input, image: new Float32Array(VOXELS).fill(7) };
    for (const classes of [2, 3]) {
      for (const over of ["volume", "labels"]) {
        expect(run(flat, { kind: "otsu", labels: [1], source: "image", classes, over })).toEqual(input.labels);
      }
    }
  });
});

describe("a label map of 16 bits", () => {
  it("is refined like one of 8", () => {
    const wide = { ...input, labels: Uint16Array.from(input.labels) };
    for (const [, step] of named) expect([...run(wide, step)]).toEqual([...run(input, step)]);
  });
});

describe("bad probabilities", () => {
  const bad = (value: number): RefineInput => ({
    ...input,
    probabilities: { start: [0, 0, 0], size: SIZE, byLabel: new Map([[1, new Float32Array(VOXELS).fill(value)]]) },
  });
  it.each([
    [Number.NaN, "is not a number"],
    [1.5, "is 1.5"],
    [-0.5, "is -0.5"],
  ])("of %d are refused by name", (value, found) => {
    expect(() => run(bad(value), { kind: "hysteresis", labels: [1], low: 0.1, high: 0.2 })).toThrow(
      `probability of label 1 ${found}, expected 0 to 1`,
    );
  });

  it("that add to more than one are refused where labels must exclude each other", () => {
    const half = new Float32Array(VOXELS).fill(0.7);
    const byLabel = new Map(all.map((label) => [label, half]));
    const crf = { kind: "dense-crf", smoothness: { weight: 1, widthMm: 2 } };
    expect(() => run({ ...input, probabilities: { start: [0, 0, 0], size: SIZE, byLabel } }, crf)).toThrow(
      "got probabilities that add to 2.100 in a voxel",
    );
  });
});
