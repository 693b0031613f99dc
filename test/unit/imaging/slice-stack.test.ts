import { describe, expect, it } from "vitest";
import type { Vec3 } from "#src/imaging/affine.js";
import { labelsOfStack, type SliceStack, stackToGrid } from "#src/imaging/slice-stack.js";

/** Values of a plane through space, at voxel positions. */
const planeAt = (x: number, y: number, z: number) => 3 * x - 2 * y + 5 * z + 1;

function stackOf(offsetsVox: readonly Vec3[]): { stack: SliceStack; slices: Float32Array } {
  const [columns, rows] = [4, 3];
  const stack: SliceStack = { size: [columns, rows, offsetsVox.length], offsetsVox };
  const slices = new Float32Array(columns * rows * offsetsVox.length);
  for (let i = 0; i < slices.length; i++) {
    const [x, y, z] = offsetsVox[Math.floor(i / (columns * rows))] ?? [0, 0, 0];
    slices[i] = planeAt(x + (i % columns), y + (Math.floor(i / columns) % rows), z);
  }
  return { stack, slices };
}

describe("stackToGrid", () => {
  it("gives a plane through space back where slices are unevenly spaced", () => {
    const { stack, slices } = stackOf([
      [0, 0, 0],
      [0, 0, 0.7],
      [0, 0, 1],
      [0, 0, 2.6],
      [0, 0, 4],
    ]);
    const grid = stackToGrid(slices, stack, [4, 3, 5]);
    for (const [i, value] of grid.entries()) {
      expect(value).toBeCloseTo(planeAt(i % 4, Math.floor(i / 4) % 3, Math.floor(i / 12)), 4);
    }
  });

  it("gives it back where slices are shifted sideways, and goes on with the edge beyond them", () => {
    const { stack, slices } = stackOf([
      [0, 0, 0],
      [0, 0.5, 1],
      [0, 1, 2],
    ]);
    const grid = stackToGrid(slices, stack, [4, 4, 3]);
    for (const [i, value] of grid.entries()) {
      const [x, y, z] = [i % 4, Math.floor(i / 4) % 4, Math.floor(i / 16)];
      const within = Math.min(2 + 0.5 * z, Math.max(0.5 * z, y));
      expect(value).toBeCloseTo(planeAt(x, within, z), 5);
    }
  });

  it("copies slices that are planes, shifted by whole pixels, exactly", () => {
    const { stack, slices } = stackOf([
      [1, 0, 0],
      [0, 1, 1],
    ]);
    const noisy = slices.map((value, i) => value + Math.sin(i));
    const grid = stackToGrid(noisy, stack, [5, 4, 2]);
    expect(grid[1]).toBe(noisy[0]);
    expect(grid[20 + 5]).toBe(noisy[12]);
    expect(grid[20 + 5 + 5 * 2 + 3]).toBe(noisy[23]);
  });
});

describe("labelsOfStack", () => {
  it("takes each pixel's nearest voxel", () => {
    const labels = Uint8Array.from({ length: 2 * 3 * 4 }, (_, i) => i);
    const stack: SliceStack = {
      size: [2, 2, 3],
      offsetsVox: [
        [0, 0, 0],
        [0, 0.6, 1.4],
        [0, 1, 3],
      ],
    };
    expect([...labelsOfStack(labels, stack, [2, 3, 4])]).toEqual([0, 1, 2, 3, 8, 9, 10, 11, 20, 21, 22, 23]);
  });

  it("keeps 16-bit labels", () => {
    const stack: SliceStack = { size: [1, 1, 1], offsetsVox: [[0, 0, 0]] };
    expect(labelsOfStack(Uint16Array.of(700), stack, [1, 1, 1])).toEqual(Uint16Array.of(700));
  });
});
