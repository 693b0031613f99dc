import { describe, expect, it } from "vitest";
import type { Size3, Vec3 } from "#src/imaging/affine.js";
import { ClassicalManifest } from "#src/model/classical-manifest.js";
import type { ModelManifest } from "#src/model/manifest.js";
import type { ModelPackage } from "#src/model/model-library.js";
import { RefineSteps } from "#src/model/refine-steps.js";
import { planTask } from "#src/stages/plan-task.js";
import { brightManifest } from "../../support/tiny-models.js";

const LABELS = {
  segment: { wantedLabels: 0, maps: [] },
  publish: { probabilities: 0, maps: 0, labelBytes: 1 as const, segments: 0, surfaces: false },
  steps: [],
};

/** A network of one layer, as the measured ones had, which itself takes next to nothing. */
function pointwise(classes: number, changes: Partial<ModelManifest> = {}): ModelPackage {
  const base = brightManifest(new Uint8Array());
  const manifest = { ...base, orientation: "source" as const, ...changes };
  const answerMiB = (4 * classes * manifest.tiles.patchVox.reduce((a, b) => a * b, 1)) / 2 ** 20;
  const network = { ...base.network, classes, dimensions: changes.network?.dimensions ?? 3 };
  return {
    manifest: { ...manifest, network },
    digest: "",
    folder: "",
    others: new Map(),
    cost: {
      schemaVersion: 1,
      network: base.network.sha256,
      shape: [1, 1, 8, 8, 8],
      loadedMiB: 28,
      runMiB: answerMiB * (network.dimensions === 2 ? 8 : 1),
      secondsARun: 0.5,
      machine: "a test",
    },
  };
}
const tiles = (patchVox: [number, number, number]) => ({
  ...brightManifest(new Uint8Array()).tiles,
  patchVox,
  stepFraction: 1,
});
const image = (size: Size3, spacingMm: Vec3 = [1, 1, 1]) => {
  const [x, y, z] = spacingMm;
  return {
    grid: { size, spacingMm, affineRas: [x, 0, 0, 0, 0, y, 0, 0, 0, 0, z, 0] as const },
    ...{ channels: 1, voxelBytes: 2, heldBytes: 2 as const, files: 1, fileBytes: 1.4 * size[0] * size[1] * size[2] },
  };
};

const whole = (classes: number) => pointwise(classes, { tiles: tiles([64, 64, 64]) });
/** A network with what a run of it was measured to take. */
const ct = (classes: number, runMiB: number): ModelPackage => {
  const model = pointwise(classes, {
    tiles: { ...tiles([96, 96, 64]), stepFraction: 0.8 },
    spacingMm: [1.5, 1.5, 1.5],
    precision: "float16",
    resampling: { imageOrder: 3, logitsOrder: 1, separateZ: "never", grid: "extents", of: "logits" },
  });
  return { ...model, cost: model.cost ? { ...model.cost, loadedMiB: 23, runMiB } : null };
};
const CT_150 = image([256, 256, 150], [0.8, 0.8, 1]);
const CT_70 = image([400, 400, 70], [0.7, 0.7, 2.5]);

describe("planTask", () => {
  // Peaks of `scanlane run` on one machine (2 cores, x64, Node.js 20.20), MiB: bench/preflight.ts.
  it.each([
    ["64 x 64 x 40, 3 classes", image([64, 64, 40]), ct(3, 88), { preprocess: 83, segment: 216, publish: 119 }],
    ["64 x 64 x 40, 104 classes", image([64, 64, 40]), ct(104, 558), { preprocess: 82, segment: 795, publish: 118 }],
    ["256 x 256 x 150, 3 classes", CT_150, ct(3, 88), { preprocess: 136, segment: 267, publish: 161 }],
    ["256 x 256 x 150, 104 classes", CT_150, ct(104, 558), { preprocess: 138, segment: 955, publish: 162 }],
    ["400 x 400 x 70, 20 classes", CT_70, ct(20, 136), { preprocess: 153, segment: 411, publish: 149 }],
  ] as const)("predicts what was measured, at most 8 in 100 less and 17 more: %s", (_, shape, model, measured) => {
    const plan = planTask(shape, model, LABELS, undefined);
    for (const [stage, peak] of Object.entries(measured)) {
      const predicted = plan[stage as keyof typeof measured]?.memoryMiB ?? 0;
      expect(predicted / peak, `${stage}: ${predicted} of ${peak}`).toBeGreaterThan(0.92);
      expect(predicted / peak, `${stage}: ${predicted} of ${peak}`).toBeLessThan(1.17);
    }
  });

  it("takes as many workers as there are, as long as their memory is there", () => {
    const limits = (memoryMiB: number) => ({ sizes: [{ workers: 4, memoryMiB }], isShared: false });
    const shape = image([160, 192, 128]);
    const most = planTask(shape, whole(20), LABELS, limits(Number.POSITIVE_INFINITY));
    expect(most.workers).toBe(4);
    const one = planTask(shape, whole(20), LABELS, undefined);
    const between = Math.round(((most.segment?.memoryMiB ?? 0) + (one.segment?.memoryMiB ?? 0)) / 2);
    const some = planTask(shape, whole(20), LABELS, limits(between));
    expect(some.workers).toBeGreaterThan(1);
    expect(some.workers).toBeLessThan(4);
    expect(some.segment?.memoryMiB).toBeLessThanOrEqual(between);
    expect(most.segment?.networkSeconds).toBeCloseTo((one.segment?.networkSeconds ?? 0) / 4, 1);
    // Measured on a CPU, and said of no other device.
    const { segment } = planTask(shape, whole(20), LABELS, undefined, "cuda");
    expect(segment).toEqual({ memoryMiB: one.segment?.memoryMiB, jobSize: 0 });
  });

  it("takes a worker for every two processors where each run has two threads, and one where there is one", () => {
    const shape = image([160, 192, 128]);
    const model = whole(20);
    const wide = { ...model, cost: model.cost ? { ...model.cost, threads: 2 } : null };
    const by = (workers: number, of: ModelPackage) =>
      planTask(shape, of, LABELS, { sizes: [{ workers, memoryMiB: Number.POSITIVE_INFINITY }], isShared: false });
    expect([1, 2, 5].map((workers) => by(workers, wide).workers)).toEqual([1, 1, 2]);
    const [one, two] = [by(1, model), by(2, wide)].map(({ segment }) => segment);
    expect(two?.memoryMiB).toBe(one?.memoryMiB);
    expect(two?.networkSeconds).toBeCloseTo((one?.networkSeconds ?? 0) / 2, 1);
  });

  it("takes no more workers than there are runs", () => {
    const by = (workers: number) => {
      const sizes = [{ workers, memoryMiB: Number.POSITIVE_INFINITY }];
      return planTask(image([96, 96, 64]), whole(3), LABELS, { sizes, isShared: false });
    };
    // Of four tiles.
    expect(by(64).workers).toBe(4);
    expect(by(64).segment).toEqual(by(4).segment);
  });

  it("refuses what fits with no worker at all, with what is needed and what is there", () => {
    const limits = { sizes: [{ workers: 4, memoryMiB: 1000 }], isShared: false };
    expect(() => planTask(image([160, 192, 128]), whole(104), LABELS, limits)).toThrow(
      expect.objectContaining({
        code: "MemoryInsufficient",
        message: expect.stringMatching(
          /^image of 160 x 192 x 128 voxels with bright3d is predicted to need 1\d{3} MiB of memory, available are 1000$/,
        ),
      }),
    );
  });

  it("takes the smallest size in which one worker fits, and there as many as do", () => {
    const shape = image([160, 192, 128]);
    const model = whole(104);
    const costly = { ...model, cost: model.cost ? { ...model.cost, runMiB: 600 } : null };
    const one = planTask(shape, costly, LABELS, undefined).segment?.memoryMiB ?? 0;
    const sizes = [
      // Less than a seventh is no room to spare.
      { memoryMiB: one + 10, workers: 2 },
      { memoryMiB: Math.ceil(1.2 * one), workers: 4 },
      { memoryMiB: 100_000, workers: 8 },
    ];
    const plan = planTask(shape, costly, LABELS, { sizes, isShared: false });
    expect(plan).toMatchObject({ workers: 1, segment: { jobSize: 1 }, preprocess: { jobSize: 0 } });
    const [tight] = sizes;
    const last = planTask(shape, costly, LABELS, { sizes: tight ? [tight] : [], isShared: false });
    expect(last).toMatchObject({ workers: 1, segment: { jobSize: 0 } });
    const small = planTask(image([64, 64, 160]), whole(3), LABELS, { sizes, isShared: false });
    expect(small).toMatchObject({ workers: 2, segment: { jobSize: 0 } });
  });

  it("takes one worker, and the memory of one, where threads are not worth their start", () => {
    const limits = { sizes: [{ workers: 4, memoryMiB: 100_000 }], isShared: false };
    const of = (depth: number, capacity?: typeof limits) =>
      planTask(image([64, 64, depth]), whole(3), LABELS, capacity);
    // One run is left of two, two of three.
    expect(of(128, limits)).toEqual(of(128));
    expect(of(129, limits).workers).toBe(3);
  });

  it("says that what works in a region that is found first takes so much at most", () => {
    const first = whole(3);
    const region = { model: first.manifest.id, labels: [1], marginMm: 5 };
    const inside = { ...pointwise(3, { region }), others: new Map([[first.manifest.id, first]]) };
    expect(planTask(image([64, 64, 40]), inside, LABELS).segment?.isAtMost).toBe(true);
    expect(planTask(image([64, 64, 40]), first, LABELS).segment?.isAtMost).toBeUndefined();
  });

  it("runs a 2-D network in smaller batches before it refuses, and only then", () => {
    const network = { ...brightManifest(new Uint8Array()).network, dimensions: 2 as const, classes: 20 };
    const made = pointwise(20, { network, tiles: tiles([256, 256, 1]) });
    const slices = { ...made, cost: made.cost ? { ...made.cost, runMiB: 400 } : null };
    const shape = image([256, 256, 40]);
    const whole = planTask(shape, slices, LABELS, undefined);
    expect(whole.batch).toBeUndefined();
    const need = whole.segment?.memoryMiB ?? 0;
    const sizes = (memoryMiB: number) => ({ sizes: [{ memoryMiB, workers: 1 }], isShared: false });
    const half = planTask(shape, slices, LABELS, sizes(need - 5));
    expect(half.batch).toBe(4);
    expect(half.segment?.memoryMiB).toBeLessThan(need);
    expect(() => planTask(shape, slices, LABELS, sizes(100))).toThrow("MiB");
  });

  it("adds up processes that share a machine", () => {
    const limits = (isShared: boolean) => ({ sizes: [{ workers: 1, memoryMiB: 250 }], isShared });
    expect(planTask(image([64, 64, 40]), whole(3), LABELS, limits(false)).workers).toBe(1);
    expect(() => planTask(image([64, 64, 40]), whole(3), LABELS, limits(true))).toThrow("MiB");
  });

  describe("of steps after the network", () => {
    const shape = image([160, 192, 128]);
    const small = { kind: "remove-small", labels: [1], minVoxels: 5 };
    const crf = {
      kind: "dense-crf",
      smoothness: { weight: 1, widthMm: 2 },
      appearance: { weight: 1, widthMm: 9, widthSd: 1 },
    };
    const sizes = [4000, 8000].map((memoryMiB) => ({ memoryMiB, workers: 1 }));
    const of = (steps: readonly object[], changes: Partial<typeof LABELS.segment> = {}, isShared = false) => {
      const asks = { ...LABELS, segment: { ...LABELS.segment, ...changes }, steps: RefineSteps.parse(steps) };
      return planTask(shape, whole(3), asks, { sizes, isShared });
    };

    it("says what they take at most, and nothing where there are none", () => {
      expect(of([]).postprocess).toBeUndefined();
      const plan = of([small]).postprocess;
      expect(plan).toMatchObject({ isAtMost: true, jobSize: 0 });
      expect(plan?.memoryMiB).toBeLessThan(200);
      expect(of([crf, small], { wantedLabels: 2 }).postprocess?.memoryMiB).toBeGreaterThan(1500);
    });

    it("adds what Segment left, where both are one process", () => {
      const [apart, shared] = [of([small]), of([small], {}, true)];
      const left = (shared.postprocess?.memoryMiB ?? 0) - (apart.postprocess?.memoryMiB ?? 0);
      expect(left).toBeGreaterThan(40);
      expect(left).toBeLessThan(apart.segment?.memoryMiB ?? 0);
      // Nor is it less than what that held at its peak.
      expect(shared.postprocess?.memoryMiB).toBeGreaterThanOrEqual(shared.segment?.memoryMiB ?? 0);
    });

    it("asks for a larger size for them, and refuses nothing where there is none", () => {
      const large = { ...image([512, 512, 100]) };
      const asks = { ...LABELS, segment: { wantedLabels: 2, maps: [] }, steps: RefineSteps.parse([crf]) };
      const plan = planTask(large, whole(3), asks, { sizes, isShared: false });
      expect(plan.postprocess?.memoryMiB).toBeGreaterThan(4000);
      expect(plan.postprocess?.jobSize).toBe(1);
      const [first] = sizes;
      const one = planTask(large, whole(3), asks, { sizes: first ? [first] : [], isShared: false });
      expect(one.postprocess?.jobSize).toBe(0);
    });
  });

  it("predicts a classical method, in Segment", () => {
    const base = whole(3);
    const { schemaVersion, id, version, title, description, labels, licence, scores } = brightManifest(
      new Uint8Array(),
    );
    const of = (classical: object) => {
      const manifest = ClassicalManifest.parse({
        ...{ schemaVersion, id, version, title, description, labels, licence, scores },
        ...{ classical, channels: [{ name: "any", modalities: [] }], postprocess: [], trainingData: [] },
      });
      return planTask(image([160, 192, 128]), { ...base, manifest, cost: null }, LABELS).segment;
    };
    const clusters = of({ kind: "k-means", labels: [0, 1] });
    expect(clusters?.memoryMiB).toBeGreaterThan(97 + (20 * 160 * 192 * 128) / 2 ** 20);
    expect(clusters?.cpuSeconds).toBeGreaterThan(0.4);
    expect(clusters?.isAtMost).toBeUndefined();
    const contour = of({ kind: "chan-vese" });
    expect(contour?.isAtMost).toBe(true);
    expect(contour?.cpuSeconds).toBeUndefined();
    expect(contour?.memoryMiB).toBeGreaterThan(clusters?.memoryMiB ?? 0);
  });
});
