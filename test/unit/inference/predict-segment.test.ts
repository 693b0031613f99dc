import { describe, expect, it } from "vitest";
import { type MemoryPhase, uncollected } from "#src/inference/memory-terms.js";
import { mayStartThreads } from "#src/inference/network-runs.js";
import { type RunsAtOnce, type SegmentAsks, segmentPhases } from "#src/inference/predict-segment.js";
import { preprocessTime, publishTime, segmentTime } from "#src/inference/predict-time.js";
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

  it("holds no more sessions than there are runs for them", () => {
    // One tile, in 1, 2 or 4 passes.
    const image = { ...IMAGE, grid: { ...IMAGE.grid, size: [32, 32, 16] as const } };
    const of = (mirrorAxes: ModelManifest["mirrorAxes"]) =>
      bytesOf(
        segmentPhases(image, model({ mirrorAxes }), LABELS, { workers: 3, batch: 8 }),
        "tiles",
        "run of a network",
      );
    expect(of([])).toBe(10 * MIB);
    expect(of(["x"])).toBe(2 * 10 * MIB);
    expect(of(["x", "y"])).toBe(3 * 10 * MIB);
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
      expect(term(wide(), "slab of logits")).toBe(4 * 104 * plane);
      expect(term(model(classes(104)), "slab of logits")).toBeUndefined();
    });

    it("holds the features of all mirrored passes, or the logits of one where those are less", () => {
      expect(term(wide({ mirrorAxes: ["x"] }), "mirrored answers")).toBe(2 * 8 * plane);
      expect(term(wide({ ...classes(60), mirrorAxes: ["x", "y", "z"] }), "mirrored answers")).toBe(60 * plane);
    });

    it("adds them in less time than whole answers", () => {
      const [slabs = 0, answers = 0] = [wide(), model(classes(104))].map(
        (one) => segmentTime(IMAGE, one, LABELS, 1, "")?.cpuSeconds,
      );
      // Of 15 tiles.
      expect(answers - slabs).toBeCloseTo(15 * 104 * (plane / 4) * 5e-9, 6);
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
    const time = segmentTime(IMAGE, model(), LABELS, 1, "a processor");
    const [low, high] = time?.seconds ?? [0, 0];
    // 3 x 1 x 5 tiles.
    expect(low).toBeGreaterThan(15 * 0.5);
    expect([low, high]).toEqual([time?.cpuSeconds, time?.cpuSeconds]);
  });

  it("is shared by workers, at most, and on one busy processor at least what all of them use", () => {
    const one = segmentTime(IMAGE, model(), LABELS, 1, "a processor");
    const two = segmentTime(IMAGE, model(), LABELS, 2, "a processor");
    expect(two?.cpuSeconds).toBe(one?.cpuSeconds);
    const [low = 0, high] = two?.seconds ?? [];
    expect((one?.seconds[0] ?? 0) - low).toBeCloseTo((15 * 0.5) / 2, 9);
    expect(high).toBe(two?.cpuSeconds);
  });

  it("is less sure on another machine, and unknown where nobody measured", () => {
    const known = segmentTime(IMAGE, model(), LABELS, 1, "a processor")?.seconds ?? [0, 0];
    const other = segmentTime(IMAGE, model(), LABELS, 1, "another")?.seconds ?? [0, 0];
    expect(other).toEqual([known[0] / 2, known[1] * 2]);
    expect(segmentTime(IMAGE, { ...model(), cost: null }, LABELS, 1, "a processor")).toBeNull();
  });

  it("counts what is made besides labels", () => {
    const cpuSeconds = (changes: Partial<ModelManifest>, asks: Partial<SegmentAsks>) =>
      segmentTime(IMAGE, model(changes), { ...LABELS, ...asks }, 1, "a processor")?.cpuSeconds ?? 0;
    const more = (changes: Partial<ModelManifest>, asks: Partial<SegmentAsks>) =>
      cpuSeconds(changes, asks) - cpuSeconds(changes, {});
    const each = more({}, { maps: ["uncertainty"] });
    expect(each).toBeGreaterThan(0);
    expect(more({}, { wantedLabels: 2 }) - more({}, { wantedLabels: 1 })).toBeGreaterThan(VOXELS * 200e-9);
    const mirrored = (mirrorAxes: ModelManifest["mirrorAxes"]) => more({ mirrorAxes }, { maps: ["disagreement"] });
    // The answers that are compared are twice as many.
    expect(mirrored(["x", "y"])).toBeGreaterThan(1.2 * mirrored(["x"]));
    expect(more(classes(20), { maps: ["uncertainty"] })).toBeGreaterThan(2 * each);
  });

  it("counts the way to the source's grid of every class of every member of an ensemble", () => {
    const members = ["a", "b"].map((id) => model({ id, ...classes(9) }));
    const ensemble = (grid: "source" | "network") =>
      ensembleOf(
        members.map((one) => [one.manifest as ModelManifest, 1] as const),
        grid,
      );
    const of = (grid: "source" | "network") =>
      segmentTime(IMAGE, { ...model({}, members), manifest: ensemble(grid), cost: null }, LABELS, 1, "a processor");
    const alone = members.reduce(
      (sum, one) => sum + (segmentTime(IMAGE, one, LABELS, 1, "a processor")?.cpuSeconds ?? 0),
      0,
    );
    const [source, network] = [of("source")?.cpuSeconds ?? 0, of("network")?.cpuSeconds ?? 0];
    expect(source).toBeGreaterThan(alone + 2 * 9 * VOXELS * 50e-9);
    expect(network).toBeLessThan(source);
  });

  it("begins where nothing of a region is found, and ends where it is the whole image", () => {
    const first = model({ id: "first" });
    const inside = model({ region: { model: "first", labels: [1], marginMm: 0 } }, [first]);
    const coarse = segmentTime(IMAGE, first, LABELS, 1, "a processor");
    const time = segmentTime(IMAGE, inside, LABELS, 1, "a processor");
    expect(time?.seconds[0]).toBe(coarse?.seconds[0]);
    expect(time?.seconds[1]).toBeGreaterThan(2 * (coarse?.seconds[1] ?? 0));
  });
});

describe("time of the other stages", () => {
  it("counts slices of a series, where they are read and where they are written", () => {
    const series = { ...IMAGE, files: 48 };
    const read = (image: typeof series | typeof IMAGE) => preprocessTime(image).cpuSeconds;
    expect(read(series) - read(IMAGE)).toBeCloseTo(47 * 2e-3, 9);
    const asks = { probabilities: 0, maps: 0, labelBytes: 1 as const, segments: 1, surfaces: false };
    const written = (segments: number) => publishTime(series, { ...asks, segments }).cpuSeconds;
    expect(written(1) - written(0)).toBeCloseTo(48 * 3e-3, 9);
  });

  it("counts maps and probabilities that are published", () => {
    const of = (probabilities: number, maps: number) =>
      publishTime(IMAGE, { probabilities, maps, labelBytes: 1, segments: 0, surfaces: false }).cpuSeconds;
    expect(of(3, 0) - of(0, 0)).toBeCloseTo(3 * 0.11e-6 * VOXELS, 9);
    expect(of(0, 2) - of(0, 0)).toBeCloseTo(2 * 0.03e-6 * VOXELS, 9);
  });
});

describe("mayStartThreads", () => {
  const withRuns = (secondsARun: number, others: readonly ModelPackage[] = []) => {
    const made = model({}, others);
    return { ...made, cost: made.cost ? { ...made.cost, secondsARun } : null };
  };

  it("is what the runs themselves will decide after the first one: 14 are left of 15", () => {
    expect(mayStartThreads(IMAGE.grid, withRuns(0.51 / 14))).toBe(true);
    expect(mayStartThreads(IMAGE.grid, withRuns(0.49 / 14))).toBe(false);
  });

  it("may be where nobody measured, but not of so few runs that no thread is worth its start", () => {
    expect(mayStartThreads(IMAGE.grid, { ...model(), cost: null })).toBe(true);
    const one = { ...IMAGE.grid, size: [32, 32, 16] as const };
    expect(mayStartThreads(one, { ...model(), cost: null })).toBe(false);
  });

  it("is said of a model that asks another one, where that one's runs are long", () => {
    expect(mayStartThreads(IMAGE.grid, withRuns(0.001, [withRuns(0.001)]))).toBe(false);
    expect(mayStartThreads(IMAGE.grid, withRuns(0.001, [withRuns(1)]))).toBe(true);
  });
});
