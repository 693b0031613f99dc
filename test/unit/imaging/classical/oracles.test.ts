import { describe, expect, it } from "vitest";
import type { Size3, Vec3 } from "#src/imaging/affine.js";
import { chanVese } from "#src/imaging/classical/chan-vese.js";
import { fuzzyCMeans, fuzzyMemberships } from "#src/imaging/classical/fuzzy-c-means.js";
import { gaussianGradientMagnitude, gaussianSmooth } from "#src/imaging/classical/gaussian.js";
import { geodesicContour, inverseGaussianGradient } from "#src/imaging/classical/geodesic-contour.js";
import { kMeans, nearestCentres } from "#src/imaging/classical/k-means.js";
import { growByConfidence, growRegion } from "#src/imaging/classical/region-growing.js";
import { slic } from "#src/imaging/classical/slic.js";
import { watershed } from "#src/imaging/classical/watershed.js";
import { largestDifference, readGolden } from "../../../goldens/golden.js";

interface Golden {
  readonly cases: readonly {
    readonly name: string;
    readonly size: Size3;
    readonly image: number[];
    readonly smoothing: {
      readonly sigmaVox: Vec3;
      readonly smooth: number[];
      readonly sigma: number;
      readonly gradient: number[];
      readonly alpha: number;
      readonly edges: number[];
    };
    readonly growing: {
      readonly seed: number;
      readonly range: { low: number; high: number; connectivity: 6 | 26; region: string }[];
      readonly confidence: { multiplier: number; iterations: number; radiusVox: number; region: string }[];
    };
    readonly snakes: {
      readonly start: string;
      readonly chanVese: {
        iterations: number;
        smoothing: number;
        lambdaInside: number;
        lambdaOutside: number;
        inside: string;
      }[];
      readonly geodesic: {
        iterations: number;
        smoothing: number;
        balloon: number;
        threshold: number | "auto";
        inside: string;
      }[];
    };
    readonly watershed: {
      relief: number[];
      markers: string;
      mask: string | null;
      connectivity: 6 | 26;
      labels: string;
    }[];
    readonly slic: {
      stepVox: Size3;
      startVox: Size3;
      edge: number;
      compactness: number;
      spacing: Vec3;
      labels: number[];
    }[];
  }[];
  readonly clusters: {
    features: number[][];
    start: number[][];
    fuzziness: number;
    iterations: number;
    kMeans: number[][];
    nearest: string;
    fuzzy: number[][];
    memberships: number[][];
  }[];
}

const golden = readGolden<Golden>("classical");
const text = (labels: ArrayLike<number>): string => Array.from(labels, (label) => label.toString(36)).join("");
const parse = (labels: string): number[] => [...labels].map((digit) => Number.parseInt(digit, 36));

describe.each(golden.cases)("$name kernels", ({ size, image: values, smoothing, growing, snakes, ...rest }) => {
  const image = Float32Array.from(values);

  it("smooths as scipy.ndimage.gaussian_filter", () => {
    // The golden has six digits of values around 100.
    expect(largestDifference(gaussianSmooth(image, size, smoothing.sigmaVox), smoothing.smooth)).toBeLessThan(1e-3);
  });

  it("finds gradients as scipy.ndimage.gaussian_gradient_magnitude and edges as skimage's inverse", () => {
    const gradient = gaussianGradientMagnitude(image, size, smoothing.sigma);
    expect(largestDifference(gradient, smoothing.gradient)).toBeLessThan(1e-3);
    const edges = inverseGaussianGradient(image, size, smoothing.alpha, smoothing.sigma);
    expect(largestDifference(edges, smoothing.edges)).toBeLessThan(1e-5);
  });

  it.each(growing.range)("grows as SimpleITK's ConnectedThreshold: $low to $high, $connectivity", (c) => {
    expect(text(growRegion(image, size, [growing.seed], c, c.connectivity))).toBe(c.region);
  });

  it.each(growing.confidence)("grows as ConfidenceConnected: $multiplier, $iterations, $radiusVox", (c) => {
    expect(text(growByConfidence(image, size, [growing.seed], c))).toBe(c.region);
  });

  it.each(snakes.chanVese)("moves as morphological_chan_vese: $iterations, $smoothing", (c) => {
    expect(text(chanVese(image, size, Uint8Array.from(parse(snakes.start)), c))).toBe(c.inside);
  });

  it.each(snakes.geodesic)("moves as morphological_geodesic_active_contour: $iterations, $balloon", (c) => {
    const edges = inverseGaussianGradient(image, size, smoothing.alpha, smoothing.sigma);
    expect(text(geodesicContour(edges, size, Uint8Array.from(parse(snakes.start)), c))).toBe(c.inside);
  });

  it.each(rest.watershed)("floods as skimage.segmentation.watershed, $connectivity, mask $mask", (c) => {
    const mask = c.mask === null ? undefined : Uint8Array.from(parse(c.mask));
    const markers = Int32Array.from(parse(c.markers));
    expect(text(watershed(Float32Array.from(c.relief), size, markers, c.connectivity, mask))).toBe(c.labels);
  });

  it.each(rest.slic)("finds superpixels as skimage.segmentation.slic: $stepVox, $compactness, $spacing", (c) => {
    const labels = slic([image], size, { ...c, iterations: 10 });
    expect([...labels]).toEqual(c.labels);
  });
});

describe.each(golden.clusters)("clusters of $features.length features", (c) => {
  const features = c.features.map((feature) => Float32Array.from(feature));
  const stopped = { iterations: c.iterations, tolerance: 0 };

  it("finds k-means centres and labels as scipy.cluster.vq.kmeans2", () => {
    const centres = kMeans(features, c.start, stopped);
    expect(largestDifference(centres.flat(), c.kMeans.flat())).toBeLessThan(1e-4);
    expect(text(nearestCentres(features, centres))).toBe(c.nearest);
  });

  it("finds fuzzy c-means centres and memberships as the formulas in NumPy", () => {
    const centres = fuzzyCMeans(features, c.start, { ...stopped, fuzziness: c.fuzziness });
    expect(largestDifference(centres.flat(), c.fuzzy.flat())).toBeLessThan(1e-4);
    const memberships = fuzzyMemberships(features, centres, c.fuzziness);
    for (const [k, expected] of c.memberships.entries()) {
      expect(largestDifference(memberships[k] ?? [], expected)).toBeLessThan(1e-4);
    }
  });
});
