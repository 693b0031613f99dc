import { describe, expect, it } from "vitest";
import type { Size3 } from "#src/imaging/affine.js";
import { RefineStep } from "#src/model/refine-steps.js";
import { applySteps, type RefineInput } from "#src/refine/apply-steps.js";

const SIZE: Size3 = [16, 14, 3];
const VOXELS = 16 * 14 * 3;
const noise = (i: number): number => Math.sin(i * 12.9898 + Math.sin(i * 78.233) * 43) * 0.5;
const inside = Array.from({ length: VOXELS }, (_, i) => {
  const [x, y] = [i % 16, Math.floor(i / 16) % 14];
  return x >= 4 && x < 12 && y >= 3 && y < 11;
});
/** Two labels beside each other inside a square, noisy probabilities of both. */
const first = inside.map((set, i) => (set && i % 16 < 8 ? 0.55 : 0.15) + 0.28 * noise(i));
const second = inside.map((set, i) => (set && i % 16 >= 8 ? 0.55 : 0.15) + 0.28 * noise(i + 3000));
const image = Float32Array.from(inside, (set, i) => (set ? 140 : 60) + 12 * noise(i + 5000));
const other = Float32Array.from(inside, (_, i) => (i % 16 < 8 ? 10 : 90) + 5 * noise(i + 9000));
const labels = Uint8Array.from(first, (a, i) => {
  const b = second[i] ?? 0;
  const none = 1 - a - b;
  return none >= a && none >= b ? 0 : a >= b ? 1 : 2;
});
const input: RefineInput = {
  labels,
  size: SIZE,
  spacingMm: [1, 1, 3],
  probabilities: {
    start: [0, 0, 0],
    size: SIZE,
    byLabel: new Map([
      [1, Float32Array.from(first)],
      [2, Float32Array.from(second)],
    ]),
  },
  image,
  otherChannels: [other],
};
const smoothness = { weight: 0.6, widthMm: 1.5 };
const appearance = { weight: 0.8, widthMm: 4, widthSd: 0.7 };

const parse = (step: object) => RefineStep.parse({ kind: "dense-crf", ...step });
const run = (step: object, from: RefineInput = input) => applySteps(from, [parse(step)]).labels;

/** How many voxels pass each of several thresholds: the labels alone are too coarse to show every option. */
function passing(step: object, from: RefineInput = input): number[] {
  return [1, 2].flatMap((label) =>
    [0.3, 0.5, 0.6, 0.7, 0.8, 0.9, 0.97].map((probability) => {
      const threshold = RefineStep.parse({ kind: "threshold", labels: [label], probability, from: "probabilities" });
      const out = applySteps({ ...from, labels: new Uint8Array(VOXELS) }, [parse(step), threshold]).labels;
      return out.filter((v) => v === label).length;
    }),
  );
}
const base = { smoothness, appearance };

describe("the options of dense-crf", () => {
  it.each([
    ["tolerance", { ...base, tolerance: 0.9 }],
    ["penalties", { ...base, penalties: [[0, 1, 4], [1, 0, 1], [4, 1, 0]] }], // biome-ignore format: a matrix
    ["uncertainOnly", { ...base, uncertainOnly: { below: 0.4, marginMm: 0 } }],
    ["smoothness.normalisation none", { ...base, smoothness: { ...smoothness, normalisation: "none" } }],
    ["smoothness.normalisation before", { ...base, smoothness: { ...smoothness, normalisation: "before" } }],
    ["smoothness.normalisation after", { ...base, smoothness: { ...smoothness, normalisation: "after" } }],
    ["appearance.normalisation", { ...base, appearance: { ...appearance, normalisation: "after" } }],
    ["smoothness.widthMm along each axis", { ...base, smoothness: { ...smoothness, widthMm: [1.5, 6, 1.5] } }],
    ["appearance.widthMm along each axis", { ...base, appearance: { ...appearance, widthMm: [1, 4, 4] } }],
    ["appearance.channels", { ...base, appearance: { ...appearance, channels: [1] } }],
    ["several channels", { ...base, appearance: { ...appearance, channels: [0, 1] } }],
    ["appearance.width", { smoothness, appearance: { weight: 0.8, widthMm: 4, width: 4 } }],
    ["appearance.widthNoise", { smoothness, appearance: { weight: 0.8, widthMm: 4, widthNoise: 1 } }],
  ])("listen to %s", (_, step) => {
    expect(passing(step)).not.toEqual(passing(base));
  });

  it("take a width in the image's units, in its deviations or in those of its noise", () => {
    const width = (option: object, from = input) => run({ appearance: { weight: 2, widthMm: 4, ...option } }, from);
    const brighter = { ...input, image: image.map((v) => 10 * v) };
    const scaled = { ...input, image: image.map((v) => 8 * v) };
    expect(width({ widthSd: 0.3 }, scaled)).toEqual(width({ widthSd: 0.3 }));
    expect(width({ widthNoise: 3 }, scaled)).toEqual(width({ widthNoise: 3 }));
    expect(width({ width: 160 }, scaled)).toEqual(width({ width: 20 }));
    expect(width({ width: 2000 }, brighter)).not.toEqual(width({ width: 20 }));
  });

  it("start from labels with a confidence where there are no probabilities", () => {
    const { probabilities: _, ...rest } = input;
    const speckled = labels.map((v, i) => (i % 19 === 0 ? 2 - v : v));
    const from: RefineInput = { ...rest, labels: speckled, probabilities: null };
    const by = (confidence: number) =>
      run({ smoothness: { weight: 3, widthMm: 1.5 }, unary: { from: "labels", confidence } }, from);
    expect(by(0.9999)).toEqual(speckled);
    const wrong = (found: ArrayLike<number>) => inside.filter((set, i) => set !== (found[i] ?? 0) > 0).length;
    // Measured: 45 of 65.
    expect(wrong(by(0.7))).toBeLessThan(wrong(speckled) - 10);
    const empty = { ...from, labels: new Uint8Array(VOXELS) };
    expect(run({ ...base, unary: { from: "labels", confidence: 0.9 } }, empty)).toEqual(empty.labels);
  });

  it("leave alone what is certain and far from what is not", () => {
    const only = (below: number, marginMm: number) => run({ ...base, uncertainOnly: { below, marginMm } });
    const largest = first.map((a, i) => Math.max(a, second[i] ?? 0, 1 - a - (second[i] ?? 0)));
    const near = only(0.5, 0);
    for (let i = 0; i < VOXELS; i++) if ((largest[i] ?? 0) >= 0.5) expect(near[i]).toBe(labels[i]);
    expect(near).not.toEqual(labels);
    expect(only(0.5, 2)).not.toEqual(near);
    expect(only(0.5, 100)).toEqual(run(base));
    expect(only(0.05, 3)).toEqual(labels);
  });

  it("cost more where a penalty is high", () => {
    const between = (found: ArrayLike<number>): number =>
      Array.from(found).filter((v, i) => i % 16 < 15 && v * (found[i + 1] ?? 0) === 2).length;
    const penalties = (cost: number) => [[0, 1, 1], [1, 0, cost], [1, cost, 0]]; // biome-ignore format: a matrix
    expect(between(run({ ...base, penalties: penalties(6) }))).toBeLessThan(
      between(run({ ...base, penalties: penalties(0) })),
    );
  });

  it("leave labels of the model that the map does not have, for steps and penalties that name them", () => {
    const unary = { from: "labels", confidence: 0.7 };
    const [one, two] = [1, 2].map((only) => labels.map((label) => (label === only ? label : 0)));
    const crf = { smoothness: { weight: 3, widthMm: 1.5 }, unary };
    const ofModel = (map = labels) => ({ ...input, labels: map, probabilities: null, modelLabels: [1, 2] });
    const expected = run(crf, ofModel(one));
    for (const next of [
      { kind: "threshold", labels: [1, 2], probability: 0.001 },
      { kind: "screen-components", labels: [1, 2], score: { statistic: "max", min: 0.01 } },
      { kind: "threshold", labels: [1, 2], probability: 0.5, from: "probabilities" },
    ]) {
      expect(applySteps(ofModel(one), [parse(crf), RefineStep.parse(next)]).labels).toEqual(expected);
    }
    const between = [[0, 1, 9], [1, 0, 5], [9, 5, 0]]; // biome-ignore format: a matrix
    const alone = (cost: number) => [[0, cost], [cost, 0]]; // biome-ignore format: a matrix
    const { modelLabels: _, ...unknown } = ofModel(two);
    expect(run({ ...crf, penalties: between }, ofModel(one))).toEqual(expected);
    expect(run({ ...crf, penalties: between }, ofModel(two))).toEqual(run({ ...crf, penalties: alone(9) }, unknown));
    expect(run({ ...crf, penalties: between }, ofModel(two))).not.toEqual(run(crf, unknown));
  });

  const failure = (step: object, from = input): string => {
    try {
      run(step, from);
    } catch (error) {
      return String(error);
    }
    return "none";
  };
  it("name what does not fit the image or the labels", () => {
    expect(failure({ ...base, penalties: [[0, 1], [1, 0]] })).toMatch(/^ModelInvalid: .*2 rows of penalties for 2 labels/); // biome-ignore format: a matrix
    expect(failure({ ...base, appearance: { ...appearance, channels: [2] } })).toMatch(/^InputMismatch: .*channel 2/);
    const odd = { ...input, image: image.map((v, i) => (i === 7 ? Number.NaN : v)) };
    expect(failure(base, odd)).toMatch(/not a number/);
    const tiny = { smoothness: { weight: 1, widthMm: 1e-6 } };
    expect(failure(tiny)).toMatch(/^InputMismatch: /);
    const twice = new Map([
      [1, Float32Array.from(first)],
      [2, Float32Array.from(first, () => 0.9)],
    ]);
    const probabilities = { start: [0, 0, 0] as const, size: SIZE, byLabel: twice };
    expect(failure(base, { ...input, probabilities })).toMatch(/^InferenceFailed: .*exclude each other/);
  });

  it.each([
    [{ smoothness: { ...smoothness, widthMm: -1 } }, "smoothness.widthMm"],
    [{ smoothness: { ...smoothness, weight: -1 } }, "smoothness.weight"],
    [{ smoothness: { ...smoothness, normalisation: "both" } }, "smoothness.normalisation"],
    [{ smoothness: { ...smoothness, sigma: 1 } }, "smoothness: .*sigma"],
    [{ appearance: { ...appearance, widthSd: 0 } }, "appearance.widthSd"],
    [{ appearance: { ...appearance, width: 3 } }, "appearance.widthSd"],
    [{ appearance: { weight: 1, widthMm: 1 } }, "appearance.widthSd"],
    [{ appearance: { ...appearance, channels: [] } }, "appearance.channels"],
    [{ appearance: { ...appearance, channels: [0, 0] } }, "appearance.channels"],
    [{ unary: "guess" }, "unary"],
    [{ unary: { from: "labels", confidence: 1 } }, "unary"],
    [{ tolerance: -0.1 }, "tolerance"],
    [{ iterations: 101 }, "iterations"],
    [{ penalties: [[0, 1], [1]] }, "penalties"],
    [{ penalties: [[0, 1], [2, 0]] }, "penalties"], // biome-ignore format: a matrix
    [{ uncertainOnly: { below: 0, marginMm: 1 } }, "uncertainOnly.below"],
    [{ uncertainOnly: { below: 0.9, marginMm: -1 } }, "uncertainOnly.marginMm"],
    [{ unary: { from: "labels", confidence: 0.9 }, uncertainOnly: { below: 0.9, marginMm: 1 } }, "uncertainOnly"],
    [{ sharpness: 3 }, ": .*sharpness"],
  ])("refuse %j by its field", (step, field) => {
    const issues = RefineStep.safeParse({ kind: "dense-crf", ...step }).error?.issues ?? [];
    expect(`${issues[0]?.path.join(".")}: ${issues[0]?.message}`).toMatch(new RegExp(`^${field}`));
  });

  it("lets no step after it bring back what was removed before it, not even from an empty map", () => {
    const steps = [
      RefineStep.parse({ kind: "remove-small", labels: [1, 2], minVoxels: VOXELS }),
      parse({ ...base, unary: { from: "labels", confidence: 0.9 } }),
      RefineStep.parse({ kind: "threshold", labels: [1], probability: 0.5, from: "probabilities" }),
    ];
    expect(applySteps({ ...input, modelLabels: [1, 2] }, steps).labels.every((label) => label === 0)).toBe(true);
  });
});
