import { describe, expect, it } from "vitest";
import { stretchLinear, stretchNearest } from "#src/report/stretch.js";

const all = (span: number, pixels: number) => ({ start: 0, span, pixels });

describe("stretchLinear", () => {
  it("returns the same values at the same size", () => {
    const data = Float32Array.of(1, 2, 3, 4, 5, 6);
    expect([...stretchLinear(data, 3, all(3, 3), all(2, 2))]).toEqual([...data]);
  });

  it("keeps a constant constant when it grows and when it shrinks", () => {
    const data = new Float32Array(7 * 5).fill(3);
    for (const pixels of [2, 4, 9, 20]) {
      for (const value of stretchLinear(data, 7, all(7, pixels), all(5, pixels))) expect(value).toBeCloseTo(3, 5);
    }
  });

  it("puts values between their neighbours when it grows", () => {
    // Pixel centres of 4 pixels over 2 voxels: -0.25, 0.25, 0.75, 1.25 in voxels; ends are held.
    expect([...stretchLinear(Float32Array.of(0, 8), 2, all(2, 4), all(1, 1))]).toEqual([0, 2, 6, 8]);
  });

  it("leaves no voxel out when it shrinks", () => {
    for (let bright = 0; bright < 12; bright++) {
      const data = new Float32Array(12);
      data[bright] = 1;
      const sum = stretchLinear(data, 12, all(12, 3), all(1, 1)).reduce((a, b) => a + b, 0);
      expect(sum).toBeGreaterThan(0.1);
    }
  });

  it("shows only the part asked for", () => {
    const data = Float32Array.of(9, 9, 1, 2, 9, 9);
    expect([...stretchLinear(data, 6, { start: 2, span: 2, pixels: 2 }, all(1, 1))]).toEqual([1, 2]);
  });
});

describe("stretchNearest", () => {
  it("repeats labels and mixes none", () => {
    expect([...stretchNearest(Uint8Array.of(1, 4), 2, all(2, 6), all(1, 1))]).toEqual([1, 1, 1, 4, 4, 4]);
  });

  it("takes the voxel in the middle of a pixel when it shrinks", () => {
    expect([...stretchNearest(Uint8Array.of(1, 2, 3, 4, 5, 6), 6, all(6, 2), all(1, 1))]).toEqual([2, 5]);
  });
});
