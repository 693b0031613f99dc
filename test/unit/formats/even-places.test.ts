import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { endPlaces, evenPlaces } from "#src/formats/even-places.js";
import type { Vec3 } from "#src/imaging/affine.js";

const AXIAL: Vec3 = [0, 0, 1];
const rounded = (start: number, stepMm: number, count: number) =>
  Array.from({ length: count }, (_, k) => toTenth(start + stepMm * k));

/** Rounded as `%.1f` does: what lies halfway, as binary fractions do, goes to the even digit. */
function toTenth(mm: number): number {
  const tenths = Math.floor(mm * 10);
  const isHalfway = mm * 40 === Math.round(mm * 40) && mm * 20 === 2 * tenths + 1;
  return isHalfway ? (tenths + (tenths & 1)) / 10 : Math.round(mm * 10) / 10;
}

function farthest(depths: readonly number[], stepMm: number, firstMm: number): number {
  return Math.max(...depths.map((depth, k) => Math.abs(depth - firstMm - k * stepMm)));
}

describe("evenPlaces", () => {
  it.each([
    { stepMm: 1.25, count: 40, start: 0 },
    { stepMm: 0.39, count: 120, start: 0 },
    { stepMm: 0.45, count: 120, start: 0 },
    { stepMm: 0.7, count: 120, start: 0.05 },
    { stepMm: 1.33, count: 120, start: 0 },
    { stepMm: 1.33, count: 120, start: -203.77 },
  ])("finds steps of $stepMm mm in $count places rounded to 0.1 mm", ({ stepMm, count, start }) => {
    const depths = rounded(start, stepMm, count);
    const places = evenPlaces(depths, AXIAL);
    expect(Math.abs((places?.stepMm ?? 0) - stepMm)).toBeLessThanOrEqual(0.1001 / (count - 1));
    expect(farthest(depths, places?.stepMm ?? 0, places?.firstMm ?? 0)).toBeLessThan(0.0901);
  });

  it("takes the best line where the ends are rounded too far, and no slice then lies farther off than the rounding", () => {
    const depths = rounded(0, 1.25, 40);
    const ends = endPlaces(depths);
    expect(farthest(depths, ends.stepMm, ends.firstMm)).toBeGreaterThan(0.09);
    const places = evenPlaces(depths, AXIAL);
    expect(places?.stepMm).toBeCloseTo(1.25, 9);
    expect(places?.firstMm).toBeCloseTo(0, 9);
    expect(farthest(depths, 1.25, 0)).toBeCloseTo(0.05, 9);
  });

  it("keeps the places of the ends where these will do", () => {
    const depths = [0, 0.6, 1.3, 1.9, 2.5];
    expect(evenPlaces(depths, AXIAL)).toEqual({ firstMm: 0, stepMm: 2.5 / 4 });
  });

  it("finds whatever even steps of 0.6 mm and more were rounded, along every normal", () => {
    const anyPlace = fc.double({ min: -300, max: 300, noNaN: true });
    const anyTurn = fc.double({ min: 0, max: Math.PI / 2, noNaN: true });
    fc.assert(
      fc.property(
        anyPlace,
        fc.double({ min: 0.6, max: 6, noNaN: true }),
        fc.integer({ min: 2, max: 200 }),
        anyTurn,
        anyTurn,
        (start, stepMm, count, a, b) => {
          const normal: Vec3 = [Math.cos(a) * Math.cos(b), Math.sin(a) * Math.cos(b), Math.sin(b)];
          const depths = Array.from({ length: count }, (_, k) =>
            normal.reduce((sum, share) => sum + share * toTenth(share * (start + k * stepMm)), 0),
          );
          expect(evenPlaces(depths, normal)).not.toBeNull();
        },
      ),
    );
  });

  it.each([
    { name: "steps of 0.25 mm, of which rounding leaves 0.2 and 0.3", depths: rounded(0, 0.25, 9).concat(2.2) },
    { name: "thin slices in pairs", depths: [0, 0.28, 0.4, 0.68, 0.8] },
    { name: "a slice farther off than rounding puts it", depths: [0, 2, 4.2, 6, 8, 10] },
    { name: "a spacing that changes", depths: [0, 1, 2, 3, 4.2, 5.4, 6.6] },
  ])("finds none in $name", ({ depths }) => {
    expect(evenPlaces(depths, AXIAL)).toBeNull();
  });
});
