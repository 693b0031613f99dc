import { describe, expect, it } from "vitest";
import type { Size3 } from "#src/imaging/affine.js";
import { type CrfKernel, denseCrf, gridFeatures, unaryOf } from "#src/imaging/dense-crf.js";
import { type FeatureFilter, permutohedralLattice } from "#src/imaging/permutohedral-lattice.js";
import { largestDifference, readGolden } from "../../goldens/golden.js";

interface Kernel {
  readonly widthsVox: number[];
  readonly weight: number;
}
interface Case {
  readonly size: Size3;
  readonly iterations: number;
  readonly smoothness: Kernel;
  readonly appearance: (Kernel & { readonly width: number }) | null;
  readonly image: number[];
  readonly probabilities: number[][];
  readonly marginals: number[][];
}
const golden = readGolden<{ cases: Case[]; rgb: Case }>("dense-crf");

// The lattice is the reference's to the bit; its exponential is not ours. The golden has six decimals.
const MAX_ABS = 1e-6;

function kernelsOf(c: Case, channels: number): CrfKernel[] {
  const dimensions = c.smoothness.widthsVox.length;
  const kernels = [
    {
      weight: c.smoothness.weight,
      filter: permutohedralLattice(gridFeatures(c.size, c.smoothness.widthsVox), dimensions),
    },
  ];
  if (c.appearance !== null) {
    const { widthsVox, width, weight } = c.appearance;
    const images = new Array<Float32Array>(channels).fill(Float32Array.from(c.image));
    const features = gridFeatures(c.size, widthsVox, images, new Array<number>(channels).fill(width));
    kernels.push({ weight, filter: permutohedralLattice(features, dimensions + channels) });
  }
  return kernels;
}

function unaryOfCase(c: Case): Float32Array {
  return unaryOf(c.probabilities.map((p) => Float32Array.from(p)));
}

/** One label's marginals, taken out of the labels side by side. */
function marginalOf(marginals: Float32Array, labels: number, label: number): Float32Array {
  return marginals.filter((_, i) => i % labels === label);
}

describe("denseCrf", () => {
  it.each(golden.cases)("agrees with pydensecrf, $size, $iterations iterations", (c) => {
    const labels = c.probabilities.length;
    const marginals = denseCrf(unaryOfCase(c), labels, kernelsOf(c, 1), c.iterations);
    c.marginals.forEach((expected, label) => {
      expect(largestDifference(marginalOf(marginals, labels, label), expected)).toBeLessThan(MAX_ABS);
    });
  });

  it("agrees with pydensecrf's two-dimensional class and three channels", () => {
    const marginals = denseCrf(unaryOfCase(golden.rgb), 2, kernelsOf(golden.rgb, 3), golden.rgb.iterations);
    expect(largestDifference(marginalOf(marginals, 2, 1), golden.rgb.marginals[1] ?? [])).toBeLessThan(MAX_ABS);
  });

  const c = golden.cases[0] as Case;
  const unary = unaryOfCase(c);
  const kernels = kernelsOf(c, 1);

  it("gives back the probabilities with no pairwise weight or no iterations", () => {
    const given = Float32Array.from(unary, (energy) => Math.exp(-energy));
    const weightless = kernels.map(({ filter }) => ({ filter, weight: 0 }));
    // The golden's probabilities have four decimals and need not add up to exactly one.
    expect(largestDifference(denseCrf(unary, 2, weightless, 5), given)).toBeLessThan(1e-4);
    expect(denseCrf(unary, 2, weightless, 5)).toEqual(denseCrf(unary, 2, kernels, 0));
  });

  it("gives the same marginals to renamed labels", () => {
    const renamed = unary.map((_, i) => unary[i ^ 1] ?? 0);
    const out = denseCrf(unary, 2, kernels, 5);
    const swapped = denseCrf(renamed, 2, kernels, 5).map((_, i, all) => all[i ^ 1] ?? 0);
    expect(largestDifference(swapped, out)).toBeLessThan(1e-6);
  });

  it("gives the same bytes again with a filter that was used before", () => {
    expect(denseCrf(unary, 2, kernels, 5)).toEqual(denseCrf(unary, 2, kernels, 5));
  });

  it("pulls a single voxel along with its neighbours", () => {
    const size: Size3 = [9, 9, 1];
    const p = new Float32Array(81).fill(0.9);
    p[40] = 0.3;
    const filter = permutohedralLattice(gridFeatures(size, [2, 2]), 2);
    const marginals = denseCrf(unaryOf([p.map((v) => 1 - v), p]), 2, [{ filter, weight: 3 }], 5);
    expect(marginals[40 * 2 + 1]).toBeGreaterThan(0.5);
  });

  it("keeps apart what differs in intensity", () => {
    const size: Size3 = [16, 8, 1];
    const image = Float32Array.from({ length: 128 }, (_, i) => (i % 16 < 8 ? 0 : 100));
    const p = Float32Array.from(image, (v, i) => (v > 0 ? 0.7 : 0.3) + 0.25 * Math.sin(i * 12.9898));
    const one = permutohedralLattice(gridFeatures(size, [5, 5], [image], [10]), 3);
    const marginals = denseCrf(unaryOf([p.map((v) => 1 - v), p]), 2, [{ filter: one, weight: 5 }], 5);
    image.forEach((v, i) => {
      expect((marginals[i * 2 + 1] ?? 0) > 0.5).toBe(v > 0);
    });
  });

  it("clips probabilities before their logarithm", () => {
    const energies = unaryOf([Float32Array.of(0, 1e-7, 2), Float32Array.of(1, 1, 0.5)]);
    const highest = Math.fround(-Math.log(1e-5));
    expect([...energies].map((v) => v + 0)).toEqual([highest, 0, highest, 0, 0, Math.fround(Math.log(2))]);
  });
});

/** The sum that the lattice approximates, point by point. */
function bruteForce(features: Float32Array, d: number): FeatureFilter {
  const points = features.length / d;
  return {
    points,
    filter(values, channels, out) {
      const sums = new Float64Array(values.length);
      for (let i = 0; i < points; i++) {
        for (let j = 0; j < points; j++) {
          let square = 0;
          for (let k = 0; k < d; k++) square += ((features[i * d + k] ?? 0) - (features[j * d + k] ?? 0)) ** 2;
          const weight = Math.exp(-square / 2);
          for (let k = 0; k < channels; k++) {
            const at = i * channels + k;
            sums[at] = (sums[at] ?? 0) + weight * (values[j * channels + k] ?? 0);
          }
        }
      }
      out.set(sums);
    },
  };
}

describe("permutohedralLattice", () => {
  const size: Size3 = [13, 11, 1];
  const features = gridFeatures(size, [3, 3]);
  const image = Float32Array.from({ length: 143 }, (_, i) => Math.sin(i * 78.233) * 2);
  const values = Float32Array.from({ length: 143 }, (_, i) =>
    Math.hypot((i % 13) - 6, Math.floor(i / 13) - 5) < 4 ? 1 : 0,
  );
  const withImage = gridFeatures(size, [3, 3], [image], [1]);

  /** Weighted means of the values, by a filter: what normalisation leaves of its scale. */
  function means(filter: FeatureFilter): Float32Array {
    const ones = new Float32Array(filter.points).fill(1);
    const sums = new Float32Array(filter.points);
    const norm = new Float32Array(filter.points);
    filter.filter(values, 1, sums);
    filter.filter(ones, 1, norm);
    return sums.map((sum, i) => sum / (norm[i] ?? 1));
  }

  it("approximates the Gaussian sum", () => {
    // Means lie between 0 and 1. Measured: 0.049 for positions, 0.062 with an intensity. The price of the lattice, which
    // the reference pays as well.
    const plain = largestDifference(means(permutohedralLattice(features, 2)), means(bruteForce(features, 2)));
    const coloured = largestDifference(means(permutohedralLattice(withImage, 3)), means(bruteForce(withImage, 3)));
    expect(plain).toBeLessThan(0.055);
    expect(coloured).toBeLessThan(0.07);
  });

  it("gives a marginal near that of the exact sum", () => {
    const p = values.map((v, i) => 0.2 + 0.6 * v + 0.15 * Math.sin(i * 12.9898));
    const unary = unaryOf([p.map((v) => 1 - v), p]);
    const run = (filter: FeatureFilter): Float32Array => denseCrf(unary, 2, [{ filter, weight: 2 }], 5);
    const difference = largestDifference(run(permutohedralLattice(features, 2)), run(bruteForce(features, 2)));
    // Measured: 0.032.
    expect(difference).toBeLessThan(0.04);
  });

  it("is linear", () => {
    const filter = permutohedralLattice(withImage, 3);
    const once = new Float32Array(143);
    const twice = new Float32Array(143);
    filter.filter(values, 1, once);
    filter.filter(
      values.map((v) => 2 * v),
      1,
      twice,
    );
    expect(
      largestDifference(
        twice,
        once.map((v) => 2 * v),
      ),
    ).toBeLessThan(1e-5);
  });

  it("treats channels side by side as it treats each alone", () => {
    const filter = permutohedralLattice(withImage, 3);
    const alone = new Float32Array(143);
    filter.filter(values, 1, alone);
    const three = new Float32Array(429);
    filter.filter(
      Float32Array.from(three, (_, i) => (i % 3 === 1 ? (values[(i - 1) / 3] ?? 0) : i)),
      3,
      three,
    );
    expect(largestDifference(marginalOf(three, 3, 1), alone)).toBeLessThan(1e-5);
  });

  it("holds more vertices than its table begins with", () => {
    const spread = Float32Array.from({ length: 3000 }, (_, i) => i * 7.3);
    const filter = permutohedralLattice(spread, 3);
    const ones = new Float32Array(1000).fill(1);
    filter.filter(ones, 1, ones);
    const far = Float32Array.from([...ones].slice(1, 4));
    expect(Math.min(...far)).toBeGreaterThan(0);
    expect(Math.max(...ones)).toBeLessThan(1.2);
  });

  it("refuses values that are not one list a point", () => {
    const filter = permutohedralLattice(features, 2);
    expect(() => filter.filter(new Float32Array(10), 1, new Float32Array(10))).toThrow(RangeError);
    expect(() => permutohedralLattice(features, 5)).toThrow(RangeError);
  });
});
