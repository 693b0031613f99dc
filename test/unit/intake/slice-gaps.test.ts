import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { gapInSeries, type SlicePlace } from "#src/intake/slice-gaps.js";

const AXIAL = [1, 0, 0, 0, 1, 0];
const SAGITTAL = [0, 1, 0, 0, 0, -1];
const at = (mm: number, orientationLps: readonly number[] = AXIAL, thicknessMm: number | null = null): SlicePlace => ({
  positionLps: orientationLps === AXIAL ? [3, -2, mm] : [mm, 5, 1],
  orientationLps,
  thicknessMm,
  declaredStepMm: null,
  number: null,
  contrast: {},
});
const axial = (...depths: number[]) => depths.map((mm) => at(mm));

describe("gapInSeries", () => {
  it("sees a missing slice within a stack, in whatever order the slices come, and none at its ends", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 5, max: 30 }),
        fc.nat(),
        fc.double({ min: 0.5, max: 8, noNaN: true }),
        (n, k, step) => {
          const stack = axial(...Array.from({ length: n }, (_, i) => i * step));
          const missing = k % n;
          const rest = stack
            .filter((_, i) => i !== missing)
            .toSorted((a, b) => ((a.positionLps[2] * 7.3) % 1) - ((b.positionLps[2] * 7.3) % 1));
          expect(gapInSeries(stack)).toBeNull();
          expect(gapInSeries(rest) === null).toBe(missing === 0 || missing === n - 1);
        },
      ),
    );
  });

  it("takes each orientation for a stack of its own: a localiser has no gaps", () => {
    const localiser = [...axial(0, 10, 20), ...[100, 110, 120].map((mm) => at(mm, SAGITTAL))];
    expect(gapInSeries(localiser)).toBeNull();
    expect(gapInSeries([...localiser, at(150, SAGITTAL)])).toMatch(/^series has a gap in 3 steps: 30\.00 mm found/);
  });

  it("counts slices in one place once: echoes, phases, copies", () => {
    expect(gapInSeries(axial(0, 0, 0, 2, 2.001, 4, 4))).toBeNull();
  });

  it("takes each contrast for a stack of its own where Inspect does", () => {
    const echo = (time: string, ...depths: number[]) =>
      axial(...depths).map((place) => ({ ...place, contrast: { "echo time": time } }));
    const first = echo("10", 0, 4, 8, 12);
    // One echo above the other, some way off; and both in turns, unevenly.
    expect(gapInSeries([...first, ...echo("90", 100, 104, 108)])).toBeNull();
    expect(gapInSeries([...first, ...echo("90", 1, 5, 9, 13)])).toBeNull();
    // What lacks a slice is no image of its own, nor what says nothing.
    expect(gapInSeries([...first, ...echo("90", 100, 104, 112, 116)])).toMatch(/^series has .*gap/);
    expect(gapInSeries([...first, ...axial(100, 104, 108)])).toMatch(/^series has a gap in 6 steps: 88\.00 mm found/);
    expect(gapInSeries([...first, ...echo("90", 100, 104)])).toMatch(/^series has a gap/);
  });

  it("sees that every other slice is missing by what the header says of their distance", () => {
    const thinned = [0, 4, 8].map((mm) => ({ ...at(mm, AXIAL, 2), declaredStepMm: 2, number: 1 + mm / 2 }));
    expect(gapInSeries(thinned)).toBe("series has 2 gaps in 2 steps: 4.00 mm found, 2.00 mm expected");
    // The same distances may be slices with gaps of their own thickness, which some headers give.
    expect(gapInSeries(thinned.map((place) => ({ ...place, number: 1 + place.positionLps[2] / 4 })))).toBeNull();
  });

  it("leaves a second spacing that slices as thick bridge to Inspect, and nothing to see in fewer than three slices", () => {
    const headCt = [0, 2.5, 5].map((mm) => at(mm, AXIAL, 2.5)).concat([12.5, 20].map((mm) => at(mm, AXIAL, 7.5)));
    expect(gapInSeries(headCt)).toBeNull();
    for (const few of [[], axial(0), axial(0, 50)]) expect(gapInSeries(few)).toBeNull();
  });
});
