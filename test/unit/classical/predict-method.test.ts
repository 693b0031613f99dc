import { describe, expect, it } from "vitest";
import { methodNeeds } from "#src/classical/predict-method.js";
import { ClassicalMethod } from "#src/model/classical-method.js";

const size = [100, 100, 100] as const;
const VOXELS = 1e6;
const of = (method: object, { channels = 1, mm = 1 } = {}) =>
  methodNeeds(ClassicalMethod.parse(method), { size, spacingMm: [mm, mm, mm] }, channels);
const clusters = { labels: [0, 1, 2] };

describe("methodNeeds", () => {
  it("holds the arrays of a classifier: mask, indices, features, classes, probabilities, labels", () => {
    // Two arrays besides that are not yet collected; background has no probabilities.
    expect(of({ kind: "fuzzy-c-means", ...clusters }).bytes).toBe(VOXELS * (8 + 5 + 4 + 4 * 3 + 4 * 2 + 2));
    expect(of({ kind: "k-means", ...clusters }).bytes).toBe(VOXELS * (8 + 5 + 4 + 1 + 2));
    // While features are smoothed, more than when voxels are classified.
    expect(of({ kind: "k-means", ...clusters, smoothMm: [0, 2] }).bytes).toBe(VOXELS * (8 + 5 + 2 * 4 + 20));
    expect(of({ kind: "k-means", ...clusters }, { channels: 2 }).bytes).toBe(VOXELS * (8 + 5 + 2 * 4 + 1 + 2));
  });

  it("takes longer for wider Gaussians, in voxels", () => {
    const seconds = (mm: number, smooth: number) =>
      of({ kind: "k-means", ...clusters, smoothMm: [smooth] }, { mm }).seconds ?? 0;
    expect(seconds(1, 4)).toBe(seconds(0.5, 2));
    expect(seconds(1, 4)).toBeGreaterThan(seconds(1, 2));
  });

  it("takes longer with more units of a network", () => {
    const neuro = (hidden: number) => {
      const rows = (count: number, length: number) => ({
        weights: Array.from({ length: count }, () => new Array(length).fill(0)),
        bias: new Array(count).fill(0),
      });
      const layers = { memberships: [], hidden: rows(hidden, 1), output: rows(3, hidden) };
      return of({ kind: "fuzzy-neuro", ...clusters, ...layers }).seconds ?? 0;
    };
    // Of each unit a product with the feature, three with its weights, and its tanh.
    expect(neuro(9) - neuro(8)).toBeCloseTo(VOXELS * (4 * 1.5 + 15) * 1e-9, 9);
  });

  it("is at most so much where it hangs on what is found, and of contours without a time", () => {
    expect(of({ kind: "k-means", ...clusters }).isAtMost).toBe(false);
    expect(of({ kind: "k-means", ...clusters, mask: "nonzero" }).isAtMost).toBe(true);
    expect(of({ kind: "chan-vese" })).toMatchObject({ isAtMost: true, seconds: null });
    expect(of({ kind: "chan-vese", dimensions: 2 }).bytes).toBeLessThan(of({ kind: "chan-vese" }).bytes);
  });

  it("holds the queue of a flood, which doubles", () => {
    const bytes = (objectPercentile: number) =>
      of({ kind: "watershed", backgroundPercentile: 10, objectPercentile }).bytes;
    // 1.25 times 20 and 60 % of the voxels.
    expect(bytes(90)).toBe(33 * VOXELS + 30 * 2 ** 18);
    expect(bytes(50)).toBe(33 * VOXELS + 30 * 2 ** 20);
  });
});
