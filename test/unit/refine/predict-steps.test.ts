import { describe, expect, it } from "vitest";
import { RefineStep } from "#src/model/refine-steps.js";
import { stepNeeds } from "#src/refine/predict-steps.js";

const VOXELS = 1e6;
const of = (step: object, labels = 2, voxels = VOXELS, mm = 1) =>
  stepNeeds(RefineStep.parse(step), voxels, labels, [mm, mm, mm]);
const smoothness = { weight: 1, widthMm: 2 };
const appearance = { weight: 1, widthMm: 5, widthSd: 1 };
const crf = (changes: object = {}) => ({ kind: "dense-crf", smoothness, appearance, ...changes });
const conv = (changes: object = {}) => ({ kind: "conv-crf", smoothness, radiusMm: 2, ...changes });

describe("stepNeeds", () => {
  it("grows with the voxels, and of what looks at labels one by one with them", () => {
    const threshold = { kind: "threshold", labels: [1], probability: 0.5 };
    const one = of(threshold);
    expect(of(threshold, 2, 3 * VOXELS).bytes).toBe(3 * one.bytes);
    expect(of({ ...threshold, labels: [1, 2, 3] }).seconds).toBeGreaterThan(one.seconds ?? 0);
    const small = { kind: "remove-small", minVoxels: 5 };
    expect(of({ ...small, labels: [1, 2, 3] })).toEqual(of({ ...small, labels: [1] }));
  });

  it("counts iterations of superpixels", () => {
    const superpixels = (iterations: number) => of({ kind: "superpixel-vote", edgeMm: 9, iterations }).seconds ?? 0;
    expect(superpixels(20) - superpixels(10)).toBeCloseTo(10 * VOXELS * 180e-9, 9);
  });

  it("counts iterations and labels of a dense CRF, slices one at a time, and no more than its kernel addresses", () => {
    const [five, ten] = [5, 10].map((iterations) => of(crf({ iterations })).seconds ?? 0);
    expect((ten ?? 0) - (five ?? 0)).toBeCloseTo(5 * VOXELS * 59e-9, 9);
    expect(of(crf(), 8).bytes).toBeGreaterThan(of(crf(), 2).bytes);
    expect(of(crf({ appearance: undefined })).bytes).toBeLessThan(of(crf()).bytes);
    expect(of(crf({ dimensions: 2 })).bytes).toBeLessThan(of(crf()).bytes / 5);
    expect(of(crf(), 2, 1e9).bytes).toBe(2 ** 32);
  });

  it("counts the window of a convolutional CRF in voxels", () => {
    const seconds = (step: object, mm: number) => of(step, 2, VOXELS, mm).seconds ?? 0;
    expect(seconds(conv(), 1) / seconds(conv(), 2)).toBeCloseTo(5 ** 3 / 3 ** 3, 9);
    expect(seconds(conv(), 1) / seconds(conv({ dimensions: 2 }), 1)).toBeCloseTo(5, 9);
  });

  it("says nothing of the time of contours, which is that of their outlines", () => {
    expect(of({ kind: "chan-vese", labels: [1] }).seconds).toBeNull();
    expect(of({ kind: "geodesic-contour", labels: [1] }).seconds).toBeNull();
  });
});
