import { describe, expect, it } from "vitest";
import type { Size3 } from "#src/imaging/affine.js";
import { chanVese } from "#src/imaging/classical/chan-vese.js";
import { quantileCentres, thinned } from "#src/imaging/classical/clusters.js";
import { volumeOrSlices } from "#src/imaging/classical/each-slice.js";
import { fuzzyCMeans, fuzzyMemberships } from "#src/imaging/classical/fuzzy-c-means.js";
import { fuzzyNeuroProbabilities } from "#src/imaging/classical/fuzzy-neuro.js";
import { gaussianMeanInMask } from "#src/imaging/classical/gaussian.js";
import { geodesicContour, inverseGaussianGradient } from "#src/imaging/classical/geodesic-contour.js";
import { kMeans, nearestCentres } from "#src/imaging/classical/k-means.js";
import { growByConfidence, growRegion } from "#src/imaging/classical/region-growing.js";
import { slic, stepsOfEdge } from "#src/imaging/classical/slic.js";
import { joinSmallSuperpixels } from "#src/imaging/classical/superpixel-connectivity.js";
import { meanOverSuperpixels, voteLabels } from "#src/imaging/classical/superpixel-vote.js";
import { watershed } from "#src/imaging/classical/watershed.js";
import { wideMeanInMask } from "#src/imaging/classical/wide-mean.js";
import { labelComponents } from "#src/imaging/components.js";
import { mirrorTiles } from "#src/imaging/mirror.js";

const size: Size3 = [12, 10, 8];
const voxels = 960;

/** A bright ball off the middle on a slope, with a fixed ripple; no two voxels alike. */
function ball(): Float32Array {
  return Float32Array.from({ length: voxels }, (_, i) => {
    const x = i % 12;
    const y = Math.floor(i / 12) % 10;
    const z = Math.floor(i / 120);
    const isIn = (x - 5) ** 2 + (y - 4) ** 2 + (z - 3) ** 2 < 9;
    return (isIn ? 100 : 20) + x * 0.31 + y * 0.17 + z * 0.07 + 3 * Math.sin(i * 1.7);
  });
}
const mirrored = <T extends Float32Array>(data: T): Float32Array => mirrorTiles(data, size, 1, [true, true, true]);
const mirroredMask = (mask: Uint8Array): Uint8Array => Uint8Array.from(mirrored(Float32Array.from(mask)));
const start = Uint8Array.from(ball(), (value) => (value > 60 ? 1 : 0));

describe("mirrored input gives mirrored output", () => {
  const image = ball();
  const snake = { iterations: 6, smoothing: 1, lambdaInside: 1, lambdaOutside: 1 };

  it("of a contour without edges", () => {
    const there = chanVese(image, size, start, snake);
    expect(chanVese(mirrored(image), size, mirroredMask(start), snake)).toEqual(mirroredMask(there));
    expect(there.some((value) => value === 1)).toBe(true);
  });

  it("of a geodesic contour", () => {
    const options = { iterations: 4, smoothing: 1, balloon: 1, threshold: 0.5 };
    const run = (of: Float32Array, from: Uint8Array): Uint8Array =>
      geodesicContour(inverseGaussianGradient(of, size, 1, 1), size, from, options);
    const there = run(image, start);
    expect(run(mirrored(image), mirroredMask(start))).toEqual(mirroredMask(there));
    expect(there).not.toEqual(start);
  });

  it("of region growing", () => {
    const range = { low: 80, high: 140 };
    const seed = 5 + 12 * (4 + 10 * 3);
    const there = growRegion(image, size, [seed], range, 18);
    expect(growRegion(mirrored(image), size, [voxels - 1 - seed], range, 18)).toEqual(mirroredMask(there));
  });

  it("of a watershed without ties", () => {
    const markers = new Int32Array(voxels);
    markers[0] = 1;
    markers[5 + 12 * (4 + 10 * 3)] = 2;
    const there = watershed(image, size, markers, 6);
    const back = watershed(mirrored(image), size, markers.toReversed(), 6);
    expect(back).toEqual(there.toReversed());
    expect(new Set(there)).toEqual(new Set([1, 2]));
  });
});

describe("a constant image", () => {
  const flat = new Float32Array(voxels).fill(7);

  it("leaves a contour without smoothing as it is", () => {
    const options = { iterations: 5, smoothing: 0, lambdaInside: 1, lambdaOutside: 1 };
    expect(chanVese(flat, size, start, options)).toEqual(start);
    const edges = inverseGaussianGradient(flat, size, 10, 1);
    expect(edges.every((value) => value === 1)).toBe(true);
    const geodesic = { iterations: 5, smoothing: 0, balloon: 0, threshold: "auto" } as const;
    expect(geodesicContour(edges, size, start, geodesic)).toEqual(start);
  });

  it("is one region, and superpixels of it are boxes", () => {
    expect(growRegion(flat, size, [0], { low: 7, high: 7 })).toEqual(new Uint8Array(voxels).fill(1));
    const options = { multiplier: 1, iterations: 3, radiusVox: 1 };
    expect(growByConfidence(flat, size, [0], options)).toEqual(new Uint8Array(voxels).fill(1));
    const labels = slic([flat], size, { ...stepsOfEdge(size, [1, 1, 1], 4), compactness: 0.1, iterations: 5 });
    expect(Math.max(...labels)).toBe(12);
    expect(labels[0]).toBe(labels[3 + 12 * (3 + 10 * 3)]);
  });

  it("gives every cluster its membership in equal parts", () => {
    const features = [flat];
    const centres = fuzzyCMeans(features, quantileCentres(features, 3), { fuzziness: 2, iterations: 9, tolerance: 0 });
    for (const [centre] of centres) expect(centre).toBeCloseTo(7, 9);
    for (const membership of fuzzyMemberships(features, centres, 2)) expect(membership[5]).toBeCloseTo(1 / 3, 6);
    expect(nearestCentres(features, kMeans(features, centres, { iterations: 9, tolerance: 0 }))[4]).toBe(0);
  });
});

describe("one voxel", () => {
  const one: Size3 = [1, 1, 1];
  const image = Float32Array.of(5);

  it("is a valid image for every kernel", () => {
    expect([...growRegion(image, one, [0], { low: 5, high: 5 })]).toEqual([1]);
    const contour = { iterations: 3, smoothing: 0, lambdaInside: 1, lambdaOutside: 1 };
    expect([...chanVese(image, one, Uint8Array.of(1), contour)]).toEqual([1]);
    expect([...inverseGaussianGradient(image, one, 1, 1)]).toEqual([1]);
    expect([...watershed(image, one, Int32Array.of(3))]).toEqual([3]);
    const options = { ...stepsOfEdge(one, [1, 1, 1], 4), compactness: 0.1, iterations: 3 };
    expect([...slic([image], one, options)]).toEqual([1]);
    expect(kMeans([image], [[5], [9]], { iterations: 3, tolerance: 0 })).toEqual([[5], [9]]);
  });
});

describe("relabelling", () => {
  it("of markers relabels a watershed", () => {
    const markers = new Int32Array(voxels);
    markers.set([1], 0);
    markers.set([2], 500);
    markers.set([3], 959);
    const renamed = markers.map((label) => [0, 7, 5, 6][label] ?? 0);
    const there = watershed(ball(), size, markers, 26);
    expect(watershed(ball(), size, renamed, 26)).toEqual(there.map((label) => [0, 7, 5, 6][label] ?? 0));
  });

  it("of labels without a tie relabels a vote", () => {
    const superpixels = Int32Array.of(1, 1, 1, 2, 2, 2);
    expect([...voteLabels(superpixels, Uint8Array.of(4, 9, 9, 0, 0, 4))]).toEqual([9, 9, 9, 0, 0, 0]);
    expect([...voteLabels(superpixels, Uint8Array.of(9, 4, 4, 1, 1, 9))]).toEqual([4, 4, 4, 1, 1, 1]);
  });
});

describe("superpixels", () => {
  it("vote for the smallest label of those with most voxels, and average probabilities", () => {
    expect([...voteLabels(Int32Array.of(1, 1, 1, 1), Uint16Array.of(900, 3, 3, 900))]).toEqual([3, 3, 3, 3]);
    expect([...meanOverSuperpixels(Int32Array.of(1, 2, 1, 2), Float32Array.of(0.5, 1, 0, 0.5))]).toEqual([
      0.25, 0.75, 0.25, 0.75,
    ]);
  });

  it("are connected, numbered without a gap, and follow spacing and compactness", () => {
    const options = { ...stepsOfEdge(size, [1, 1, 2], 4), compactness: 0.05, iterations: 6 };
    expect(options.stepVox).toEqual([4, 4, 2]);
    const labels = slic([ball()], size, options);
    const count = Math.max(...labels);
    expect(new Set(labels).size).toBe(count);
    for (let label = 1; label <= count; label++) {
      const mask = Uint8Array.from(labels, (value) => (value === label ? 1 : 0));
      expect(labelComponents(mask, size, 6).sizes.length - 1).toBe(1);
    }
    expect(slic([ball()], size, { ...options, compactness: 5 })).not.toEqual(labels);
    expect(slic([ball()], size, { ...options, spacing: [1, 1, 1] })).not.toEqual(labels);
  });

  it("of several channels are those of one when the others are flat, and other ones when they are not", () => {
    const options = { ...stepsOfEdge(size, [1, 1, 1], 4), compactness: 0.05, iterations: 6 };
    const flat = new Float32Array(voxels).fill(Math.min(...ball()));
    expect(slic([ball(), flat], size, options)).toEqual(slic([ball()], size, options));
    expect(slic([ball(), mirrored(ball())], size, options)).not.toEqual(slic([ball()], size, options));
  });

  it("join what is too small, cut what is too large, and leave nothing out", () => {
    const row: Size3 = [8, 1, 1];
    expect([...joinSmallSuperpixels(Int32Array.of(4, 4, 4, 9, 4, 4, 4, 4), row, 2, 9)]).toEqual([
      1, 1, 1, 1, 2, 2, 2, 2,
    ]);
    expect([...joinSmallSuperpixels(new Int32Array(8), row, 1, 3)]).toEqual([1, 1, 1, 2, 2, 2, 3, 3]);
    // The first part has nothing beside it yet: scikit-image gives it 0.
    expect([...joinSmallSuperpixels(Int32Array.of(5, 6, 6, 6, 6, 6, 6, 6), row, 2, 9)][0]).toBe(1);
  });
});

describe("means in a mask", () => {
  it("see nothing outside, and a constant stays constant", () => {
    const mask = Uint8Array.from({ length: voxels }, (_, i) => (i % 12 < 6 ? 1 : 0));
    const image = Float32Array.from(mask, (inside) => (inside === 1 ? 3 : 1e6));
    for (const mean of [
      gaussianMeanInMask(image, mask, size, [2, 2, 2]),
      wideMeanInMask(image, mask, size, [3, 3, 3]),
    ]) {
      for (let i = 0; i < voxels; i++) expect(mean[i]).toBeCloseTo(mask[i] === 1 ? 3 : 0, 4);
    }
  });

  it("of a wide window are near those of a Gaussian", () => {
    const full = new Uint8Array(voxels).fill(1);
    const exact = gaussianMeanInMask(ball(), full, size, [0, 0, 0]);
    expect(exact).toEqual(ball());
    const line: Size3 = [200, 1, 1];
    const impulse = new Float32Array(200);
    impulse[100] = 1;
    const all = new Uint8Array(200).fill(1);
    const gaussian = gaussianMeanInMask(impulse, all, line, [12, 1, 1]);
    const wide = wideMeanInMask(impulse, all, line, [12, 1, 1]);
    // The largest difference is less than a tenth of the peak.
    for (let i = 0; i < 200; i++) expect(Math.abs((wide[i] ?? 0) - (gaussian[i] ?? 0))).toBeLessThan(0.0333 / 10);
  });
});

describe("classifiers", () => {
  it("thin samples evenly and start from ascending quantiles", () => {
    const feature = Float32Array.from({ length: 100 }, (_, i) => 99 - i);
    const thin = [...(thinned([feature], 10)[0] ?? [])];
    expect(thin.map((value) => Math.floor((99 - value) / 10))).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect(thinned([feature], 100)).toEqual([feature]);
    expect(quantileCentres([feature], 2)).toEqual([[24.5], [74.5]]);
  });

  it.each([40, 64, 100])("thin an image of rows of %i to samples of all of its columns", (row) => {
    // Ten thousand samples of a hundred times as many: each column has its part.
    const columns = Float32Array.from({ length: 1_000_000 }, (_, i) => i % row);
    const seen = new Array<number>(row).fill(0);
    const [thin = new Float32Array()] = thinned([columns], 10_000);
    for (const column of thin) seen[column] = (seen[column] ?? 0) + 1;
    expect(thin).toHaveLength(10_000);
    expect(Math.min(...seen)).toBeGreaterThan(0.9 * (10_000 / row));
    expect(Math.max(...seen)).toBeLessThan(1.1 * (10_000 / row));
  });

  it("fuzzify with shoulders and softmax, by hand", () => {
    const network = {
      memberships: [
        [
          { centre: -1, width: 1 },
          { centre: 1, width: 2 },
        ],
      ],
      hidden: { weights: [[1, 2]], bias: [0.5] },
      output: { weights: [[3], [-1]], bias: [0, 0.25] },
    };
    const low = Math.tanh(1 + 2 * Math.exp(-0.5 * 2.25 ** 2) + 0.5);
    const [first, second] = fuzzyNeuroProbabilities([Float32Array.of(-3.5, 9)], network);
    expect(first?.[0]).toBeCloseTo(1 / (1 + Math.exp(-low + 0.25 - 3 * low)), 6);
    expect((first?.[0] ?? 0) + (second?.[0] ?? 0)).toBeCloseTo(1, 6);
    // Far above the last centre: the last function stays 1, the first is gone.
    const high = Math.tanh(2 + 0.5);
    expect(first?.[1]).toBeCloseTo(1 / (1 + Math.exp(-high + 0.25 - 3 * high)), 6);
  });

  it("read the features themselves where there are no membership functions", () => {
    const plain = {
      memberships: [],
      hidden: { weights: [[2]], bias: [0] },
      output: { weights: [[1], [0]], bias: [0, 0] },
    };
    const [first] = fuzzyNeuroProbabilities([Float32Array.of(0.3)], plain);
    expect(first?.[0]).toBeCloseTo(1 / (1 + Math.exp(-Math.tanh(0.6))), 6);
  });
});

describe("volumeOrSlices", () => {
  it("gives a method the volume at once or every slice on its own", () => {
    const seen: string[] = [];
    const run = (first: number, end: number, part: Size3): Uint8Array => {
      seen.push(`${first}-${end} ${part.join("x")}`);
      return new Uint8Array(end - first).fill(first);
    };
    expect([...volumeOrSlices(2, [2, 1, 2], run)]).toEqual([0, 0, 2, 2]);
    volumeOrSlices(3, [2, 1, 2], run);
    expect(seen).toEqual(["0-2 2x1x1", "2-4 2x1x1", "0-4 2x1x2"]);
  });
});
