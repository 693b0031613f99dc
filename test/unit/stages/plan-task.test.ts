import { describe, expect, it } from "vitest";
import type { Size3, Vec3 } from "#src/imaging/affine.js";
import type { ModelManifest } from "#src/model/manifest.js";
import type { ModelPackage } from "#src/model/model-library.js";
import { planTask } from "#src/stages/plan-task.js";
import { brightManifest } from "../../support/tiny-models.js";

const LABELS = { wantedLabels: 0, maps: [] };

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
  return { grid: { size, spacingMm, affineRas: [x, 0, 0, 0, 0, y, 0, 0, 0, 0, z, 0] as const }, channels: 1 };
};

const whole = (classes: number) => pointwise(classes, { tiles: tiles([64, 64, 64]) });
const flat = (classes: number) => {
  const network = { ...brightManifest(new Uint8Array()).network, dimensions: 2 as const };
  return pointwise(classes, { network, tiles: tiles([192, 192, 1]) });
};
const coarse = (classes: number) =>
  pointwise(classes, {
    tiles: tiles([96, 96, 64]),
    spacingMm: [1.5, 1.5, 1.5],
    precision: "float16",
    resampling: { imageOrder: 3, logitsOrder: 1, separateZ: "never", grid: "extents", of: "logits" },
  });

describe("planTask", () => {
  // Peaks of `scanlane run` on one machine (2 cores, x64, Node.js 20.20), MiB.
  it.each([
    ["64 x 64 x 40, 3 classes", image([64, 64, 40]), whole(3), { preprocess: 99, segment: 138, publish: 142 }],
    ["64 x 64 x 40, 104 classes", image([64, 64, 40]), whole(104), { preprocess: 99, segment: 483, publish: 143 }],
    ["160 x 192 x 128, 3 classes", image([160, 192, 128]), whole(3), { segment: 234, publish: 169 }],
    ["160 x 192 x 128, 104 classes", image([160, 192, 128]), whole(104), { segment: 1360 }],
    ["160 x 192 x 128, in slices", image([160, 192, 128]), flat(3), { segment: 211, publish: 174 }],
    ["256 x 256 x 160, 3 classes", image([256, 256, 160]), whole(3), { preprocess: 293, segment: 315, publish: 213 }],
    [
      "512 x 512 x 100, resampled",
      image([512, 512, 100], [0.8, 0.8, 1]),
      coarse(3),
      { preprocess: 632, segment: 366, publish: 334 },
    ],
    [
      "320 x 300 x 90, resampled, 20 classes",
      image([320, 300, 90], [0.7, 0.7, 2]),
      coarse(20),
      { preprocess: 291, segment: 431, publish: 197 },
    ],
  ] as const)("predicts what was measured within 15 %%: %s", (_, shape, model, measured) => {
    const plan = planTask(shape, model, LABELS, undefined);
    for (const [stage, peak] of Object.entries(measured)) {
      const predicted = plan[stage as keyof typeof measured]?.memoryMiB ?? 0;
      expect(Math.abs(predicted / peak - 1), `${stage}: ${predicted} of ${peak}`).toBeLessThan(0.15);
    }
  });

  it("takes as many workers as there are, as long as their memory is there", () => {
    const limits = (memoryMiB: number | null) => ({ workers: 4, memoryMiB, isShared: false });
    const shape = image([160, 192, 128]);
    const most = planTask(shape, whole(20), LABELS, limits(null));
    expect(most.workers).toBe(4);
    const one = planTask(shape, whole(20), LABELS, undefined);
    const between = Math.round(((most.segment?.memoryMiB ?? 0) + (one.segment?.memoryMiB ?? 0)) / 2);
    const some = planTask(shape, whole(20), LABELS, limits(between));
    expect(some.workers).toBeGreaterThan(1);
    expect(some.workers).toBeLessThan(4);
    expect(some.segment?.memoryMiB).toBeLessThanOrEqual(between);
    expect(most.segment?.networkSeconds).toBeCloseTo((one.segment?.networkSeconds ?? 0) / 4, 1);
  });

  it("refuses what fits with no worker at all, with what is needed and what is there", () => {
    const limits = { workers: 4, memoryMiB: 1000, isShared: false };
    expect(() => planTask(image([160, 192, 128]), whole(104), LABELS, limits)).toThrow(
      expect.objectContaining({
        code: "MemoryInsufficient",
        message: expect.stringMatching(
          /^image of 160 x 192 x 128 voxels with bright3d is predicted to need 1\d{3} MiB of memory, available are 1000$/,
        ),
      }),
    );
  });

  it("adds up processes that share a machine", () => {
    const limits = (isShared: boolean) => ({ workers: 1, memoryMiB: 250, isShared });
    expect(planTask(image([64, 64, 40]), whole(3), LABELS, limits(false)).workers).toBe(1);
    expect(() => planTask(image([64, 64, 40]), whole(3), LABELS, limits(true))).toThrow("MiB");
  });
});
