import { describe, expect, it } from "vitest";
import type { Size3 } from "#src/imaging/affine.js";
import type { MemoryPhase } from "#src/inference/memory-terms.js";
import { type ImageShape, preprocessPhases } from "#src/inference/predict-volumes.js";
import type { ModelManifest } from "#src/model/manifest.js";
import { brightManifest } from "../../support/tiny-models.js";

const BASE = brightManifest(new Uint8Array());
const CUBIC: ModelManifest = {
  ...BASE,
  orientation: "source",
  spacingMm: [2, 2, 2],
  resampling: { imageOrder: 3, logitsOrder: 1, separateZ: "never", grid: "extents", of: "logits" },
};
const VOXELS = 40 * 30 * 20;

function imageOf(changes: Partial<ImageShape> = {}, spacingMm: Size3 = [1, 1, 1]): ImageShape {
  const grid = { size: [40, 30, 20] as const, spacingMm, affineRas: [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0] as const };
  return { grid, channels: 1, voxelBytes: 2, heldBytes: 2, fileBytes: 1000, files: 1, ...changes };
}

function bytesOf(phases: readonly MemoryPhase[], phase: string, term: string): number {
  return phases.find(({ name }) => name === phase)?.terms.find(({ name }) => name === term)?.bytes ?? 0;
}

describe("preprocessPhases", () => {
  it("holds voxels as they are stored where those will do, and else as well", () => {
    const held = (
      [
        [1, 2],
        [2, 2],
        [2, 4],
        [4, 4],
        [8, 4],
      ] as const
    ).map(([voxelBytes, heldBytes]) => {
      const phases = preprocessPhases(imageOf({ voxelBytes, heldBytes }), CUBIC);
      const [images, stored] = ["images", "stored voxels"].map((term) => bytesOf(phases, "read", term) / VOXELS);
      return [images, stored, bytesOf(phases, "write the image", "image's file") / VOXELS];
    });
    expect(held).toEqual([
      [2, 1, 2],
      [2, 0, 2],
      [4, 2, 4],
      [4, 0, 4],
      [4, 8, 4],
    ]);
  });

  it("holds remote slices that are read before their turn, while it reads", () => {
    const phases = preprocessPhases(imageOf({ files: 20, aheadBytes: 19_000 }), CUBIC);
    expect(phases.map(({ name }) => bytesOf(phases, name, "slices ahead of it")).filter((bytes) => bytes > 0)).toEqual([
      19_000,
    ]);
    expect(bytesOf(phases, "read", "slices ahead of it")).toBe(19_000);
  });

  it("has no volume between x and y, and none in double precision after the last axis", () => {
    const resampling = (spacingMm: Size3, manifest = CUBIC) =>
      bytesOf(preprocessPhases(imageOf({}, spacingMm), manifest), "resample", "resampling");
    const result = 20 * 15 * 10;
    // x and y, then z.
    expect(resampling([1, 1, 1])).toBe(8 * 20 * 15 * 20 + 4 * result);
    // z shrinks most, then x and y.
    expect(resampling([1, 1, 0.5])).toBe(8 * 40 * 30 * 5 + 4 * 20 * 15 * 5);
    // Not cubic: a volume for each axis.
    const linear = { ...CUBIC, resampling: { ...CUBIC.resampling, imageOrder: 1 as const } };
    expect(resampling([1, 1, 1], linear)).toBe(8 * (20 * 30 * 20 + 20 * 15 * 20 + result) + 4 * result);
    // Slices first, each axis of the volume after them.
    const apart = { ...CUBIC, resampling: { ...CUBIC.resampling, separateZ: "auto" as const } };
    expect(resampling([1, 1, 5], apart)).toBe(8 * (20 * 15 * 20 + 20 * 15 * 50) + 4 * 20 * 15 * 50);
    expect(resampling([2, 2, 2])).toBe(0);
  });

  it("frees each channel as its copy is there", () => {
    const linear = { ...CUBIC.resampling, imageOrder: 1 as const };
    const model = { ...CUBIC, orientation: "LPS" as const, resampling: linear };
    const phases = preprocessPhases(imageOf({ channels: 3 }), model);
    expect(bytesOf(phases, "turn", "turned channel")).toBe(2 * VOXELS);
    expect(bytesOf(phases, "scale", "images")).toBe(6 * VOXELS);
    expect(bytesOf(phases, "scale", "scaled channel")).toBe(4 * VOXELS);
    expect(bytesOf(phases, "resample", "other channels")).toBe(4 * VOXELS);
    expect(preprocessPhases(imageOf(), CUBIC).map(({ name }) => name)).not.toContain("turn");
  });

  it("scales whole numbers while they are resampled by splines, in no array of their own", () => {
    const scaled = (changes: Partial<ImageShape>, manifest = CUBIC) => {
      const phases = preprocessPhases(imageOf(changes), manifest);
      return [bytesOf(phases, "scale", "scaled channel"), bytesOf(phases, "resample", "channel as it is")];
    };
    expect(scaled({})).toEqual([0, 2 * VOXELS]);
    expect(scaled({ heldBytes: 4 })).toEqual([4 * VOXELS, 0]);
    const [channel] = CUBIC.channels;
    const normalisation = { kind: "zscore", mask: "foreground" } as const;
    expect(scaled({}, { ...CUBIC, channels: channel ? [{ ...channel, normalisation }] : [] })).toEqual([4 * VOXELS, 0]);
  });

  it("counts the mask of a foreground where a channel is scaled by it", () => {
    const [channel] = CUBIC.channels;
    const normalisation = { kind: "zscore", mask: "foreground" } as const;
    const masked = { ...CUBIC, channels: channel ? [{ ...channel, normalisation }] : [] };
    expect(bytesOf(preprocessPhases(imageOf(), masked), "scale", "foreground mask")).toBe(VOXELS);
  });
});
