import { describe, expect, it } from "vitest";
import type { Size3 } from "#src/imaging/affine.js";
import { type Connectivity, componentRuns, componentSizes } from "#src/imaging/component-runs.js";
import { keepComponents, labelComponents, largestOfGroups } from "#src/imaging/components.js";
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

const LABELS: Uint16Array = Uint16Array.from({ length: 65_536 }, (_, value) => value);

describe("componentRuns", () => {
  it("finds the components of every label in one walk, the same as those of each label alone", () => {
    const size: Size3 = [23, 17, 9];
    let seed = 5;
    const draw = (): number => {
      seed = (seed * 48_271) % 2_147_483_647;
      return seed;
    };
    const values = Uint8Array.from({ length: 23 * 17 * 9 }, () => draw() % 4);
    for (const connectivity of [4, 8, 6, 18, 26] as const) {
      const runs = componentRuns(values, size, connectivity, LABELS);
      for (const label of [1, 2, 3]) {
        const alone = componentRuns(
          values.map((value) => (value === label ? 1 : 0)),
          size,
          connectivity,
        );
        const together = [...componentSizes(runs)].filter((_, c) => runs.group[c] === label);
        expect(together).toEqual([...componentSizes(alone)]);
      }
    }
  });

  it("joins runs that end together by their corners", () => {
    const diagonal = Uint8Array.of(1, 1, 2, 2, 2, 2, 1, 1);
    expect(componentRuns(diagonal, [4, 2, 1], 8, LABELS).count).toBe(2);
    expect(componentRuns(diagonal, [4, 2, 1], 4, LABELS).count).toBe(4);
  });

  it("keeps slices apart where told", () => {
    const stack = Uint8Array.of(1, 0, 0, 1, 1, 0, 0, 1);
    const count = (connectivity: Connectivity): number => componentRuns(stack, [2, 2, 2], connectivity).count;
    expect([count(4), count(8), count(6), count(26)]).toEqual([4, 2, 2, 1]);
  });

  it("counts mirrored components alike", () => {
    const values = Uint8Array.from({ length: 720 }, (_, i) => ((i * 7919) % 13) % 3);
    const sizes = (v: Uint8Array): number[] => [...componentSizes(componentRuns(v, [12, 10, 6], 18, LABELS))].sort();
    expect(sizes(values.toReversed())).toEqual(sizes(values));
  });
});

describe("largestOfGroups", () => {
  const kept = (values: Uint8Array, size: Size3, connectivity: Connectivity, ties: "all" | "first"): number[] => {
    const runs = componentRuns(values, size, connectivity, LABELS);
    return [...keepComponents(values, runs, largestOfGroups(runs, size, connectivity, ties))];
  };

  it("keeps the largest of each label, and every other that is as large", () => {
    const values = Uint8Array.of(1, 1, 2, 1, 0, 1, 1, 2);
    expect(kept(values, [8, 1, 1], 6, "all")).toEqual([1, 1, 2, 0, 0, 1, 1, 2]);
  });

  it("keeps the first of those as large: lowest x, then y, then z", () => {
    expect(kept(Uint8Array.of(0, 1, 0, 1, 0, 0), [3, 2, 1], 6, "first")).toEqual([0, 0, 0, 1, 0, 0]);
    expect(kept(Uint8Array.of(1, 0, 1, 0), [1, 4, 1], 6, "first")).toEqual([1, 0, 0, 0]);
    expect(kept(Uint8Array.of(0, 1, 0, 1), [1, 2, 2], 6, "first")).toEqual([0, 1, 0, 1]);
    expect(kept(Uint8Array.of(0, 0, 1, 0, 0, 1, 0, 0), [2, 2, 2], 6, "first")).toEqual([0, 0, 1, 0, 0, 0, 0, 0]);
  });

  it("compares the components of slices within their slice", () => {
    const values = Uint8Array.of(1, 1, 0, 1, 0, 0, 0, 1);
    expect(kept(values, [4, 1, 2], 4, "all")).toEqual([1, 1, 0, 0, 0, 0, 0, 1]);
  });

  it("leaves an empty map empty", () => {
    expect(kept(new Uint8Array(4), [4, 1, 1], 26, "all")).toEqual([0, 0, 0, 0]);
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

  it("leaves holes above a size open", () => {
    const row = Uint8Array.of(1, 1, 1, 1, 1, 1, 1, 1, 0, 1, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1, 1);
    const size: Size3 = [7, 3, 1];
    expect([...fillHoles(row, size, 1)]).toEqual([...row].map((v, i) => (i === 8 ? 1 : v)));
    expect([...fillHolesInSlices(row, size, 2)]).toEqual([...row].fill(1));
  });

  it("changes nothing the second time", () => {
    const [hole] = golden.holes;
    if (hole === undefined) throw new Error("golden has no cases");
    const once = fillHoles(Uint8Array.from(parse(hole.mask)), hole.size);
    expect(fillHoles(once, hole.size)).toEqual(once);
  });
});
