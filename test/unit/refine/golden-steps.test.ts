import { describe, expect, it } from "vitest";
import type { Size3, Vec3 } from "#src/imaging/affine.js";
import { componentRuns } from "#src/imaging/component-runs.js";
import { componentShapes } from "#src/imaging/component-shape.js";
import { squaredDistances } from "#src/imaging/distance-transform.js";
import { multiOtsuThresholds, otsuThreshold } from "#src/imaging/otsu.js";
import { RefineStep } from "#src/model/refine-steps.js";
import { applySteps } from "#src/refine/apply-steps.js";
import { largestDifference, readGolden } from "../../goldens/golden.js";

interface StepCase {
  readonly step: unknown;
  readonly before: string;
  readonly after: string;
  readonly probability?: readonly number[];
}
interface Golden {
  readonly size: Size3;
  readonly spacingMm: Vec3;
  readonly components: readonly StepCase[];
  readonly probabilities: readonly StepCase[];
  readonly otsu: readonly { values: number[]; two: number; three: number[]; four: number[] }[];
  readonly distances: readonly { mask: string; squared: number[] }[];
  readonly shapes: readonly {
    size: Size3;
    mask: string;
    forms: { elongation: number; sphericity: number; extent: number }[];
  }[];
}
const golden = readGolden<Golden>("refine");
const digits = (text: string): Uint8Array => Uint8Array.from(text, Number);

describe("steps beside scikit-image, SciPy and the rules of nnU-Net and TotalSegmentator", () => {
  const cases = [...golden.components, ...golden.probabilities].map((c) => ({ ...c, name: JSON.stringify(c.step) }));
  it.each(cases)("$name", ({ step, before, after, probability }) => {
    const { size, spacingMm } = golden;
    const probabilities =
      probability === undefined
        ? null
        : { start: [0, 0, 0] as const, size, byLabel: new Map([[1, Float32Array.from(probability)]]) };
    const input = { labels: digits(before), size, spacingMm, probabilities, image: null };
    const { labels } = applySteps(input, [RefineStep.parse(step)]);
    expect(labels.join("")).toBe(after);
  });

  it("are cases in which most steps change something", () => {
    expect(cases.filter(({ before, after }) => before !== after).length).toBeGreaterThan(0.8 * cases.length);
  });
});

describe("otsuThreshold, multiOtsuThresholds", () => {
  it.each(golden.otsu)("give scikit-image's numbers", ({ values, two, three, four }) => {
    const image = Float32Array.from(values);
    expect(otsuThreshold(image)).toBe(Math.fround(two));
    expect(multiOtsuThresholds(image, 3)).toEqual(three.map(Math.fround));
    expect(multiOtsuThresholds(image, 4)).toEqual(four.map(Math.fround));
  });
});

describe("squaredDistances", () => {
  it.each(golden.distances)("are scipy's, on a grid of three spacings", ({ mask, squared }) => {
    const found = squaredDistances(digits(mask), golden.size, golden.spacingMm);
    // Float32 keeps seven digits of distances up to 20 mm.
    expect(largestDifference(found, squared)).toBeLessThan(5e-5);
  });
});

describe("componentShapes", () => {
  it.each(golden.shapes)(
    "have ITK's moments, of boxes instead of points, and scikit-image's extent, in $size",
    ({ size, mask, forms }) => {
      const runs = componentRuns(digits(mask), size, 26);
      const found = componentShapes(runs, size, golden.spacingMm, size[2] === 1);
      expect(found.length).toBe(forms.length);
      for (const [n, form] of forms.entries()) {
        expect(found[n]?.extent).toBeCloseTo(form.extent, 12);
        expect(found[n]?.elongation).toBeCloseTo(form.elongation, 6);
        expect(found[n]?.sphericity).toBeCloseTo(form.sphericity, 6);
      }
    },
  );
});
