import { describe, expect, it } from "vitest";
import type { Size3, Vec3 } from "#src/imaging/affine.js";
import { RefineStep, RefineSteps } from "#src/model/refine-steps.js";
import { applySteps, type RefineInput } from "#src/refine/apply-steps.js";

const size: Size3 = [20, 18, 10];
const voxels = 3600;
const spacingMm: Vec3 = [1, 1, 2];

const at = (i: number): Vec3 => [i % 20, Math.floor(i / 20) % 18, Math.floor(i / 360)];
const radius = (i: number, [cx, cy]: readonly [number, number] = [9, 8]): number => {
  const [x, y, z] = at(i);
  return Math.hypot(x - cx, y - cy, 2 * (z - 5));
};
/** A ball of 100 in 20, with a small fixed ripple. */
const image = Float32Array.from({ length: voxels }, (_, i) => (radius(i) < 6 ? 100 : 20) + Math.sin(i * 1.9));
const truth = Uint8Array.from(image, (value) => (value > 60 ? 1 : 0));
/** The ball, drawn two voxels to the side and ragged. */
const rough = Uint8Array.from({ length: voxels }, (_, i) => (radius(i, [11, 8]) < 6 + Math.sin(i * 5.1) ? 1 : 0));

function inputOf(labels: Uint8Array, extra: Partial<RefineInput> = {}): RefineInput {
  return { labels, size, spacingMm, probabilities: null, image, ...extra };
}
const run = (input: RefineInput, step: Record<string, unknown>) => applySteps(input, [RefineStep.parse(step)]).labels;
const total = (labels: ArrayLike<number>): number => Array.from(labels).reduce((sum, label) => sum + label, 0);
const wrong = (labels: ArrayLike<number>): number => Array.from(labels).filter((v, i) => v !== truth[i]).length;

const STEPS = [
  { kind: "superpixel-vote", edgeMm: 3, compactness: 0.05 },
  { kind: "chan-vese", labels: [1], iterations: 10, marginMm: 6 },
  { kind: "geodesic-contour", labels: [1], iterations: 10, marginMm: 6 },
  { kind: "region-grow", labels: [1], withinMm: 8, deviations: 0.9 },
  { kind: "watershed", bandMm: 5 },
];

describe("classical steps", () => {
  it.each(STEPS.filter(({ kind }) => kind !== "region-grow"))(
    "bring a rough outline nearer to the edge: %o",
    (step) => {
      expect(wrong(run(inputOf(rough), step))).toBeLessThan(0.8 * wrong(rough));
    },
  );

  it.each(STEPS)("leave a map of background as it is: %o", (step) => {
    expect(run(inputOf(new Uint8Array(voxels)), step)).toEqual(new Uint8Array(voxels));
  });

  it.each(STEPS)("do not change what they are given: %o", (step) => {
    const labels = rough.slice();
    run(inputOf(labels), step);
    expect(labels).toEqual(rough);
  });

  it.each(STEPS)("give the same labels under other names: %o", (step) => {
    const renamed = "labels" in step ? { ...step, labels: [6] } : step;
    const expected = run(inputOf(rough), step).map((label) => 6 * label);
    expect(run(inputOf(rough.map((label) => 6 * label)), renamed)).toEqual(expected);
  });

  it.each(STEPS)("refuse a missing spacing, a missing image and a voxel that is not a number: %o", (step) => {
    const code = (extra: Partial<RefineInput>): unknown => {
      try {
        return run(inputOf(rough, extra), step);
      } catch (error) {
        return (error as { code: string }).code;
      }
    };
    const broken = image.slice();
    broken[9] = Number.NaN;
    expect(code({ spacingMm: null })).toBe("InputMismatch");
    expect(code({ image: null })).toBe("ContractViolation");
    expect(code({ image: broken })).toBe("ContractViolation");
  });

  it.each(STEPS.filter((step) => "labels" in step))("never take a voxel of another label: %o", (step) => {
    const other = rough.map((label, i) => (label === 0 && truth[i] === 1 && i % 2 === 0 ? 2 : label));
    const labels = run(inputOf(other), step);
    for (let i = 0; i < voxels; i++) if (other[i] === 2) expect(labels[i]).toBe(2);
  });
});

describe("superpixel-vote", () => {
  const flat = { byLabel: new Map([[1, Float32Array.from(rough, (label) => (label === 1 ? 0.7 : 0.2))]]) };
  const probabilities = { start: [0, 0, 0] as const, size, ...flat };

  it("decides by mean probability when told, background being the rest", () => {
    const step = { ...STEPS[0], use: "probabilities" };
    const labels = run(inputOf(rough, { probabilities }), step);
    expect(wrong(labels)).toBeLessThan(wrong(rough));
    const sure = new Float32Array(voxels).fill(0.49);
    const low = { ...probabilities, byLabel: new Map([[1, sure]]) };
    expect(run(inputOf(rough, { probabilities: low }), step)).toEqual(new Uint8Array(voxels));
  });

  it("stays within slices in 2-D, and follows edge, compactness and rounds", () => {
    const base = run(inputOf(rough), { ...STEPS[0] });
    for (const change of [{ dimensions: 2 }, { edgeMm: 6 }, { compactness: 50 }, { iterations: 1 }]) {
      expect(run(inputOf(rough), { ...STEPS[0], ...change })).not.toEqual(base);
    }
    const one = rough.map((label, i) => (Math.floor(i / 360) === 5 ? label : 0));
    const voted = run(inputOf(one), { ...STEPS[0], dimensions: 2 });
    expect(voted.every((label, i) => label === 0 || Math.floor(i / 360) === 5)).toBe(true);
  });
});

describe("contours", () => {
  it.each([{ dimensions: 2 }, { iterations: 1 }, { smoothing: 3 }, { lambdaInside: 0.05 }, { lambdaOutside: 0.05 }])(
    "without edges follow %o",
    (change) => {
      const graded = image.map((value, i) => value + 3 * (i % 20));
      const base = run(inputOf(rough, { image: graded }), { kind: "chan-vese", labels: [1], iterations: 4 });
      const changed = run(inputOf(rough, { image: graded }), {
        kind: "chan-vese",
        labels: [1],
        iterations: 4,
        ...change,
      });
      expect(changed).not.toEqual(base);
    },
  );

  it.each([{ dimensions: 2 }, { iterations: 1 }, { smoothing: 3 }, { balloon: 1 }, { sigmaMm: 3 }])(
    "of edges follow %o",
    (change) => {
      const step = { kind: "geodesic-contour", labels: [1], iterations: 4 };
      expect(run(inputOf(rough), { ...step, ...change })).not.toEqual(run(inputOf(rough), step));
    },
  );

  it.each([{ threshold: 0.9 }, { alpha: 1000 }])("of edges stop their balloon by %o", (change) => {
    const step = { kind: "geodesic-contour", labels: [1], iterations: 4, balloon: 1, threshold: 0.2 };
    expect(run(inputOf(rough), { ...step, ...change })).not.toEqual(run(inputOf(rough), step));
  });

  it("look no farther than their margin", () => {
    const core = rough.map((label, i) => (radius(i) < 2 ? label : 0));
    const step = { kind: "chan-vese", labels: [1], iterations: 30, smoothing: 0 };
    const near = run(inputOf(core), { ...step, marginMm: 1 });
    expect(near.every((label, i) => label === 0 || radius(i) < 5)).toBe(true);
    expect(run(inputOf(core), { ...step, marginMm: 12 })).not.toEqual(near);
  });
});

describe("region-grow", () => {
  const core = truth.map((label, i) => (radius(i) < 3 ? label : 0));
  const step = { kind: "region-grow", labels: [1], deviations: 3, withinMm: 10 };

  it("fills what is alike, keeps what it has, and goes no farther than told", () => {
    expect(wrong(run(inputOf(core), step))).toBe(0);
    const near = run(inputOf(core), { ...step, withinMm: 1 });
    // The core's outermost voxels lie just below 3 mm from the middle.
    expect(near.every((label, i) => label === 0 || radius(i) < 4)).toBe(true);
    expect(total(near)).toBeGreaterThan(total(core));
    const outside = core.map((label, i) => (i === 0 ? 1 : label));
    expect(run(inputOf(outside), step)[0]).toBe(1);
  });

  it("takes more with more deviations, and corners with 26", () => {
    const noisy = image.map((value, i) => value + 8 * Math.sin(i * 13.7));
    const grown = (change: object): number => total(run(inputOf(core, { image: noisy }), { ...step, ...change }));
    expect(grown({ deviations: 3 })).toBeGreaterThan(grown({ deviations: 0.8 }));
    expect(grown({ deviations: 0.8, connectivity: 26 })).toBeGreaterThan(grown({ deviations: 0.8 }));
  });
});

describe("watershed", () => {
  it("frees only the band, and keeps a label too thin to have a core", () => {
    const labels = run(inputOf(rough), { kind: "watershed", bandMm: 1 });
    const two = [-2, -1, 0, 1, 2];
    const reach = two.flatMap((x) => two.flatMap((y) => [-360, 0, 360].map((z) => x + 20 * y + z)));
    const isCore = (i: number): boolean => reach.every((step) => (rough[i + step] ?? 0) === rough[i]);
    for (let i = 0; i < voxels; i++) if (isCore(i)) expect(labels[i]).toBe(rough[i]);
    expect(labels).not.toEqual(rough);
    const thin = rough.map((label, i) => (i === 0 ? 7 : label));
    expect(run(inputOf(thin), { kind: "watershed", bandMm: 3 })[0]).toBe(7);
  });

  it("follows the width of the gradient and the neighbours that a flood goes to", () => {
    const noisy = image.map((value, i) => value + 25 * Math.sin(i * 13.7));
    const step = { kind: "watershed", bandMm: 4 };
    const base = run(inputOf(rough, { image: noisy }), step);
    expect(run(inputOf(rough, { image: noisy }), { ...step, sigmaMm: 2.5 })).not.toEqual(base);
    expect(run(inputOf(rough, { image: noisy }), { ...step, connectivity: 26 })).not.toEqual(base);
  });
});

describe("the order of steps", () => {
  it("is refused when a vote by probabilities would undo a contour", () => {
    const vote = { kind: "superpixel-vote", edgeMm: 3, use: "probabilities" };
    const contour = { kind: "chan-vese", labels: [1] };
    expect(RefineSteps.safeParse([contour, vote]).success).toBe(false);
    expect(RefineSteps.safeParse([vote, contour]).success).toBe(true);
    expect(RefineSteps.safeParse([contour, { ...vote, use: "labels" }]).success).toBe(true);
  });
});
