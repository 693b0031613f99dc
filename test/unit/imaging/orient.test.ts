import { describe, expect, it } from "vitest";
import { type Affine, affineFromColumns, applyAffine, type Size3, type Vec3 } from "#src/imaging/affine.js";
import { invertReorientation, orientationOf, planReorientation, reorient } from "#src/imaging/orient.js";
import { largestDifference, readGolden } from "../../goldens/golden.js";

interface Case {
  readonly affine: Affine;
  readonly code: string;
  readonly target: string;
  readonly size: Size3;
  readonly input: number[];
  readonly newSize: Size3;
  readonly output: number[];
  readonly newAffine: number[];
}
const { cases } = readGolden<{ cases: Case[] }>("orient");

describe("orientationOf", () => {
  it.each(cases)("names $code as nibabel does", ({ affine, code }) => {
    expect(orientationOf(affine)).toBe(code);
  });

  it("refuses an affine whose axes lie in a plane", () => {
    expect(() => orientationOf(affineFromColumns([1, 0, 0], [0, 1, 0], [1, 1, 0], [0, 0, 0]))).toThrow(RangeError);
  });
});

describe("reorient", () => {
  it.each(cases)("brings $code to $target as nibabel does", (c) => {
    const plan = planReorientation(c.affine, c.size, c.target);
    expect(plan.size).toEqual(c.newSize);
    expect([...reorient(Int16Array.from(c.input), c.size, plan)]).toEqual(c.output);
    // The golden's affine has twelve digits.
    expect(largestDifference(plan.affine, c.newAffine)).toBeLessThan(1e-8);
    expect(orientationOf(plan.affine)).toBe(c.target);
  });

  it.each(cases)("comes back from $target to $code", (c) => {
    const plan = planReorientation(c.affine, c.size, c.target);
    const back = invertReorientation(plan);
    const input = Uint8Array.from(c.input);
    const there = reorient(input, c.size, plan);
    expect(there).toBeInstanceOf(Uint8Array);
    expect(reorient(there, plan.size, back)).toEqual(input);
    expect(back.affine).toEqual(c.affine);
    expect(back.size).toEqual(c.size);
  });

  it("leaves every voxel where it is in the patient", () => {
    const size: Size3 = [3, 4, 5];
    const affine = affineFromColumns([0, 0.1, -2], [-1.5, 0, 0], [0, 3, 0.2], [10, -20, 30]);
    const index = Int32Array.from({ length: 60 }, (_, i) => i);
    const plan = planReorientation(affine, size, "LPS");
    const out = reorient(index, size, plan);
    const position = (i: number, [nx, ny]: Size3): Vec3 => [i % nx, Math.floor(i / nx) % ny, Math.floor(i / (nx * ny))];
    out.forEach((source, i) => {
      const here = applyAffine(plan.affine, position(i, plan.size));
      expect(largestDifference(here, applyAffine(affine, position(source, size)))).toBeLessThan(1e-9);
    });
  });

  it("refuses letters that do not name each axis once, and another size than the plan's", () => {
    const [c] = cases;
    if (c === undefined) throw new Error("golden has no cases");
    expect(() => planReorientation(c.affine, c.size, "RAR")).toThrow(RangeError);
    expect(() => planReorientation(c.affine, c.size, "RAX")).toThrow(RangeError);
    const plan = planReorientation(c.affine, c.size, "RAS");
    expect(() => reorient(new Uint8Array(24), [4, 3, 2], plan)).toThrow(RangeError);
    expect(() => reorient(new Uint8Array(23), c.size, plan)).toThrow(RangeError);
  });
});
