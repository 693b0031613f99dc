import { describe, expect, it } from "vitest";
import { type MemoryPhase, uncollected } from "#src/inference/memory-terms.js";
import { type RunsAtOnce, segmentPhases } from "#src/inference/predict-segment.js";
import { segmentTime } from "#src/inference/predict-time.js";
import type { ModelManifest } from "#src/model/manifest.js";
import type { ModelPackage } from "#src/model/model-library.js";
import { ensembleOf } from "../../support/tiny-ensemble.js";
import { brightManifest } from "../../support/tiny-models.js";

const MIB = 2 ** 20;
const IMAGE = {
  grid: { size: [64, 32, 48], spacingMm: [1, 1, 1], affineRas: [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0] },
  ...{ channels: 1, voxelBytes: 2, fileBytes: 1, files: 1 },
  heldBytes: 2,
} as const;
const VOXELS = 64 * 32 * 48;
const ONE = { workers: 1, batch: 8 };
const LABELS = { wantedLabels: 0, maps: [] } as const;

/** A network of tiles of 32 x 32 x 16 voxels that was measured to take 30 MiB loaded and 10 MiB in a run. */
function model(changes: Partial<ModelManifest> = {}, others: readonly ModelPackage[] = []): ModelPackage {
  const base = brightManifest(new Uint8Array());
  const tiles = { ...base.tiles, patchVox: [32, 32, 16] as [number, number, number] };
  const manifest = { ...base, orientation: "source" as const, tiles, ...changes };
  return {
    ...{ manifest, digest: "", folder: "", others: new Map(others.map((other) => [other.manifest.id, other])) },
    cost: {
      ...{ schemaVersion: 1, network: base.network.sha256, shape: [1, 1, 16, 32, 32], loadedMiB: 30, runMiB: 10 },
      ...{ secondsARun: 0.5, machine: "a processor, linux" },
    },
  };
}

const bytesOf = (phases: readonly MemoryPhase[] | null, phase: string, term: string) =>
  phases?.find(({ name }) => name === phase)?.terms.find(({ name }) => name === term)?.bytes;
const classes = (count: number) => ({ network: { ...brightManifest(new Uint8Array()).network, classes: count } });

describe("segmentPhases", () => {
  it("holds a plane a class and one of weights in the tiles' window, in half or single precision", () => {
    // And of one slice the means.
    const slice = 64 * 32;
    const of = (changes: Partial<ModelManifest>) =>
      bytesOf(segmentPhases(IMAGE, model(changes), LABELS, ONE), "tiles", "window of the tiles");
    expect(of(classes(9))).toBe(4 * 10 * 16 * slice + 4 * 9 * slice);
    expect(of({ ...classes(9), precision: "float16" })).toBe(2 * 10 * 16 * slice + 4 * 9 * slice);
  });

  it("holds all logits only where probabilities are wanted", () => {
    const of = (wantedLabels: number) =>
      bytesOf(
        segmentPhases(IMAGE, model(classes(9)), { wantedLabels, maps: [] }, ONE),
        "tiles",
        "slices of logits that wait",
      );
    expect(of(1)).toBe(4 * 9 * VOXELS);
    expect(of(0)).toBeLessThan(of(1) ?? 0);
  });

  it("holds one slice of logits in place of two where no slice of the result lies between two", () => {
    const of = (logitsOrder: 0 | 1) => {
      const resampling = { ...brightManifest(new Uint8Array()).resampling, logitsOrder };
      const thick = model({ ...classes(9), resampling, spacingMm: [1, 1, 3] });
      return bytesOf(segmentPhases(IMAGE, thick, LABELS, ONE), "tiles", "slices of logits that wait") ?? 0;
    };
    // Beside its classes a slice has three values a voxel, and three slices of the result lie between two.
    expect(of(1) - of(0)).toBe(4 * (9 + 3) * 64 * 32);
  });

  it("holds a network's tensors once for each fold and worker", () => {
    const folds = [{ file: "b", sha256: "" }];
    const network = { ...brightManifest(new Uint8Array()).network, folds };
    const of = (workers: number) =>
      bytesOf(segmentPhases(IMAGE, model({ network }), LABELS, { workers, batch: 8 }), "tiles", "run of a network");
    expect(of(1)).toBe(2 * 10 * MIB);
    expect(of(3)).toBe(6 * 10 * MIB);
  });

  describe("of a network that gives features", () => {
    const plane = 4 * 32 * 32 * 16;
    /** 104 classes of 8 features. */
    const wide = (changes: Partial<ModelManifest> = {}): ModelPackage => {
      const { cost = null, ...rest } = model({ ...classes(104), ...changes });
      return { ...rest, cost: cost && { ...cost, features: 8 } };
    };
    const term = (one: ModelPackage, name: string, runsAtOnce: RunsAtOnce = { workers: 2, batch: 8 }) =>
      bytesOf(segmentPhases(IMAGE, one, LABELS, runsAtOnce), "tiles", name);

    it("holds features under way, and of logits a slab", () => {
      expect(term(wide(), "answers under way")).toBe(8 * plane);
      expect(term(model(classes(104)), "answers under way")).toBe(104 * plane);
      // 16 slices are 6.5 MiB.
      expect(term(wide(), "slab of logits")).toBe(2 * 104 * plane);
      expect(term(model(classes(104)), "slab of logits")).toBeUndefined();
    });

    it("holds the features of all mirrored passes, or the logits of one where those are less", () => {
      expect(term(wide({ mirrorAxes: ["x"] }), "mirrored answers")).toBe(2 * 8 * plane);
      expect(term(wide({ ...classes(60), mirrorAxes: ["x", "y", "z"] }), "mirrored answers")).toBe(60 * plane);
    });

    it("holds logits as a whole on a GPU, and in a run both of their copies", () => {
      const whole = { workers: 1, batch: 8, isWhole: true };
      expect(term(wide(), "slab of logits", whole)).toBeUndefined();
      expect(term(wide(), "run of a network", whole)).toBe(10 * MIB + 2 * 96 * plane);
    });
  });

  it("adds the source's image and what is asked first, in a cascade", () => {
    const first = model({ id: "first", ...classes(50) });
    const after = model({ previous: { model: "first", labels: [1] } }, [first]);
    const phases = segmentPhases(IMAGE, after, LABELS, ONE);
    expect(phases?.length).toBe(2 * (segmentPhases(IMAGE, first, LABELS, ONE)?.length ?? 0));
    expect(bytesOf(phases, "tiles", "source's image")).toBe(4 * VOXELS);
  });

  it("holds an ensemble's means beside each member", () => {
    const members = ["a", "b"].map((id) => model({ id, ...classes(5) }));
    const manifest = ensembleOf(members.map((one) => [one.manifest as ModelManifest, 1] as const));
    const together = { ...model({}, members), manifest, cost: null };
    expect(bytesOf(segmentPhases(IMAGE, together, LABELS, ONE), "tiles", "means of probabilities")).toBe(
      4 * 5 * VOXELS,
    );
  });
});

describe("uncollected", () => {
  it("is all that was given away, up to what V8 waits for and two of the largest arrays", () => {
    expect(uncollected(1000, 10)).toBe(1000);
    expect(uncollected(1000 * MIB, 100 * MIB)).toBe(232 * MIB);
  });
});

describe("segmentTime", () => {
  it("is that of the network's runs and of what goes on around them", () => {
    const time = segmentTime(IMAGE, model(), 1, "a processor");
    const [low, high] = time?.seconds ?? [0, 0];
    // 3 x 1 x 5 tiles.
    expect(low).toBeGreaterThan(15 * 0.5);
    expect([low, high]).toEqual([time?.cpuSeconds, time?.cpuSeconds]);
  });

  it("is shared by workers, at most, and on one busy processor at least what all of them use", () => {
    const one = segmentTime(IMAGE, model(), 1, "a processor");
    const two = segmentTime(IMAGE, model(), 2, "a processor");
    expect(two?.cpuSeconds).toBe(one?.cpuSeconds);
    const [low = 0, high] = two?.seconds ?? [];
    expect((one?.seconds[0] ?? 0) - low).toBeCloseTo((15 * 0.5) / 2, 9);
    expect(high).toBe(two?.cpuSeconds);
  });

  it("is less sure on another machine, and unknown where nobody measured", () => {
    const known = segmentTime(IMAGE, model(), 1, "a processor")?.seconds ?? [0, 0];
    const other = segmentTime(IMAGE, model(), 1, "another")?.seconds ?? [0, 0];
    expect(other).toEqual([known[0] / 2, known[1] * 2]);
    expect(segmentTime(IMAGE, { ...model(), cost: null }, 1, "a processor")).toBeNull();
  });
});
