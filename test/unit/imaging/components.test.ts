import { describe, expect, it } from "vitest";
import type { Size3 } from "#src/imaging/affine.js";
import { componentsOfAtLeast, labelComponents, largestComponents } from "#src/imaging/components.js";
import { fillHoles, fillHolesInSlices } from "#src/imaging/fill-holes.js";
import { readGolden } from "../../goldens/golden.js";

interface Golden {
  readonly components: {
    readonly size: Size3;
    readonly connectivity: 6 | 18 | 26;
    readonly mask: string;
    readonly labels: string;
  }[];
  readonly holes: {
    readonly size: Size3;
    readonly mask: string;
    readonly filled: string;
    readonly filledInSlices: string;
  }[];
}
const golden = readGolden<Golden>("components");
const DIGITS = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
const parse = (text: string): number[] => [...text].map((digit) => DIGITS.indexOf(digit));

describe("labelComponents", () => {
  it.each(golden.components)("numbers components as scikit-image, $connectivity-connected in $size", (c) => {
    const { labels, sizes } = labelComponents(Uint8Array.from(parse(c.mask)), c.size, c.connectivity);
    const expected = parse(c.labels);
    expect([...labels]).toEqual(expected);
    expect([...sizes]).toEqual([...sizes].map((_, label) => expected.filter((v) => v === label).length));
  });

  it("joins by faces, edges and corners as told", () => {
    const mask = new Uint8Array(27);
    mask[0] = 1;
    mask[4] = 1; // shares an edge with the first
    mask[14] = 1; // (2, 1, 1): shares an edge with the second
    mask[22] = 1; // (1, 1, 2): shares an edge with the third
    const count = (connectivity: 6 | 18 | 26): number =>
      labelComponents(mask, [3, 3, 3], connectivity).sizes.length - 1;
    expect([count(6), count(18), count(26)]).toEqual([4, 1, 1]);

    const corner = new Uint8Array(8);
    corner[0] = 1;
    corner[7] = 1;
    const corners = (connectivity: 6 | 18 | 26): number =>
      labelComponents(corner, [2, 2, 2], connectivity).sizes.length - 1;
    expect([corners(6), corners(18), corners(26)]).toEqual([2, 2, 1]);
  });

  it("does not join the end of a row with the start of the next", () => {
    expect(labelComponents(Uint8Array.of(0, 0, 1, 1, 0, 0), [3, 2, 1], 26).sizes.length - 1).toBe(2);
  });

  it("finds nothing in an empty mask and one component in a full one", () => {
    expect([...labelComponents(new Uint8Array(24), [2, 3, 4], 6).sizes]).toEqual([24]);
    expect([...labelComponents(new Uint8Array(24).fill(9), [2, 3, 4], 6).sizes]).toEqual([0, 24]);
  });

  it("refuses a mask of another size", () => {
    expect(() => labelComponents(new Uint8Array(5), [2, 3, 1], 6)).toThrow(RangeError);
  });
});

describe("largestComponents", () => {
  it("keeps the largest, and every other that is as large", () => {
    const mask = Uint8Array.of(1, 1, 0, 1, 0, 1, 1, 0);
    expect([...largestComponents(mask, [8, 1, 1], 6)]).toEqual([1, 1, 0, 0, 0, 1, 1, 0]);
  });

  it("leaves an empty mask empty", () => {
    expect([...largestComponents(new Uint8Array(4), [4, 1, 1], 26)]).toEqual([0, 0, 0, 0]);
  });
});

describe("componentsOfAtLeast", () => {
  it("drops what is smaller", () => {
    const mask = Uint8Array.of(1, 1, 0, 1, 0, 1, 1, 1);
    expect([...componentsOfAtLeast(mask, [8, 1, 1], 6, 2)]).toEqual([1, 1, 0, 0, 0, 1, 1, 1]);
    expect([...componentsOfAtLeast(mask, [8, 1, 1], 6, 3)]).toEqual([0, 0, 0, 0, 0, 1, 1, 1]);
  });
});

describe("fillHoles", () => {
  it.each(golden.holes)("fills what scipy fills, in $size", ({ size, mask, filled, filledInSlices }) => {
    const input = Uint8Array.from(parse(mask));
    expect([...fillHoles(input, size)]).toEqual(parse(filled));
    expect([...fillHolesInSlices(input, size)]).toEqual(parse(filledInSlices));
    expect([...input]).toEqual(parse(mask));
  });

  it("fills a single slice like an image", () => {
    const ring = Uint8Array.of(1, 1, 1, 1, 0, 1, 1, 1, 1);
    expect([...fillHoles(ring, [3, 3, 1])]).toEqual(new Array(9).fill(1));
  });

  it("changes nothing the second time", () => {
    const [hole] = golden.holes;
    if (hole === undefined) throw new Error("golden has no cases");
    const once = fillHoles(Uint8Array.from(parse(hole.mask)), hole.size);
    expect(fillHoles(once, hole.size)).toEqual(once);
  });
});
