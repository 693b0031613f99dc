import { describe, expect, it } from "vitest";
import { segmentClassical } from "#src/classical/segment-classical.js";
import type { Affine, Size3 } from "#src/imaging/affine.js";
import { ClassicalMethod } from "#src/model/classical-method.js";

const size: Size3 = [16, 14, 10];
const affineRas = [2, 0, 0, -16, 0, 2, 0, -14, 0, 0, 2, -10] as const satisfies Affine;
const spacingMm = [2, 2, 2] as const;

/** Values by the distance of a voxel to the middle, with a small fixed ripple. */
function image(value: (radius: number) => number): Float32Array {
  return Float32Array.from({ length: 16 * 14 * 10 }, (_, i) => {
    const [x, y, z] = [i % 16, Math.floor(i / 16) % 14, Math.floor(i / 224)];
    return value(Math.hypot(x - 8, y - 7, z - 5)) + Math.sin(i * 2.3);
  });
}
const ball = image((radius) => (radius < 4 ? 100 : 20));
const shells = image((radius) => (radius < 4.5 ? 90 : radius < 5.8 ? 60 : radius < 6.8 ? 30 : 1.5)).map((value) =>
  value < 3 ? 0 : value,
);
const run = (data: Float32Array, method: Record<string, unknown>, spacing: typeof spacingMm | null = spacingMm) =>
  segmentClassical({ size, affineRas, spacingMm: spacing, channels: [data] }, ClassicalMethod.parse(method));
const count = (labels: ArrayLike<number>, label: number): number =>
  Array.from(labels).filter((value) => value === label).length;
const inBall = count(
  ball.map((value) => (value > 60 ? 1 : 0)),
  1,
);

describe("classifiers of voxels", () => {
  const clusters = { mask: "nonzero", labels: [1, 2, 3] };

  it.each(["k-means", "fuzzy-c-means"])("label shells of rising brightness by %s, and nothing outside", (kind) => {
    const { labels } = run(shells, { kind, ...clusters });
    expect(Array.from(labels)).toEqual(Array.from(shells, (v) => (v === 0 ? 0 : v < 45 ? 1 : v < 75 ? 2 : 3)));
  });

  it("name clusters as told, with background and one label for two of them", () => {
    const { labels } = run(shells, { kind: "k-means", mask: "all", labels: [0, 300, 300, 7] });
    expect(labels).toBeInstanceOf(Uint16Array);
    expect(new Set(labels)).toEqual(new Set([0, 300, 7]));
  });

  it("give memberships that sum to one inside the mask", () => {
    const { probabilities } = run(shells, { kind: "fuzzy-c-means", ...clusters });
    for (let i = 0; i < shells.length; i += 97) {
      const sum = [1, 2, 3].reduce((total, label) => total + (probabilities?.get(label)?.[i] ?? 0), 0);
      expect(sum).toBeCloseTo(shells[i] === 0 ? 0 : 1, 5);
    }
  });

  it("grow fuzzier with the exponent", () => {
    const certainty = (fuzziness: number): number =>
      Math.max(...(run(shells, { kind: "fuzzy-c-means", ...clusters, fuzziness }).probabilities?.get(2) ?? [])) -
      (run(shells, { kind: "fuzzy-c-means", ...clusters, fuzziness }).probabilities?.get(2)?.[8 + 16 * (7 + 14 * 5)] ??
        0);
    expect(certainty(1.5)).toBeGreaterThan(certainty(4));
  });

  it("see through a slope of brightness when flattened", () => {
    // Stripes of two materials under a slope that is steeper than their contrast.
    const striped = Float32Array.from({ length: 2240 }, (_, i) => ((i % 2) + 5) * (1 + Math.floor(i / 224) / 20));
    const truth = Array.from(striped, (_, i) => (i % 2) + 1);
    const wrong = (flattenMm?: number): number => {
      const { labels } = run(striped, { kind: "k-means", labels: [1, 2], ...(flattenMm && { flattenMm }) });
      return Array.from(labels).reduce<number>((sum, label, i) => sum + (label === truth[i] ? 0 : 1), 0);
    };
    expect(wrong()).toBeGreaterThan(500);
    expect(wrong(4)).toBeLessThan(wrong() / 3);
  });

  it("are steadier against noise with a smoothed feature", () => {
    const noisy = image((radius) => (radius < 4 ? 100 : 20)).map((v, i) => v + 45 * Math.sin(i * 7.77) * Math.cos(i));
    const wrong = (smoothMm: number[]): number => {
      const { labels } = run(noisy, { kind: "k-means", labels: [0, 1], smoothMm });
      return Array.from(labels).reduce<number>(
        (sum, label, i) => sum + (label === ((ball[i] ?? 0) > 60 ? 1 : 0) ? 0 : 1),
        0,
      );
    };
    expect(wrong([0, 2])).toBeLessThan(wrong([0]));
  });

  it("apply the parameters of a manifest", () => {
    const plain = { weights: [[5]], bias: [0] };
    const output = { weights: [[1], [-1]], bias: [0, 0] };
    const { labels } = run(ball, { kind: "fuzzy-neuro", labels: [4, 0], memberships: [], hidden: plain, output });
    expect(count(labels, 4)).toBe(inBall);
  });

  it("leave an image without a voxel in the mask empty", () => {
    const { labels } = run(new Float32Array(2240), { kind: "k-means", ...clusters });
    expect(count(labels, 0)).toBe(2240);
  });

  it("give such an image probabilities of 0, where the method has them", () => {
    const empty = new Float32Array(2240);
    const fuzzyNeuro = {
      ...{ kind: "fuzzy-neuro", mask: "nonzero", labels: [0, 1, 2], memberships: [] },
      hidden: { weights: [[1]], bias: [0] },
      output: { weights: [[1], [1], [1]], bias: [0, 0, 0] },
    };
    const ofLabels = (labels: number[]) => new Map(labels.map((label) => [label, empty]));
    expect(run(empty, { kind: "fuzzy-c-means", ...clusters }).probabilities).toEqual(ofLabels([1, 2, 3]));
    expect(run(empty, fuzzyNeuro).probabilities).toEqual(ofLabels([1, 2]));
  });
});

describe("methods of one object", () => {
  it.each([
    ["from the brightest voxels to a range", { rule: "above-percentile", percentile: 99 }, { rule: "range", low: 60 }],
    ["from a point", { rule: "points", pointsRasMm: [[0, 0, 0]] }, { rule: "tolerance", tolerance: 10 }],
    ["to Otsu's threshold", { rule: "above-percentile", percentile: 99 }, { rule: "otsu" }],
    ["by confidence", { rule: "points", pointsRasMm: [[0, 0, 0]] }, { rule: "confidence", multiplier: 4 }],
  ])("grow a region %s", (_, seeds, accept) => {
    const { labels, probabilities } = run(ball, { kind: "region-growing", label: 5, seeds, accept });
    expect(count(labels, 5)).toBe(inBall);
    expect(probabilities).toBeNull();
  });

  it("grow the dark side from below", () => {
    const seeds = { rule: "below-percentile", percentile: 1 };
    const { labels } = run(ball, { kind: "region-growing", seeds, accept: { rule: "otsu", side: "below" } });
    expect(count(labels, 1)).toBe(2240 - inBall);
  });

  it("join parts by corners only when told", () => {
    const corner = new Float32Array(2240);
    corner[0] = 9;
    corner[1 + 16] = 9;
    const method = { kind: "region-growing", seeds: { rule: "points", pointsRasMm: [[-16, -14, -10]] } };
    const grown = (connectivity: number): number =>
      count(run(corner, { ...method, accept: { rule: "range", low: 5 }, connectivity }).labels, 1);
    expect([grown(6), grown(18)]).toEqual([1, 2]);
  });

  it("stay in the slices that have a seed in 2-D", () => {
    const method = { kind: "region-growing", dimensions: 2, accept: { rule: "range", low: 60 } };
    const { labels } = run(ball, { ...method, seeds: { rule: "points", pointsRasMm: [[0, 0, 0]] } });
    const slices = new Set(Array.from(labels, (label, i) => (label === 1 ? Math.floor(i / 224) : -1)));
    expect([...slices].sort()).toEqual([-1, 5]);
  });

  it.each([
    [{ kind: "chan-vese", iterations: 5 }],
    [{ kind: "chan-vese", iterations: 30, start: "checkerboard" }],
    [{ kind: "geodesic-contour", iterations: 3 }],
    [{ kind: "watershed", backgroundPercentile: 50, objectPercentile: 97 }],
  ])("find a bright ball: %o", (method) => {
    const { labels } = run(ball, method);
    const wrong = Array.from(labels).reduce<number>(
      (sum, label, i) => sum + ((label === 1) === (ball[i] ?? 0) > 60 ? 0 : 1),
      0,
    );
    // Smoothing and the gradient's width move the outline by part of a voxel.
    expect(Math.min(wrong, 2240 - wrong)).toBeLessThan(0.35 * inBall);
  });

  it("start dark when told, and slice by slice when told", () => {
    const dark = run(ball, { kind: "chan-vese", iterations: 0, start: "below-otsu" });
    expect(count(dark.labels, 1)).toBe(2240 - inBall);
    // One bright voxel in noise: Otsu's threshold splits the noise, midway does not.
    const speck = image(() => 20);
    speck[1000] = 40;
    const inside = (start: string): number => count(run(speck, { kind: "chan-vese", iterations: 0, start }).labels, 1);
    expect(inside("above-otsu")).toBeGreaterThan(100);
    expect(inside("above-midrange")).toBe(1);
    const volume = run(ball, { kind: "chan-vese", smoothing: 2 }).labels;
    expect(run(ball, { kind: "chan-vese", smoothing: 2, dimensions: 2 }).labels).not.toEqual(volume);
  });

  it("swell and shrink with the balloon", () => {
    const inside = (balloon: number): number =>
      count(run(ball, { kind: "geodesic-contour", balloon, iterations: 2, threshold: 0.05, alpha: 0.1 }).labels, 1);
    expect(inside(1)).toBeGreaterThan(inside(0));
    expect(inside(-1)).toBeLessThan(inside(0));
  });
});

describe("segmentClassical", () => {
  const chanVese = { kind: "chan-vese" };

  it("refuses voxels that are not finite, by the number of the image", () => {
    const broken = ball.slice();
    broken[77] = Number.NaN;
    expect(() => run(broken, chanVese)).toThrow(expect.objectContaining({ code: "InputMismatch" }));
    expect(() => run(broken, chanVese)).toThrow("image 1 holds voxels that are not finite");
  });

  it("refuses millimetres on an image without spacing, and works without them", () => {
    for (const method of [
      { kind: "geodesic-contour" },
      { kind: "watershed", backgroundPercentile: 10, objectPercentile: 90 },
      { kind: "k-means", labels: [0, 1], smoothMm: [2] },
      { kind: "k-means", labels: [0, 1], flattenMm: 20 },
      {
        kind: "region-growing",
        seeds: { rule: "points", pointsRasMm: [[0, 0, 0]] },
        accept: { rule: "tolerance", tolerance: 5 },
      },
    ]) {
      expect(() => run(ball, method, null)).toThrow("in millimetres, but the image has no voxel spacing");
    }
    expect(count(run(ball, { kind: "k-means", labels: [0, 1] }, null).labels, 1)).toBe(inBall);
  });

  it("refuses seeds of which none lies inside the image", () => {
    const seeds = { rule: "points", pointsRasMm: [[500, 0, 0]] };
    const method = { kind: "region-growing", seeds, accept: { rule: "range" } };
    expect(() => run(ball, method)).toThrow("none of 1 seed points lies inside the image");
  });

  it("leaves a constant image without an object", () => {
    const flat = new Float32Array(2240).fill(3);
    expect(count(run(flat, chanVese).labels, 1)).toBe(0);
    expect(count(run(flat, { kind: "watershed", backgroundPercentile: 10, objectPercentile: 90 }).labels, 1)).toBe(0);
  });
});
